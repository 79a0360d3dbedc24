"""The state of a running study, as the live table shows it: who does what, and how the search stands."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from hvdgan.report.style import format_number

Event = Mapping[str, Any]


class Board:
    """Takes the events of a study and knows what each group is doing."""

    columns = ("group", "trial", "source", "fold", "epoch", "D loss", "G loss", "merit", "events/s", "time", "state")

    def __init__(self, total: int, groups: int, clock: Callable[[], float] = time.time) -> None:
        """Start with idle groups.

        Args:
            total: Trials to do in all.
            groups: How many there are; numbered from 1.
            clock: Seconds since 1970.
        """
        self._clock, self._begun = clock, clock()
        self.total, self.counted, self.failed = total, 0, 0
        self.best: tuple[float, int] | None = None
        self.groups: dict[int, dict[str, Any]] = {group: {} for group in range(1, groups + 1)}

    @property
    def running(self) -> int:
        """Groups with a trial."""
        return sum(doing.get("state") == "running" for doing in self.groups.values())

    def take(self, event: Event) -> None:
        """Take one event into account; kinds unknown here are left alone."""
        taken = {"started": self._start, "reported": self._report, "finished": self._finish}.get(event["event"])
        if taken is not None:
            taken(event, self.groups.setdefault(event["group"], {}))

    def headline(self) -> str:
        """Sum the study up in one line."""
        best = f"best {format_number(self.best[0])} (trial {self.best[1]})" if self.best else "no value yet"
        passed = _duration(self._clock() - self._begun)
        return (
            f"done {self.counted} of {self.total}   running {self.running}   failed {self.failed}   {best}   {passed}"
        )

    def line(self, group: int) -> tuple[Any, ...]:
        """Return one group's row of the table."""
        doing = self.groups[group]
        if not doing:
            return (group, *[None] * (len(self.columns) - 2), "idle")
        values = doing["values"]
        losses = (values.get("discriminator_loss"), values.get("generator_loss"))
        where = (_whole(values.get("fold")), _whole(values.get("epoch")))
        rate, passed = _whole(values.get("events_per_second")), doing["until"] or self._clock()
        about = (group, doing["trial"], doing["source"], *where, *losses, values.get("merit"), rate)
        return (*about, _duration(passed - doing["since"]), doing["state"])

    def _start(self, event: Event, doing: dict[str, Any]) -> None:
        """A group begins a trial."""
        about = {"trial": event["trial"], "source": event.get("source"), "since": event["time"], "until": None}
        doing.update(about, state="running", values={})

    def _report(self, event: Event, doing: dict[str, Any]) -> None:
        """A group tells values of its trial; older ones of other names stay."""
        if doing:
            doing["values"] = {**doing["values"], **event["values"]}

    def _finish(self, event: Event, doing: dict[str, Any]) -> None:
        """A group ends its trial."""
        self.counted, self.total = event.get("counted", self.counted + 1), event.get("total", self.total)
        self.failed += event.get("state") == "failed"
        value = event.get("value")
        if value is not None and event.get("state") == "done":
            candidate = (value, event["trial"])
            self.best = min(candidate, self.best or candidate)
            doing["values"] = {**doing.get("values", {}), "merit": value}
        if doing:
            doing.update(state=event.get("failure") or event.get("state"), until=event["time"])


def _whole(value: float | None) -> int | None:
    """Return a value as a whole number, or None.

    >>> _whole(3.0), _whole(411.7), _whole(None)
    (3, 412, None)
    """
    return None if value is None else round(value)


def _duration(seconds: float) -> str:
    """Return a time span for people.

    >>> _duration(7.9), _duration(125), _duration(7384)
    ('7 s', '2:05', '2:03:04')
    """
    whole = max(int(seconds), 0)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours}:{minutes:02d}:{rest:02d}"
    return f"{minutes}:{rest:02d}" if minutes else f"{rest} s"
