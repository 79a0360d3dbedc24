"""Tables for people and for files: built once from plain rows, shown by rich on a terminal and as plain text elsewhere.

A `Table` holds plain values; `to_rows` gives them to a CSV writer, `to_text` and `to_rich` to readers.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from hvdgan import pareto
from hvdgan.calo.merit import Merit
from hvdgan.report.style import format_number

Row = Mapping[str, Any]

FEW = " Few events: the noise of the reference hides the differences between good generators."


@dataclass(frozen=True)
class Table:
    """Plain values in rows and columns.

    Args:
        title: Above the table.
        columns: Names of the columns, units included.
        rows: One tuple per row, as long as `columns`: numbers, texts, or None.
        strong: Indices of the rows that matter most.
        note: A sentence below the table.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    strong: tuple[int, ...] = ()
    note: str = ""


def merit_table(merit: Merit, floor: Merit | None = None) -> Table:
    """Tabulate a figure of merit: its parts in each bin of incident energy, and the mean over the bins.

    Args:
        merit: Generated against reference.
        floor: One half of the reference against the other, in the same bins.
    """
    columns = ("E [GeV]", "events", "ref. [%]", "gen. [%]", "moments", "profiles", "sampling", "merit", "floor")
    floors = [row["merit"] for row in floor.rows] if floor else []
    rows = [_merit_row(row, floors[place] if place < len(floors) else None) for place, row in enumerate(merit.rows)]
    parts = [_mean([row[name] for row in merit.rows]) for name in _PARTS]
    last = ("all", merit.events, None, None, *parts, merit.value, floor.value if floor else None)
    note = "ref. and gen. are mean sampling fractions; the merit is the sum of the three columns before it."
    return Table("Figure of merit", columns, (*rows, last), (len(rows),), note + ("" if merit.reliable else FEW))


def study_table(rows: Sequence[Row], title: str = "Trials", objectives: Sequence[str] = ("value",)) -> Table:
    """Tabulate trials: number, ending, values, source, group, time, parameters and why a trial failed.

    Args:
        rows: One per trial: `number`, `state`, `value`, `values`, `source`, `group`, `seconds`, `params`, `failure`,
            `spread` over the folds and `pruned_at`; the last two get a column where a trial has one.
        title: Above the table.
        objectives: Names of the values; the best row is strong, or the Pareto front.
    """
    names = list(dict.fromkeys(name for row in rows for name in row.get("params", {})))
    spread, cut, failed = (
        [key] if any(row.get(key) is not None for row in rows) else [] for key in ("spread", "pruned_at", "failure")
    )
    keys = [*spread, "source", "group", "seconds"]
    columns = ("trial", "ended", *objectives, *keys, *names, *cut, *failed)
    lines = [
        (
            *(row["number"], row.get("state"), *_values(row, len(objectives))),
            *(row.get(key) for key in keys),
            *(row.get("params", {}).get(name) for name in names),
            *(row.get(key) for key in (*cut, *failed)),
        )
        for row in rows
    ]
    done = {place: _values(row, len(objectives)) for place, row in enumerate(rows) if row.get("state") == "done"}
    best = pareto.front({place: values for place, values in done.items() if None not in values})
    return Table(title, columns, tuple(lines), tuple(best if len(objectives) > 1 else best[:1]))


def best_table(row: Row, title: str = "Best trial", objectives: Sequence[str] = ("value",)) -> Table:
    """Tabulate one trial as names and values: its number, values, spread over the folds, source, time, parameters."""
    values = list(zip(objectives, _values(row, len(objectives)), strict=True))
    about = [
        (key, row[key]) for key in ("fold_values", "spread", "source", "seconds") if row.get(key) not in (None, [])
    ]
    return Table(title, ("name", "value"), (("trial", row["number"]), *values, *about, *row["params"].items()), (1,))


def to_rows(table: Table) -> list[dict[str, Any]]:
    """Return a table as one dict per row, values as they are, for CSV or JSON.

    >>> to_rows(Table("", ("a", "b"), ((1, None),)))
    [{'a': 1, 'b': None}]
    """
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def to_text(table: Table) -> str:
    """Return a table as plain aligned lines, without any control code.

    >>> print(to_text(Table("T", ("name", "value"), (("a", 1.5), ("long", None)))))
    T
    name  value
    a       1.5
    long      -
    """
    body = [[show(value) for value in row] for row in table.rows]
    cells = [[show(column) for column in shorten(table.columns)], *body]
    widths = [max(len(row[place]) for row in cells) for place in range(len(table.columns))]
    numeric = [is_numeric(table, place) for place in range(len(table.columns))]
    lines = ["  ".join(_pad(*cell) for cell in zip(row, widths, numeric, strict=True)).rstrip() for row in cells]
    return "\n".join([show(table.title), *lines, *([show(table.note)] if table.note else [])])


