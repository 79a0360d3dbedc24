"""Progress for people: a live table on a terminal, one plain line per event anywhere else.

`watch_study` and `watch_training` give a listener to whoever runs the work:

    with watch_study(total=20, groups=2) as listen:
        ...                                     # listen(event) for every event of the coordinator
    with watch_training(epochs=30) as told:
        ...                                     # told(row) for every line of metrics

Events and rows are plain dicts, as `study.events` and `training.loop` make them.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from hvdgan.report.board import Board
from hvdgan.report.tables import Table, show, to_rich
from hvdgan.report.terminal import reaches_person

Event = Mapping[str, Any]
Listener = Callable[[Event], None]

PAUSE = 0.2
"""Seconds between two drawings of the live table, unless a trial starts or ends."""

FIRST = ("group", "step", "state", "value", "failure", "counted", "message")
"""Keys of an event that come first in its line."""

QUIET = ("event", "time", "trial", "number", "message", "params", "values", "details", "start", "end", "total")
"""Keys of an event that its line says otherwise, or not at all."""

KINDS = {"untrained": " untrained,", "epoch": " done,"}
"""What a line of metrics says about its epoch, by kind."""


@contextmanager
def watch_study(
    total: int, groups: int, stream: TextIO | None = None, terminal: bool | None = None
) -> Iterator[Listener]:
    """Show a study: a live table with one row per group, or one line per event.

    Args:
        total: Trials to do in all.
        groups: How many groups work; numbered from 1.
        stream: Where to; standard output by default.
        terminal: Whether lines can be redrawn there; found out by default.
    """
    stream = stream or sys.stdout
    if not (reaches_person() if terminal is None else terminal):
        yield lambda event: _write(stream, study_line(event))
        return
    board, console = Board(total, groups), Console(file=stream, force_terminal=True)
    with Live(draw_board(board), console=console, auto_refresh=False, vertical_overflow="visible") as live:
        try:
            yield _redrawing(board, live)
        finally:
            live.update(draw_board(board), refresh=True)


@contextmanager
def watch_training(epochs: int, stream: TextIO | None = None, terminal: bool | None = None) -> Iterator[Listener]:
    """Show one training: one line per interval of metrics; on a terminal the merit is bold.

    Args:
        epochs: Epochs to do in all.
        stream: Where to; standard output by default.
        terminal: Whether colours are welcome there; found out by default.
    """
    stream = stream or sys.stdout
    if not (reaches_person() if terminal is None else terminal):
        yield lambda row: _write(stream, training_line(row, epochs))
        return
    console = Console(file=stream, force_terminal=True, highlight=False)
    yield lambda row: console.print(Text(training_line(row, epochs), style="bold" if "merit" in row else ""))


def study_line(event: Event) -> str:
    """Return one event of a study as one greppable line.

    >>> study_line({"event": "reported", "time": 0, "trial": 3, "group": 1, "step": 2, "values": {"merit": 0.41}})[9:]
    'trial 3 reported group=1 step=2 merit=0.41'
    """
    about = {key: value for key, value in event.items() if key not in QUIET and value not in (None, [], "")}
    if "total" in event:
        about["counted"] = f"{event.get('counted')}/{event['total']}"
    if event.get("message"):
        about["message"] = repr(show(str(event["message"]).strip().splitlines()[-1]))
    if event["event"] == "started":
        about.update(event["params"])
    elif event["event"] == "reported":
        about.update(event["values"])
    ordered = {key: about[key] for key in (*FIRST, *about) if key in about}
    clock = datetime.fromtimestamp(event["time"]).strftime("%H:%M:%S")
    return " ".join([clock, f"trial {event['trial']} {event['event']}", *_pairs(ordered)])


def training_line(row: Event, epochs: int) -> str:
    """Return one line of metrics as one greppable line.

    >>> training_line({"kind": "step", "epoch": 0, "steps": 20, "generator_loss": 12.5}, 30)
    'epoch  1/30 step     20 generator_loss=12.5'
    >>> training_line({"kind": "epoch", "epoch": 1, "steps": 40, "merit": 0.5, "best_merit": 0.5}, 30)
    'epoch  1/30 done, step     40 merit=0.5 best_merit=0.5'
    """
    kind = row.get("kind", "step")
    epoch = int(row.get("epoch", 0)) + (kind == "step")
    where = f"epoch {epoch:{len(str(epochs))}d}/{epochs}{KINDS.get(kind, '')} step {int(row.get('steps', 0)):6d}"
    about = {key: value for key, value in row.items() if key not in ("kind", "epoch", "steps")}
    return " ".join([where, *_pairs(about)])


def draw_board(board: Board) -> Group:
    """Return the live table of a study."""
    rows = tuple(board.line(group) for group in board.groups)
    table = to_rich(Table("", board.columns, rows))
    table.title = None
    return Group(Text(board.headline(), style="bold"), table)


def _redrawing(board: Board, live: Live) -> Listener:
    """Return a listener that keeps the board and draws it, but not too often."""
    drawn = 0.0

    def listen(event: Event) -> None:
        nonlocal drawn
        board.take(event)
        now = time.monotonic()
        if event["event"] != "reported" or now - drawn >= PAUSE:
            drawn = now
            live.update(draw_board(board), refresh=True)

    return listen


def _pairs(values: Mapping[str, Any]) -> list[str]:
    """Return plain values as key=value, without nested ones and without the single terms of the losses.

    >>> _pairs({"generator_loss": 12.5, "generator_auxiliary": 3.0, "details": {}})
    ['generator_loss=12.5']
    """
    shown = {key: value for key, value in values.items() if not isinstance(value, Mapping) and not _is_term(key)}
    return [f"{key}={show(value)}" for key, value in shown.items()]


def _is_term(name: str) -> bool:
    """Tell whether a metric is one term of a network's loss; the sum has a name of its own."""
    return name.startswith(("generator_", "discriminator_")) and not name.endswith("_loss")


def _write(stream: TextIO, line: str) -> None:
    """Write one line at once, so that a reader of a pipe sees it now."""
    stream.write(line + "\n")
    stream.flush()
