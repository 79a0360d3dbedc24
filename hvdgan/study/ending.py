"""The ending of a study: when no trial starts any more, and why."""

from collections.abc import Callable, Sequence

from hvdgan.config import Study
from hvdgan.study import history


class Ending:
    """Looks at what has ended, at the clock and at who wants to leave."""

    def __init__(self, settings: Study, leaving: Callable[[], bool], clock: Callable[[], float]) -> None:
        """Start the clock of `study.timeout`.

        Args:
            settings: Section `study` of the configuration.
            leaving: Whether somebody asked the job to leave.
            clock: Seconds, growing.
        """
        self._settings, self._leaving, self._clock = settings, leaving, clock
        self._deadline = clock() + settings.timeout if settings.timeout else float("inf")
        self._seen, self._reached = 0, reached(settings, ())

    def reason(self, ended: Sequence[history.Row], counted: int) -> str | None:
        """Return "done", "target", "patience", "preempted" or "timeout"; None while trials start.

        Args:
            ended: Rows of the trials that have ended, in this order.
            counted: How many of them count towards the total.
        """
        if counted >= self._settings.trials:
            return "done"
        if self._leaving():
            return "preempted"
        if self._clock() >= self._deadline:
            return "timeout"
        if len(ended) != self._seen:
            self._seen, self._reached = len(ended), reached(self._settings, ended)
        return self._reached


def reached(settings: Study, ended: Sequence[history.Row]) -> str | None:
    """Return whether the values so far end the study: "target", "patience" or None; the first objective counts."""
    if settings.target is None and settings.patience is None:
        return None
    done = [row for row in ended if row["state"] == "done"]
    best = min((row["value"] for row in done), default=float("inf"))
    if settings.target is not None and best <= settings.target:
        return "target"
    if settings.patience is None or not done:
        return None
    place = next(place for place, row in enumerate(ended) if row["state"] == "done" and row["value"] == best)
    later = [*ended[:place], *ended[place + 1 :]]
    since = history.count(later) - history.count(ended[:place])
    return "patience" if since >= settings.patience else None
