"""The watchdog: ends a process that stopped making progress, so that its job ends instead of hanging.

A peer that was stopped, or a host that died, blocks the others inside MPI for ever: no exception can free them. The
thread that waits here is the C one of `faulthandler`, which needs neither the interpreter's lock nor MPI.
"""

import faulthandler
import math
import sys
import time

BITES = 2.0
"""In units of `training.stall_timeout`: so long without progress ends a process; its peers are free by then."""

SLACK = 0.05
"""A beat re-arms the watchdog only after this fraction of its time; so many more seconds may pass before it bites."""


class Watchdog:
    """While the block runs, some beat must come every so many seconds.

    Otherwise the stack of every thread goes to stderr and the process ends at once, with exit code 1 (failed). There
    is one watchdog in a process at a time. Without a number of seconds it never bites.

    Args:
        seconds: Longest time between two beats; None switches the watchdog off.
    """

    def __init__(self, seconds: float | None) -> None:
        """Remember the time; nothing runs before the block."""
        self._seconds = math.inf if seconds is None else seconds
        self._armed = 0.0

    def __enter__(self) -> "Watchdog":
        """Start to wait for beats."""
        self._arm()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop waiting."""
        faulthandler.cancel_dump_traceback_later()

    def beat(self) -> None:
        """Say that the process made progress; cheap enough for every step."""
        if time.monotonic() - self._armed > SLACK * self._seconds:
            self._arm()

    def _arm(self) -> None:
        """Let the time begin anew."""
        if math.isfinite(self._seconds):
            self._armed = time.monotonic()
            faulthandler.dump_traceback_later((1 + SLACK) * self._seconds, exit=True, file=sys.__stderr__)
