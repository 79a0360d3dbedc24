"""Progress for people: a live table on a terminal, one plain line per event anywhere else.

`watch_study` and `watch_training` give a listener to whoever runs the work:

    with watch_study(total=20, groups=2) as listen:
        ...                                     # listen(event) for every event of the coordinator
    with watch_training(epochs=30) as told:
        ...                                     # told(row) for every line of metrics

Events and rows are plain dicts, as `study.events` and `training.loop` make them.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from hvdgan.report.board import Board
from hvdgan.report.screen import Screen
from hvdgan.report.tables import show
from hvdgan.report.terminal import measure_screen, reaches_person

Event = Mapping[str, Any]
Listener = Callable[[Event], None]

PAUSE = 0.5
"""Seconds between two drawings of the live table."""

SUMMARY = 30.0
"""Seconds between two summaries where nothing can be redrawn."""

FIRST = ("group", "step", "state", "value", "failure", "counted", "reason", "message")
"""Keys of an event that come first in its line."""

QUIET = (
    *("event", "time", "trial", "number", "message", "reason", "params", "values", "details", "start", "end", "total"),
    *("intermediate", "judged", "objectives"),
)
"""Keys of an event that its line says otherwise, or not at all."""

KINDS = {"untrained": " untrained,", "epoch": " done,"}
"""What a line of metrics says about its epoch, by kind."""


@contextmanager
def watch_study(
    total: int,
    groups: int,
    stream: TextIO | None = None,
    terminal: bool | None = None,
    past: Iterable[Event] = (),
) -> Iterator[Listener]:
    """Show a study: a live table with one row per group, or one line per event and now and then a summary.

    Args:
        total: Trials to do in all.
        groups: How many groups work; numbered from 1.
        stream: Where to; standard output by default.
        terminal: Whether lines can be redrawn there; found out by default.
        past: Events of earlier jobs of the study.
    """
    board = Board(total, groups)
    for event in past:
        board.take(event)
    board.assemble(groups, total)
    with watch_board(board, stream or sys.stdout, reaches_person() if terminal is None else terminal) as listen:
        yield listen


@contextmanager
def watch_board(board: Board, stream: TextIO, terminal: bool) -> Iterator[Listener]:
    """Show a board that may know something already, and keep it up to date.

    Args:
        board: The state of a study.
        stream: Where to.
        terminal: Whether lines can be redrawn there.
    """
    with (_drawing if terminal else _telling)(board, stream) as listen:
        yield listen


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
    >>> study_line({"event": "begun", "time": 0, "groups": 2, "counted": 3, "total": 20})[9:]
    'study begun counted=3/20 groups=2'
    """
    about = {key: value for key, value in event.items() if key not in QUIET and value not in (None, [], "")}
    if "total" in event:
        about["counted"] = f"{event.get('counted')}/{event['total']}"
    for key in ("message", "reason"):
        if event.get(key):
            text = show(str(event[key]).strip().partition("\n")[0])
            about[key] = repr(text) if " " in text else text
    about.update(event.get({"started": "params", "reported": "values"}.get(event["event"], ""), {}))
    ordered = {key: about[key] for key in (*FIRST, *about) if key in about}
    whose = f"trial {event['trial']}" if "trial" in event else "study"
    return " ".join([_clock(event["time"]), f"{whose} {event['event']}", *_pairs(ordered)])


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


@contextmanager
def _drawing(board: Board, stream: TextIO) -> Iterator[Listener]:
    """Keep the board up to date and drawn; a thread of its own lets its clocks run while nothing happens."""
    guard = threading.Lock()
    console = Console(file=stream, force_terminal=True, highlight=False)

    def draw() -> Screen:
        if (size := measure_screen()) is not None:
            console.size = size
        return Screen(board, guard)

    with Live(get_renderable=draw, console=console, refresh_per_second=1 / PAUSE, vertical_overflow="crop") as live:
        live.refresh()

        def listen(event: Event) -> None:
            with guard:
                board.take(event)

        yield listen


@contextmanager
def _telling(board: Board, stream: TextIO) -> Iterator[Listener]:
    """Write a line per event, a summary now and then, and one at the end."""
    told = time.monotonic()
    groups = f"{len(board.groups)} group{'s' * (len(board.groups) != 1)}"
    _write(stream, f"{_clock(time.time())} study of {board.total} trials on {groups}")

    def listen(event: Event) -> None:
        nonlocal told
        board.take(event)
        _write(stream, study_line(event))
        if event["event"] == "ended" or (event["event"] == "finished" and time.monotonic() - told >= SUMMARY):
            told = time.monotonic()
            _write(stream, f"{_clock(event['time'])} {board.headline()}")

    yield listen


def _clock(seconds: float) -> str:
    """Return the time of day of a moment, given in seconds since 1970."""
    return datetime.fromtimestamp(seconds).strftime("%H:%M:%S")


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
