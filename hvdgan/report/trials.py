"""How a trial is drawn, the same in every picture of a study: its colour and marker tell where it came from.

Trials are plain rows, as `study.history` makes them. Keys: `number`; `state` ("done", "pruned", "failed", "running",
"waiting"); `value` (None without one) and `values` (one per objective); `params` (name -> value); `source` (a key of
`SOURCES`, or anything). Other keys are left alone.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from hvdgan.report.style import ACCENT, FLOOR, GENERATED, INK, MUTED, SKY, UNTRAINED, VIOLET

Row = Mapping[str, Any]

SOURCES = {
    "startup": ("#8a949e", "o", "start-up (random)"),
    "random": ("#8a949e", "s", "random"),
    "gp": (GENERATED, "o", "Gaussian process"),
    "tpe": (FLOOR, "D", "TPE"),
    "cmaes": (FLOOR, "^", "CMA-ES"),
    "nsga2": (VIOLET, "h", "NSGA-II"),
    "qmc": (SKY, "p", "quasi-random sequence"),
    "grid": (SKY, "s", "grid"),
    "quasi-random": (SKY, "d", "quasi-random, in haste"),
    "enqueued": (ACCENT, "P", "enqueued"),
    "fixed": (ACCENT, "v", "nothing to choose"),
}
"""Colour, marker and name of where a point came from; others are violet triangles."""

EDGE = {"markeredgecolor": "white", "markeredgewidth": 0.5}
"""Keeps markers apart that lie on one another."""

OBJECTIVES = {
    "merit": "figure of merit",
    "generation_time": "generation time  [s]",
    "training_time": "training time  [s]",
}
"""What is minimised, in words."""


def completed(rows: Sequence[Row]) -> list[Row]:
    """Return the trials that ended with a finite value, in the order of their numbers.

    >>> [row["number"] for row in completed([{"number": 1, "value": 2.0}, {"number": 0, "value": None}])]
    [1]
    """
    known = [row for row in rows if row.get("value") is not None and math.isfinite(row["value"])]
    return sorted((row for row in known if row.get("state", "done") == "done"), key=lambda row: row["number"])


def best_of(rows: Sequence[Row]) -> Row | None:
    """Return the completed trial with the lowest value, the earliest of equals; None without any."""
    return min(completed(rows), key=lambda row: row["value"], default=None)


def judge_by(rows: Sequence[Row], objective: int) -> list[Row]:
    """Return the trials with the value of one objective as theirs.

    >>> judge_by([{"value": 1.0, "values": [1.0, 5.0]}, {"value": None}], 1)
    [{'value': 5.0, 'values': [1.0, 5.0]}, {'value': None}]
    """
    return [
        {**row, "value": row["values"][objective]} if len(row.get("values") or ()) > objective else row for row in rows
    ]


def name_objective(name: str) -> str:
    """Return what an objective is called in a picture."""
    return OBJECTIVES.get(name, name.replace("_", " "))


def size_markers(count: int) -> float:
    """Return how large markers are, so that many trials can still be told apart.

    >>> size_markers(10), size_markers(1000)
    (7.0, 4.5)
    """
    return float(min(max(8.0 - count / 60, 4.5), 7.0))


def draw_trial(axes: Axes, place: float, row: Row, size: float = 7.0) -> None:
    """Draw one trial's value; that of a pruned one, which is an intermediate value, hollow."""
    color, marker, _ = look(row)
    filled = row.get("state") != "pruned"
    colors = {"color": color, **EDGE} if filled else {"markerfacecolor": "none", "markeredgecolor": color}
    axes.plot(place, row["value"], marker, markersize=size if filled else 0.75 * size, zorder=3, **colors)


def look(row: Row) -> tuple[str, str, str]:
    """Return colour, marker and name of a trial's source."""
    source = str(row.get("source") or "unknown")
    return SOURCES.get(source, (VIOLET, "^", source))


def draw_untrained(axes: Axes, untrained: float | None) -> None:
    """Draw the untrained generator's value."""
    if untrained is not None and math.isfinite(untrained):
        axes.axhline(untrained, color=UNTRAINED, linewidth=1.3, linestyle=(0, (5, 3)), zorder=1)


def source_handles(rows: Sequence[Row]) -> list[Line2D]:
    """Return legend entries for the sources that occur."""
    looks = dict.fromkeys(look(row) for row in rows)
    style = {"linestyle": "none", "markersize": 7, "markeredgecolor": "white"}
    return [Line2D([], [], color=color, marker=marker, label=name, **style) for color, marker, name in looks]


def line_handles(best: bool, pruned: bool, failed: bool, untrained: float | None) -> list[Line2D]:
    """Return legend entries for what is not a trial with a value."""
    handles = [Line2D([], [], color=INK, linewidth=1.4, label="best so far")] if best else []
    if pruned:
        style = {"markerfacecolor": "none", "markeredgecolor": MUTED, "markersize": 5.5}
        handles.append(Line2D([], [], marker="o", linestyle="none", label="pruned", **style))
    if failed:
        handles.append(Line2D([], [], color=UNTRAINED, marker="X", linestyle="none", markersize=7.5, label="failed"))
    if untrained is not None and math.isfinite(untrained):
        handles.append(Line2D([], [], color=UNTRAINED, linestyle=(0, (5, 3)), linewidth=1.3, label="untrained"))
    return handles
