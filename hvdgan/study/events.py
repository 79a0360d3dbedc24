"""What happens in a study, as plain rows for whoever watches: a live table, a log, a file of JSON lines."""

import time
from collections.abc import Callable
from typing import Any

from hvdgan.study.history import Row
from hvdgan.study.messages import Assignment, Report

Event = dict[str, Any]
"""Always: `event` ("started", "reported", "finished"), `time` (seconds since 1970), `trial`, `group`."""

Listener = Callable[[Event], None]
"""Is told every event, in order, on the coordinator's thread; should return soon."""


def started(assignment: Assignment, group: int, source: str) -> Event:
    """Tell that a trial was given to a group: adds `attempt`, `source` and `params`."""
    about = {"attempt": assignment.attempt, "source": source, "params": assignment.params}
    return {**_event("started", assignment.number, group), **about}


def reported(report: Report, group: int) -> Event:
    """Tell an intermediate value of a trial: adds `step` and `values`."""
    return {**_event("reported", report.number, group), "step": report.step, "values": report.values}


def finished(row: Row, group: int, counted: int, total: int) -> Event:
    """Tell how a trial ended: adds its row of the history, and how many of the total are through."""
    return {**row, **_event("finished", row["number"], group), "counted": counted, "total": total}


def _event(name: str, trial: int, group: int) -> Event:
    """Return what every event has."""
    return {"event": name, "time": time.time(), "trial": trial, "group": group}
