"""The meter: events per second and waiting time of an interval of training steps, without validation."""

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """Some training steps.

    Args:
        events: Events of all ranks.
        seconds: What they took.
        waited: Seconds of these that went into waiting for data.
    """

    events: int
    seconds: float
    waited: float

    def figures(self) -> dict[str, float]:
        """Return what a line of metrics tells of it.

        >>> Interval(10, 2.0, 0.5).figures()
        {'events_per_second': 5.0, 'waited_fraction': 0.25}
        """
        waited = min(self.waited / self.seconds, 1.0)
        return {"events_per_second": self.events / self.seconds, "waited_fraction": waited}


class Meter:
    """Counts the events of all ranks from one reading to the next."""

    def __init__(self, events_per_step: int) -> None:
        """Start the first interval.

        Args:
            events_per_step: Of all ranks of the ring together.
        """
        self._events_per_step = events_per_step
        self.begin()

    def begin(self) -> None:
        """Start an interval now; what happened since the last reading does not count."""
        self._start, self.pending = time.perf_counter(), 0

    def count(self) -> None:
        """Count one step; `pending` is their number since the last reading."""
        self.pending += 1

    def read(self, waited: float, steps: int) -> Interval:
        """Return the interval and start the next one.

        Args:
            waited: Seconds of the interval that went into waiting for data.
            steps: Done in it by all rings together.
        """
        interval = Interval(steps * self._events_per_step, time.perf_counter() - self._start, waited)
        self.begin()
        return interval
