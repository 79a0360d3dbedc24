"""Hits: what a cell collects when only its expectation is known.

Showers reach a cell in hits: their number is Poisson, and the energy of each a gamma variate with a mean and a
relative spread. The sum, a compound Poisson variate, is tabulated by its expectation and by how lucky a cell is, so
that a network can draw it by looking it up, and knows the slope of what it drew.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import gamma, poisson

MANY = 60.0
"""Expected hits from which on their sum is a gamma variate of the same mean and spread."""

EXPECTED = np.linspace(-8.0, 9.0, 69)
"""Logarithms of the expected deposits in the table, in hits."""

FEWEST, MOST = map(float, np.exp(EXPECTED[[0, -1]]))
"""Expected hits at the ends of the table; what lies beyond is in proportion to them."""

LUCK = np.linspace(-8.0, 8.0, 65)
"""Logits of the probability that a cell collects less."""

POINTS = 4000
"""Deposits at which a distribution is evaluated before it is inverted."""


@dataclass(frozen=True)
class HitTable:
    """Deposits by expectation and luck, in units of a hit's mean energy.

    Args:
        deposits: At each of `EXPECTED` and `LUCK`, shape (69, 65); between them the deposit is bilinear in both.
    """

    deposits: NDArray[np.float64]

    @classmethod
    def of(cls, spread: float) -> "HitTable":
        """Tabulate hits.

        Each row is scaled so that its mean over all lucks is the expectation.

        Args:
            spread: Standard deviation of a hit's energy relative to its mean.

        >>> table = HitTable.of(0.45)
        >>> table.deposits[16, [0, 32, 64]].round(2).tolist()  # 0.02 hits are expected: mostly nothing comes
        [0.0, 0.0, 2.18]
        """
        below = 1 / (1 + np.exp(-LUCK))
        rows = np.array([_invert(np.exp(expected), spread, below) for expected in EXPECTED])
        lucks = np.linspace(-16, 16, 6401)
        weights = 1 / (2 * np.cosh(lucks / 2)) ** 2
        means = np.array([np.interp(lucks, LUCK, row) for row in rows]) @ (weights / weights.sum())
        return cls(rows * (np.exp(EXPECTED) / means)[:, None])


def _invert(expected: float, spread: float, below: NDArray) -> NDArray[np.float64]:
    """Return the deposits that are not reached with some probabilities, when so many hits are expected."""
    if expected > MANY:
        shape = expected / (1 + spread**2)
        return gamma.ppf(below, shape, scale=expected / shape)
    most = expected + 12 * np.sqrt(expected * (1 + spread**2)) + 6
    deposits, counts = np.linspace(0, most, POINTS), np.arange(1, int(most) + 12)[:, None]
    reached = gamma.cdf(deposits, counts / spread**2, scale=spread**2)
    none = np.exp(-expected)
    fewer = none + poisson.pmf(counts[:, 0], expected) @ reached
    return np.where(below <= none, 0.0, np.interp(below, fewer, deposits))
