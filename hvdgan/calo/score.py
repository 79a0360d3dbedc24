"""A metric's value with its error, and what it means beside its floor.

The floor is the same metric between two independent reference samples of the same size: what a perfect generator gets.
"""

import math
from dataclasses import dataclass

from hvdgan.calo.merit import MIN_EVENTS

SIGMAS = 2.0
"""Up to so many standard errors above the floor a generator is as good as the reference."""


@dataclass(frozen=True)
class Value:
    """A measured metric; lower is better.

    Args:
        value: The metric.
        error: One standard error.
        events: Events on each side.
        fewest: Events on the smaller side of the emptiest energy bin that was compared by itself.
        note: What differs from the metric's definition, such as its sample sizes; empty when nothing does.
    """

    value: float
    error: float
    events: int
    fewest: int
    note: str = ""

    @property
    def is_reliable(self) -> bool:
        """Return whether there are at least `merit.MIN_EVENTS` events in each bin of energy."""
        return self.fewest >= MIN_EVENTS


@dataclass(frozen=True)
class Score:
    """A metric of a generator beside its floor.

    Args:
        name: Of the metric.
        title: The same, for people.
        value: Generated against reference.
        floor: Reference against reference, at the same size.
        perfect: What equal distributions have, apart from noise.
    """

    name: str
    title: str
    value: Value
    floor: Value
    perfect: float = 0.0

    @property
    def sigmas(self) -> float:
        """Return how many standard errors the value lies above the floor; negative below."""
        excess = self.value.value - self.floor.value
        error = math.hypot(self.value.error, self.floor.error)
        return excess / error if error else math.copysign(math.inf, excess) if excess else 0.0

    @property
    def level(self) -> float:
        """Return what the value is measured in: the floor, or where that is within its noise, the end of its noise."""
        return max(self.floor.value - self.perfect, SIGMAS * self.floor.error)

    @property
    def times(self) -> float:
        """Return the value over the floor; infinite where the floor is exactly perfect."""
        distance = self.value.value - self.perfect
        return distance / self.level if self.level > 0 else math.inf if distance > 0 else 0.0

    @property
    def verdict(self) -> str:
        """Return in words how the value stands to the floor.

        >>> floor = Value(0.02, 0.002, 5000, 5000)
        >>> Score("s", "S", Value(0.023, 0.002, 5000, 5000), floor).verdict
        'as good as the reference'
        >>> Score("s", "S", Value(0.3, 0.01, 5000, 5000), floor).verdict
        '15 x the floor'
        >>> Score("a", "AUC", Value(0.8, 0.03, 900, 900), Value(0.51, 0.04, 900, 900), perfect=0.5).verdict
        '5.8 sigma above the floor; few events'
        """
        few = "" if self.value.is_reliable and self.floor.is_reliable else "; few events"
        return self._words() + few

    def _words(self) -> str:
        """Return the verdict without what limits it."""
        if abs(self.sigmas) <= SIGMAS:
            return "as good as the reference"
        if self.sigmas < 0:
            return "closer than two reference samples"
        if self.perfect or self.floor.value <= SIGMAS * self.floor.error:
            return f"{_short(self.sigmas)} sigma above the floor"
        return f"{_short(self.times)} x the floor"


def _short(number: float) -> str:
    """Return two digits of a number, or all of those before the point.

    >>> _short(1.234), _short(15.6), _short(1234.5), _short(math.inf)
    ('1.2', '16', '1234', 'inf')
    """
    return f"{number:.2g}" if number < 99.5 else f"{number:.0f}"