def to_rich(table: Table) -> RichTable:
    """Return a table for a terminal; texts are shown as they are, never read as markup."""
    drawn = RichTable(
        title=Text(table.title, style="bold"),
        box=box.SIMPLE_HEAD,
        title_justify="left",
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for place, column in enumerate(shorten(table.columns)):
        drawn.add_column(Text(show(column)), justify="right" if is_numeric(table, place) else "left")
    for number, row in enumerate(table.rows):
        drawn.add_row(*(Text(show(value)) for value in row), style="bold" if number in table.strong else "")
    if table.note:
        drawn.caption = Text(show(table.note), style="dim")
        drawn.caption_justify = "left"
    return drawn


def print_table(table: Table, stream: TextIO, terminal: bool) -> None:
    """Print a table: drawn on a terminal, as plain text anywhere else; wide ones run over the edge, whole."""
    if terminal:
        console, drawn = Console(file=stream, force_terminal=True), to_rich(table)
        width = console.measure(drawn, options=console.options.update(width=1000)).maximum
        console.print(drawn, width=max(console.width, width), crop=False)
    else:
        stream.write(to_text(table) + "\n\n")


def shorten(columns: Sequence[str]) -> list[str]:
    """Return the last part of dotted names, unless two columns would then be called the same.

    >>> shorten(["trial", "gan.weights.ecal", "training.seed", "gan.seed", "E [GeV]", "ref. [%]"])
    ['trial', 'ecal', 'training.seed', 'gan.seed', 'E [GeV]', 'ref. [%]']
    """
    last = [name.rsplit(".", 1)[-1] if name.replace(".", "").replace("_", "").isalnum() else name for name in columns]
    return [short if last.count(short) == 1 else name for short, name in zip(last, columns, strict=True)]


def show(value: Any) -> str:
    r"""Return a value as one line of printable text.

    >>> show(0.123456), show(None), show(True), show("two\nlines\x1b[31m"), show([1.0, 0.25])
    ('0.123', '-', 'True', 'two lines [31m', '1 0.25')
    """
    if value is None or isinstance(value, bool):
        return "-" if value is None else str(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return format_number(value)
    if isinstance(value, list | tuple):
        return " ".join(show(member) for member in value)
    return "".join(letter if letter.isprintable() else " " for letter in str(value))


def format_measured(value: float, error: float) -> str:
    """Write a value and its error, two digits of the error, both with the same number of decimals.

    >>> format_measured(0.03863, 0.00215), format_measured(12.3, 4.2), format_measured(0.5, 0.0)
    ('0.0386 ± 0.0022', '12.3 ± 4.2', '0.5 ± 0')
    >>> format_measured(2.41e-7, 3.9e-8)
    '2.41e-07 ± 3.9e-08'
    """
    if not (math.isfinite(value) and math.isfinite(error) and error > 0):
        return f"{format_number(value)} ± {format_number(error)}"
    if error < 1e-6:
        return f"{value:.3g} ± {error:.2g}"
    decimals = max(1 - math.floor(math.log10(error)), 0)
    return f"{value:.{decimals}f} ± {error:.{decimals}f}"


def is_numeric(table: Table, column: int) -> bool:
    """Tell whether a column holds numbers, and therefore stands to the right."""
    values = [row[column] for row in table.rows if row[column] is not None]
    numbers = [isinstance(value, int | float) and not isinstance(value, bool) for value in values]
    return bool(numbers) and numbers.count(True) * 2 >= len(numbers)


_PARTS = ("moment_error", "profile_error", "sampling_error")


def _merit_row(row: Row, floor: float | None) -> tuple[Any, ...]:
    """Return one energy bin of a merit as a row."""
    energies = f"{row['energy_low']:.0f}-{row['energy_high']:.0f}"
    fractions = [100 * row[name] for name in ("reference_fraction", "generated_fraction")]
    return (energies, int(row["events"]), *fractions, *(row[name] for name in _PARTS), row["merit"], floor)


def _values(row: Row, count: int) -> list[float | None]:
    """Return the values of a trial, one per objective; None where it has none."""
    known = list(row.get("values") or [row.get("value")])
    return [*known, *[None] * count][:count]


def _mean(values: Sequence[float]) -> float | None:
    """Return the mean, or None of nothing."""
    return sum(values) / len(values) if values else None


def _pad(cell: str, width: int, numeric: bool) -> str:
    """Fill a cell up with blanks, on the left for numbers."""
    return cell.rjust(width) if numeric else cell.ljust(width)
