"""The meter: events per second and waiting time of an interval of training steps, without validation."""

import time
from typing import Any


class Meter:
    """Counts the events of the ring from one reading to the next, and in all; `seconds` is the time of all readings."""

    def __init__(self, events_per_step: int) -> None:
        """Start the first interval.

        Args:
            events_per_step: Of all ranks together.
        """
        self._events_per_step = events_per_step
        self._steps, self.seconds = 0, 0.0
        self.begin()

    def begin(self) -> None:
        """Start an interval now; what happened since the last reading does not count."""
        self._start, self._interval_steps = time.perf_counter(), 0

    def count(self) -> None:
        """Count one step."""
        self._interval_steps += 1

    @property
    def pending(self) -> int:
        """Steps since the last reading."""
        return self._interval_steps

    def read(self, waited: float) -> dict[str, Any]:
        """Return the figures of the interval and start the next one.

        Args:
            waited: Seconds of the interval that went into waiting for data.
        """
        seconds = time.perf_counter() - self._start
        events = self._interval_steps * self._events_per_step
        self._steps, self.seconds = self._steps + self._interval_steps, self.seconds + seconds
        self.begin()
        return {"events_per_second": events / seconds, "waited_fraction": min(waited / seconds, 1.0)}

    def events_per_second(self) -> float:
        """Return the figure over all intervals; 0 before the first step."""
        return self._steps * self._events_per_step / self.seconds if self.seconds else 0.0
