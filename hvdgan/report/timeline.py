"""When each group of a study was at work: the jobs of a study and the spans of their trials, from its events."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Event = Mapping[str, Any]


@dataclass
class Span:
    """The time a group spent on a trial.

    Args:
        group: Which one, from 1.
        trial: Number of the trial.
        start: Seconds since 1970.
        end: Seconds since 1970; None while it runs.
        ending: "done", "pruned", "preempted", "lost" or "failed"; "running" until then.
    """

    group: int
    trial: int
    start: float
    end: float | None = None
    ending: str = "running"


@dataclass
class Job:
    """One job of a study, from its first event to its last.

    Args:
        begin: Seconds since 1970.
        groups: How many there are.
        last: Time of the latest event.
        ended: Whether the job came to its end; a killed one did not.
        spans: What the groups did, in the order of beginnings.
        gone: When a group was given up.
    """

    begin: float
    groups: int
    last: float
    ended: bool = False
    spans: list[Span] = field(default_factory=list)
    gone: dict[int, float] = field(default_factory=dict)
    _open: dict[int, Span] = field(default_factory=dict)
    _closed: float = 0.0

    def take(self, event: Event) -> None:
        """Take one event of the job into account."""
        self.last = max(self.last, event["time"])
        kind, group = event["event"], event.get("group")
        if kind == "started":
            self._close(group, event["time"], "lost")
            self._open[group] = Span(group, event["trial"], event["time"])
            self.spans.append(self._open[group])
            self.groups = max(self.groups, group)
        elif kind == "finished" and group in self._open and self._open[group].trial == event["trial"]:
            self._close(group, event["time"], _ending(event))
        elif kind == "given_up":
            self._close(group, event["time"], "lost")
            self.gone[group] = event["time"]
        elif kind == "ended":
            self.ended = True
            self.abandon()

    def abandon(self) -> None:
        """Close the job: what was running when it was heard of last is lost."""
        for group in list(self._open):
            self._close(group, self.last, "lost")

    def utilisation(self, now: float | None = None) -> float:
        """Return busy time over the time there was: every group counts from the beginning until it is given up.

        Args:
            now: Seconds since 1970, for a job that still runs; the time of the latest event by default.
        """
        end = self.last if now is None or self.ended else now
        busy = self._closed + sum(end - span.start for span in self._open.values())
        there = (self.groups - len(self.gone)) * (end - self.begin)
        there += sum(gone - self.begin for gone in self.gone.values())
        return min(busy / there, 1.0) if there > 0 else 0.0

    def _close(self, group: int, time: float, ending: str) -> None:
        """End the open span of a group, if there is one."""
        if (span := self._open.pop(group, None)) is not None:
            span.end, span.ending = time, ending
            self._closed += time - span.start


def follow_jobs(events: Iterable[Event]) -> list[Job]:
    """Return the jobs of a study from its events, oldest first."""
    jobs: list[Job] = []
    for event in events:
        if event["event"] == "begun" or not jobs:
            if jobs:
                jobs[-1].abandon()
            jobs.append(Job(event["time"], event.get("groups", 0), event["time"]))
        jobs[-1].take(event)
    return jobs


def total_utilisation(jobs: Sequence[Job]) -> float:
    """Return the utilisation over all jobs, weighted by the time their groups had."""
    weights = [job.groups * (job.last - job.begin) for job in jobs]
    busy = sum(weight * job.utilisation() for weight, job in zip(weights, jobs, strict=True))
    return busy / sum(weights) if sum(weights) else 0.0


def _ending(event: Event) -> str:
    """Return how a trial ended, in one word.

    >>> _ending({"state": "failed", "failure": "nan"}), _ending({"state": "failed", "failure": "preempted"})
    ('failed', 'preempted')
    """
    failure = event.get("failure")
    return failure if failure in ("preempted", "lost") else event.get("state", "done")
