"""The bootstrap: how much a metric would change with another sample of the same size.

Resampling n events with replacement gives each a weight, the number of times it was drawn (Efron, Annals of Statistics
7, 1979). Row 0 of the weights is the sample itself, so that a metric and its replicas come from the same expression.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def draw_weights(events: int, repeats: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Return the weights of the sample itself and of its replicas.

    Args:
        events: Size n of the sample.
        repeats: Number of replicas.
        generator: Draws them.

    Returns:
        Shape (1 + repeats, n); each row adds up to n.

    >>> weights = draw_weights(3, 2, np.random.default_rng(0))
    >>> weights[0].tolist(), weights.sum(axis=1).tolist()
    ([1.0, 1.0, 1.0], [3.0, 3.0, 3.0])
    """
    drawn = generator.multinomial(events, np.full(events, 1.0 / events), size=repeats)
    return np.concatenate([np.ones((1, events)), drawn])


def conclude(replicas: NDArray) -> tuple[float, float]:
    """Return a metric and its standard error, given its value for the sample itself and for each replica.

    >>> conclude(np.array([5.0, 4.0, 6.0]))
    (5.0, 1.4142135623730951)
    """
    return float(replicas[0]), float(np.std(replicas[1:], ddof=1)) if len(replicas) > 2 else 0.0


def average(parts: Sequence[NDArray]) -> NDArray[np.float64]:
    """Return the mean over energy bins of a metric and of its replicas, each of shape (1 + repeats,)."""
    return np.mean(np.stack(parts), axis=0)
