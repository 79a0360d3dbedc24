"""What happens in a study, as plain rows for whoever watches: a live table, a log, a file of JSON lines."""

import time
from collections.abc import Callable
from typing import Any

from hvdgan.study.history import Row
from hvdgan.study.messages import Assignment, Report

Event = dict[str, Any]
"""Always: `event` ("begun", "started", "reported", "finished", "given_up", "ended") and `time` (seconds since 1970);
`trial` and `group` where they belong to one."""

Listener = Callable[[Event], None]
"""Is told every event, in order, on the coordinator's thread; should return soon."""


def begun(groups: int, counted: int, total: int) -> Event:
    """Tell that a job begins, or continues, a study: adds how many groups work and how many trials are through."""
    return {"event": "begun", "time": time.time(), "groups": groups, "counted": counted, "total": total}


def started(assignment: Assignment, group: int, source: str) -> Event:
    """Tell that a trial was given to a group: adds `attempt`, `source` and `params`."""
    about = {"attempt": assignment.attempt, "source": source, "params": assignment.params}
    return {**_event("started", assignment.number, group), **about}


def reported(report: Report, group: int) -> Event:
    """Tell intermediate values of a trial: adds `step`, `values` and whether they were `judged`."""
    return {
        **_event("reported", report.number, group),
        "step": report.step,
        "values": report.values,
        "judged": report.judged,
    }


def finished(row: Row, group: int, counted: int, total: int) -> Event:
    """Tell how a trial ended: adds its row of the history, and how many of the total are through."""
    return {**row, **_event("finished", row["number"], group), "counted": counted, "total": total}


def given_up(group: int, reason: str) -> Event:
    """Tell that a group is not used any more."""
    return {"event": "given_up", "time": time.time(), "group": group, "reason": reason}


def ended(reason: str) -> Event:
    """Tell that the job gives no trial any more and all have ended."""
    return {"event": "ended", "time": time.time(), "reason": reason}


def _event(name: str, trial: int, group: int) -> Event:
    """Return what every event of a trial has."""
    return {"event": name, "time": time.time(), "trial": trial, "group": group}
