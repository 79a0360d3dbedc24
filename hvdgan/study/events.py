"""What happens in a study, as plain rows for whoever watches: a live table, a log, a file of JSON lines.

One job: `begun`, then `started`, `reported`, `finished` of its trials and perhaps `given_up` of a group, then `ended`.
A resumed study appends its next job to the same file; a job without `ended` was killed.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

from hvdgan.study.history import Row
from hvdgan.study.messages import Assignment, Report

Event = dict[str, Any]
"""Always: `event` (the name of a function below) and `time` (s since 1970); `trial`, `group` where there is one."""

Listener = Callable[[Event], None]
"""Is told every event, in order, on the coordinator's thread; should return soon."""


def begun(groups: int, counted: int, total: int, objectives: Sequence[str] = ("merit",)) -> Event:
    """Tell that a job begins, all its groups idle.

    Args:
        groups: How many there are, numbered from 1.
        counted: Trials that are through.
        total: Trials to do in all.
        objectives: Names of what is minimised.
    """
    about = {"groups": groups, "counted": counted, "total": total, "objectives": list(objectives)}
    return {**_event("begun"), **about}


def started(assignment: Assignment, group: int, source: str) -> Event:
    """Tell that a trial was given to a group: adds `attempt`, `source` and `params`."""
    about = {"attempt": assignment.attempt, "source": source, "params": assignment.params}
    return {**_event("started", assignment.number, group), **about}


def reported(report: Report, group: int) -> Event:
    """Tell an intermediate value of a trial: adds `step`, `values` and `judged`."""
    about = {"step": report.step, "values": report.values, "judged": report.judged}
    return {**_event("reported", report.number, group), **about}


def finished(row: Row, group: int, counted: int, total: int) -> Event:
    """Tell how a trial ended: adds its row of the history, and how many of the total are through."""
    return {**row, **_event("finished", row["number"], group), "counted": counted, "total": total}


def given_up(group: int, reason: str) -> Event:
    """Tell that a group fell silent and gets no trial any more: adds `reason`."""
    return {**_event("given_up", group=group), "reason": reason}


def ended(reason: str) -> Event:
    """Tell that a job is through: adds `reason` ("done", "preempted", "timeout", ...)."""
    return {**_event("ended"), "reason": reason}


def _event(name: str, trial: int | None = None, group: int | None = None) -> Event:
    """Return what every event has."""
    about = {"trial": trial, "group": group}
    return {
        "event": name,
        "time": time.time(),
        **{key: number for key, number in about.items() if number is not None},
    }
