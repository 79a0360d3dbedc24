"""The live table of a study, fitted to the screen: what does not fit is left out, the least important first."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hvdgan.report.board import Board
from hvdgan.report.progress import duration
from hvdgan.report.tables import Table as PlainTable
from hvdgan.report.tables import show, to_text

LEAVE_OUT = ("source", "D loss", "fold", "time", "G loss", "events/s", "merit", "epoch")
"""Columns that a narrow screen does without, the first ones first."""

TEXTS = ("source", "state")
COLOURS = {"running": "green", "done": "cyan", "pruned": "yellow", "idle": "dim", "preempted": "yellow"}
"""Of a group's state; everything else went wrong and is red."""

AROUND = 8
"""Lines that are not rows of the table, and one to be safe."""


class Screen:
    """Draws a board with the width and height there is."""

    def __init__(self, board: Board, guard: AbstractContextManager[Any] | None = None) -> None:
        """Draw a board, as it is at the time of drawing.

        Args:
            board: The board.
            guard: Keeps the board as it is while it is drawn, when another thread changes it.
        """
        self._board, self._guard = board, guard or nullcontext()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Give rich the parts from top to bottom."""
        with self._guard:
            parts = list(self._parts(options.max_width, options.height or console.height))
        yield from parts

    def _parts(self, width: int, height: int) -> Iterator[RenderableType]:
        """Draw the parts from top to bottom."""
        room, groups = max(height - AROUND, 1), list(self._board.groups)
        shown = groups if len(groups) <= room else groups[: max(room - 1, 1)]
        yield _draw_header(self._board, width)
        yield _draw_groups(self._board, shown, width)
        if len(shown) < len(groups):
            yield Text(f"and {len(groups) - len(shown)} more groups", style="dim")
        if self._board.note:
            yield Text(show(self._board.note), style="red", no_wrap=True, overflow="ellipsis")


def board_text(board: Board) -> str:
    """Return the same as plain lines, without any control code."""
    rows = tuple(board.line(group) for group in board.groups)
    table = to_text(PlainTable(board.headline(), board.columns, rows))
    return f"{table}\n{show(board.note)}" if board.note else table


def _draw_header(board: Board, width: int) -> Group:
    """Return a bar with the trials that are through, and how the search stands."""
    now, left = board.now(), board.left()
    times = [f"groups busy {board.job.utilisation(now):.0%}", duration(now - board.job.begin)]
    if left is not None and not board.job.ended:
        times.append(f"{duration(left)} left")
    through, clock = f"{board.counted} of {board.total} trials", "  ".join(times)
    bar = ProgressBar(
        total=max(board.total, 1),
        completed=min(board.counted, board.total),
        width=max(min(width - len(through) - len(clock) - 4, 60), 4),
        complete_style="cyan",
        finished_style="cyan",
    )
    first = Table.grid(padding=(0, 2, 0, 0))
    first.add_row(Text(through, style="bold", no_wrap=True), bar, Text(clock, no_wrap=True))
    second = Text.assemble(board.counts(), "  ", (board.leader(), "bold"))
    return Group(first, second, "")


def _draw_groups(board: Board, groups: list[int], width: int) -> Table:
    """Return the table of some groups."""
    lines = [dict(zip(board.columns, board.line(group), strict=True)) for group in groups]
    cells = [{name: "" if value is None else show(value) for name, value in line.items()} for line in lines]
    names = _fit(list(board.columns), cells, width)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold underline")
    for name in names:
        table.add_column(name, justify="left" if name in TEXTS else "right", no_wrap=True)
    for line in cells:
        table.add_row(*(_cell(name, line[name]) for name in names))
    return table


def _fit(names: list[str], cells: list[dict[str, Any]], width: int) -> list[str]:
    """Return the columns that fit into a width.

    >>> _fit(["group", "source", "state"], [{"group": "1", "source": "gp", "state": "running"}], 18)
    ['group', 'state']
    """
    widths = {name: max(len(name), *(len(line[name]) for line in cells), 0) for name in names}
    for name in LEAVE_OUT:
        if sum(widths.values()) + 2 * (len(widths) - 1) <= width:
            break
        widths.pop(name, None)
    return list(widths)


def _cell(name: str, text: str) -> Text:
    """Return a cell; the state in its colour."""
    if name != "state":
        return Text(text)
    return Text(text, style=COLOURS.get(text, "bold red"))
