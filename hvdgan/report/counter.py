"""A bar that fills while events are counted, for a person who waits."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from hvdgan.report.terminal import reaches_person


@contextmanager
def counting(what: str, total: int, stream: TextIO | None = None, terminal: bool | None = None) -> Iterator[Callable]:
    """Give a function that is told how many more events are done; a bar on a terminal, nothing anywhere else.

    Args:
        what: Is counted, such as "showers".
        total: How many there will be.
        stream: Where to; standard output by default.
        terminal: Whether the stream reaches a person; found out by default.
    """
    stream = stream or sys.stdout
    if not (reaches_person() if terminal is None else terminal):
        yield lambda count: None
        return
    name = TextColumn("{task.description}")
    columns = (BarColumn(None), MofNCompleteColumn(), name, TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=stream, force_terminal=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda count: progress.advance(task, count)
