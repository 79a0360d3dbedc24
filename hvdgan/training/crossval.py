"""Cross validation: one value from several trainings, each leaving another part of the events out."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from hvdgan.training.loop import Result


@dataclass(frozen=True)
class FoldValues:
    """What the folds of one trial gave.

    Args:
        values: One per fold.
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


def train_folds(train_fold: Callable[[int], Result], folds: Iterable[int]) -> list[Result]:
    """Train folds one after the other, until one ends early.

    Args:
        train_fold: Trains with one fold left out.
        folds: Their numbers.

    Returns:
        How each fold ended that was begun.
    """
    results: list[Result] = []
    for fold in folds:
        results.append(train_fold(fold))
        if results[-1].ending != "done":
            break
    return results
