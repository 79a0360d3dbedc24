"""The state of a running study, as the live table shows it: who does what, and how the search stands."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from hvdgan import pareto
from hvdgan.report.progress import duration, remaining, time_left, trial_progress
from hvdgan.report.style import format_number
from hvdgan.report.timeline import Job

Event = Mapping[str, Any]

NO_LOSS = ("preempted", "unused")
"""Failures that nobody has to worry about."""


class Board:
    """Takes the events of a study, live or stored ones, and knows what each group is doing."""

    columns = (
        *("group", "trial", "source", "fold", "epoch", "D loss", "G loss", "merit"),
        *("events/s", "time", "ETA", "state"),
    )

    def __init__(self, total: int = 0, groups: int = 0, clock: Callable[[], float] = time.time) -> None:
        """Start with idle groups.

        Args:
            total: Trials to do in all.
            groups: How many there are; numbered from 1.
            clock: Seconds since 1970.
        """
        self._clock = clock
        self.counted, self.objectives = 0, ["merit"]
        self.endings = {"done": 0, "pruned": 0, "failed": 0}
        self.values: dict[int, tuple[float, ...]] = {}
        """Of the trials on the Pareto front; with one objective, of the best trial."""
        self.note = ""
        """What went wrong last, in a line."""
        self._seconds, self._ended = 0.0, 0
        self.assemble(groups, total)

    @property
    def running(self) -> int:
        """Groups with a trial."""
        return sum(doing.get("state") == "running" for doing in self.groups.values())

    @property
    def best(self) -> tuple[float, int] | None:
        """The lowest first value and its trial."""
        return min(((values[0], number) for number, values in self.values.items()), default=None)

    def take(self, event: Event) -> None:
        """Take one event into account; kinds unknown here are left alone."""
        kind = event["event"]
        if kind == "begun":
            self.assemble(event["groups"], event["total"], event["time"])
            self.counted, self.objectives = event["counted"], event.get("objectives") or self.objectives
        elif not self.job.spans and event["time"] < self.job.begin:  # stored events without their beginning
            self.job = Job(event["time"], len(self.groups), event["time"])
        self.job.take(event)
        group = event.get("group")
        if kind in _TAKEN and group is not None:
            _TAKEN[kind](self, event, self.groups.setdefault(group, {}))
        if kind == "ended":
            for doing in self.groups.values():
                doing.update({"state": "lost", "until": event["time"]} if doing.get("state") == "running" else {})

    def assemble(self, groups: int, total: int, begin: float | None = None) -> None:
        """Begin a job with idle groups; what earlier ones found stays, what their groups did is over.

        Args:
            groups: How many there are; numbered from 1.
            total: Trials to do in all.
            begin: Seconds since 1970; now by default.
        """
        begin = self._clock() if begin is None else begin
        self.total, self.job = total, Job(begin, groups, begin)
        self.groups: dict[int, dict[str, Any]] = {group: {} for group in range(1, groups + 1)}

    def now(self) -> float:
        """Return the time at which the study stands: that of its end, when it has ended."""
        return self.job.last if self.job.ended else self._clock()

    def headline(self) -> str:
        """Sum the study up in one line."""
        left = "" if self.job.ended else f"  left {duration(self.left())}"
        return (
            f"{self.counted} of {self.total} trials  {self.counts()}  {self.leader()}  "
            f"groups busy {self.job.utilisation(self.now()):.0%}  {duration(self.now() - self.job.begin)}{left}"
        )

    def counts(self) -> str:
        """Return how many trials ended how."""
        return (
            f"done {self.endings['done']}  pruned {self.endings['pruned']}  "
            f"running {self.running}  failed {self.endings['failed']}"
        )

    def leader(self) -> str:
        """Return the best trial so far, or the size of the Pareto front."""
        if self.best is None:
            return "no value yet"
        if len(next(iter(self.values.values()))) > 1:
            return f"Pareto front of {len(self.values)} trials"
        value, number = self.best
        return f"best {self.objectives[0]} {format_number(value)} (trial {number})"

    def left(self) -> float | None:
        """Return the seconds until the total is reached, from the trials so far; None when nothing tells."""
        if self.counted >= self.total and not self.running:
            return None
        etas = [self._eta(doing) for doing in self.groups.values() if doing.get("state") == "running"]
        free = sum(doing.get("state") not in ("running", "given up") for doing in self.groups.values())
        return time_left(etas, free, max(self.total - self.counted - len(etas), 0), self._mean())

    def line(self, group: int) -> tuple[Any, ...]:
        """Return one group's row of the table."""
        doing = self.groups[group]
        if "trial" not in doing:
            return (group, *[None] * (len(self.columns) - 2), doing.get("state", "idle"))
        values, until = doing["values"], doing["until"]
        epoch = _whole(values.get("epoch"))
        of = f"{epoch}/{_whole(values['epochs'])}" if values.get("epochs") and epoch is not None else epoch
        losses = (values.get("discriminator_loss"), values.get("generator_loss"))
        about = (group, doing["trial"], doing["source"], _whole(values.get("fold")), of, *losses, values.get("merit"))
        passed = duration((until or self.now()) - doing["since"])
        eta = duration(self._eta(doing)) if doing["state"] == "running" else None
        return (*about, _whole(values.get("events_per_second")), passed, eta, doing["state"])

    def _start(self, event: Event, doing: dict[str, Any]) -> None:
        """A group begins a trial; one that goes on from elsewhere tells its progress with its first report."""
        about = {"trial": event["trial"], "source": event.get("source"), "since": event["time"], "until": None}
        marks = [] if event.get("attempt") else [(event["time"], 0.0)]
        doing.update(about, state="running", values={}, marks=marks)

    def _report(self, event: Event, doing: dict[str, Any]) -> None:
        """A group tells values of its trial; older ones of other names stay."""
        if "trial" not in doing:
            return
        doing["values"] = {**doing["values"], **event["values"]}
        progress = trial_progress(doing["values"])
        if progress is not None:
            doing["marks"] = [*doing["marks"][:1], (event["time"], progress)]

    def _finish(self, event: Event, doing: dict[str, Any]) -> None:
        """A group ends its trial."""
        self.counted, self.total = event.get("counted", self.counted + 1), event.get("total", self.total)
        state, failure = event.get("state"), event.get("failure")
        if failure not in NO_LOSS and state in self.endings:
            self.endings[state] += 1
        if failure and failure not in NO_LOSS:
            self.note = f"trial {event['trial']} failed ({failure}): {_first_line(event.get('message'))}"
        if state == "done":
            self._rank(event)
        if doing.get("trial") == event["trial"]:
            self._leave(event, doing)

    def _leave(self, event: Event, doing: dict[str, Any]) -> None:
        """A group is free again; its row shows how its trial ended until the next one begins."""
        self._seconds, self._ended = self._seconds + event["time"] - doing["since"], self._ended + 1
        value = {"merit": event.get("value")} if self.objectives[0] == "merit" and event.get("state") == "done" else {}
        ending = "given up" if doing["state"] == "given up" else event.get("failure") or event.get("state")
        doing.update(state=ending, until=event["time"], values={**doing["values"], **value})

    def _give_up(self, event: Event, doing: dict[str, Any]) -> None:
        """A group falls silent and is not used any more."""
        doing.update(state="given up", until=doing.get("until") or event["time"])
        self.note = f"given up: {event.get('reason') or event['group']}"

    def _rank(self, event: Event) -> None:
        """Let a value join the best ones, if it belongs there."""
        values = event.get("values") or [event.get("value")]
        if None not in values:
            self.values[event["trial"]] = tuple(values)
            kept = pareto.front(self.values)
            self.values = {number: self.values[number] for number in (kept if len(values) > 1 else kept[:1])}

    def _mean(self) -> float | None:
        """Return the mean duration of the trials so far, in seconds."""
        return self._seconds / self._ended if self._ended else None

    def _eta(self, doing: Mapping[str, Any]) -> float | None:
        """Return the seconds a running trial still needs: as it tells itself, else as trials before it took."""
        own, mean = remaining(doing["marks"], self.now()), self._mean()
        if own is not None or mean is None:
            return own
        return max(mean - (self.now() - doing["since"]), 0.0)


_TAKEN = {"started": Board._start, "reported": Board._report, "finished": Board._finish, "given_up": Board._give_up}


def _whole(value: float | None) -> int | None:
    """Return a value as a whole number, or None.

    >>> _whole(3.0), _whole(411.7), _whole(None)
    (3, 412, None)
    """
    return None if value is None else round(value)


def _first_line(message: str | None) -> str:
    """Return the line of a message that says what happened: the first one, which our failures begin with."""
    return (message or "").strip().partition("\n")[0]
