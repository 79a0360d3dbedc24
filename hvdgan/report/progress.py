"""How long things will still take: pure arithmetic on what running trials tell about themselves."""

import heapq
import math
from collections.abc import Mapping, Sequence
from typing import Any


def trial_progress(values: Mapping[str, Any]) -> float | None:
    """Return the fraction of a trial that is done, from the values it reports; None when they do not tell.

    Args:
        values: `epoch` (finished ones) of `epochs`; with cross validation also `fold` (from 0) of `folds`, and `rings`,
            the number of folds that train at once, 1 by default.

    >>> trial_progress({"epoch": 3, "epochs": 12}), trial_progress({"epoch": 3, "epochs": 12, "fold": 1, "folds": 2})
    (0.25, 0.625)
    >>> trial_progress({"epoch": 3, "epochs": 12, "fold": 1, "folds": 2, "rings": 2})
    0.25
    >>> trial_progress({"epoch": 3}) is None
    True
    """
    epochs = values.get("epochs")
    if not epochs or values.get("epoch") is None:
        return None
    rings = values.get("rings") or 1
    rounds, before = math.ceil((values.get("folds") or 1) / rings), values.get("fold", 0) // rings
    return min(max((min(before, rounds - 1) + values["epoch"] / epochs) / rounds, 0.0), 1.0)


def remaining(marks: Sequence[tuple[float, float]], now: float) -> float | None:
    """Return the seconds a trial still needs, when it goes on as fast as between two marks; None when it got nowhere.

    Args:
        marks: Time in seconds and fraction done, at the start of what is known and at its end.
        now: Time in seconds.

    >>> remaining([(100.0, 0.5), (120.0, 0.75)], 125.0), remaining([(100.0, 0.0)], 125.0)
    (15.0, None)
    """
    if len(marks) < 2 or marks[-1][1] <= marks[0][1]:
        return None
    (start, before), (end, done) = marks[0], marks[-1]
    return max((end - start) * (1 - done) / (done - before) - (now - end), 0.0)


def time_left(running: Sequence[float | None], free: int, waiting: int, mean: float | None) -> float | None:
    """Return the seconds until the last trial ends, when every group takes the next one as soon as it is free.

    Args:
        running: Seconds each running trial still needs.
        free: Groups without a trial.
        waiting: Trials that no group has begun.
        mean: Mean duration of a trial in seconds.

    >>> time_left([10.0, 30.0], 0, 3, 20.0), time_left([], 0, 2, 20.0), time_left([None], 0, 0, 5.0)
    (50.0, None, None)
    """
    if None in running or (waiting and mean is None) or not (running or free):
        return None
    ends = [*(end for end in running if end is not None), *[0.0] * free]
    heapq.heapify(ends)
    for _ in range(waiting):
        heapq.heapreplace(ends, ends[0] + (mean or 0.0))
    return max(ends)


def duration(seconds: float | None) -> str:
    """Return a time span for people.

    >>> duration(7.9), duration(125), duration(7384), duration(None)
    ('7 s', '2:05', '2:03:04', '-')
    """
    if seconds is None:
        return "-"
    whole = max(int(seconds), 0)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours}:{minutes:02d}:{rest:02d}"
    return f"{minutes}:{rest:02d}" if minutes else f"{rest} s"
