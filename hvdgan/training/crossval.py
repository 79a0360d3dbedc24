"""Cross validation: one value from several trainings, each leaving another part of the events out."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FoldValues:
    """What the folds of one trial gave.

    Args:
        values: One per finished fold; fewer than there are folds when one ended early.
    """

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The trial's value."""
        return float(np.mean(self.values))

    @property
    def spread(self) -> float:
        """Standard deviation over the folds; 0 for a single fold.

        >>> FoldValues((1.0, 3.0)).spread
        1.4142135623730951
        """
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else 0.0


def cross_validate(train_fold: Callable[[int], float | None], folds: int) -> FoldValues:
    """Train the folds one after the other on the whole ring, until one ends early.

    Args:
        train_fold: Trains with one fold left out and returns its value there, or None when it ended early.
        folds: How many there are.

    >>> cross_validate(lambda fold: [0.5, None, 0.25][fold], 3).values
    (0.5,)
    """
    values: list[float] = []
    for fold in range(folds):
        value = train_fold(fold)
        if value is None:
            break
        values.append(value)
    return FoldValues(tuple(values))
