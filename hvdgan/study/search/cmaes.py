"""CMA-ES without a memory of its own: the optimizer is rebuilt from the trials whenever a point is asked for.

Optuna's sampler keeps its optimizer pickled in the storage and unpickles it, so a foreign study file could execute
code. Here the completed trials are replayed in the order in which they ended. Points that the strategy did not draw,
or drew for an earlier generation because groups work side by side, are told to it as well: moved towards the mean until
they are as near as its own points typically are, after Hansen, "Injecting external solutions into CMA-ES"
(arXiv:1110.4181).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hvdgan.config import Choices, Dimension
from hvdgan.study.search import values
from hvdgan.study.search.planned import completed

_STEP_SIZE = 0.2
"""Standard deviation of the first generation, of the range of a dimension."""


class Evolution:
    """The plan of CMA-ES (Hansen, arXiv:1604.00772) over the numbers that are in every point of a space."""

    def __init__(self, space: Mapping[str, Dimension], startup: int, seed: int) -> None:
        """Plan for a space.

        Args:
            space: Choices and conditional dimensions are left to chance.
            startup: Completed trials before the first generation; the best of them is its mean.
            seed: Of the draws.
        """
        self.searched = select(space)
        self._startup, self._seeds = startup, np.random.default_rng(seed)

    def propose(self, trials: Sequence[Any]) -> dict[str, Any]:
        """Draw a point of the generation that the completed trials have led to; nothing during the start-up."""
        done = [trial for trial in completed(trials) if self.searched.keys() <= trial.params.keys()]
        if len(done) < self._startup:
            return {}
        optimizer = self._replay(done)
        optimizer.reseed_rng(int(self._seeds.integers(2**32)))
        return {
            name: values.from_unit(dimension, unit)
            for (name, dimension), unit in zip(self.searched.items(), optimizer.ask(), strict=True)
        }

    def _replay(self, done: Sequence[Any]) -> Any:
        """Return the optimizer after all whole generations of completed trials, shape of its points (dimensions,)."""
        from cmaes import CMA

        best = min(done[: self._startup], key=lambda trial: trial.value)
        size, bounds = len(self.searched), np.array([[0.0, 1.0]] * len(self.searched))
        optimizer = CMA(mean=self._place(best), sigma=_STEP_SIZE, bounds=bounds, n_max_resampling=10 * size, seed=0)
        generation = []
        for trial in done[self._startup :]:
            generation.append((_bring_near(optimizer, self._place(trial)), trial.value))
            if len(generation) == optimizer.population_size:
                optimizer.tell(generation)
                generation = []
        return optimizer

    def _place(self, trial: Any) -> np.ndarray:
        """Return where a trial lies in the unit cube, shape (dimensions,)."""
        return np.array([values.to_unit(one, trial.params[name]) for name, one in self.searched.items()])


def select(space: Mapping[str, Dimension]) -> dict[str, Dimension]:
    """Return the dimensions that CMA-ES can search: numbers in every point that leave a choice."""
    return {name: one for name, one in values.free(space).items() if not (isinstance(one, Choices) or one.when)}


def _bring_near(optimizer: Any, place: np.ndarray) -> np.ndarray:
    """Return a place, or one on the way to it where an optimizer's own points typically are at most.

    Args:
        optimizer: Of the package `cmaes`; it does not tell its covariance in public.
        place: Shape (dimensions,).
    """
    size = len(place)
    directions, lengths = optimizer._eigen_decomposition()
    step = (place - optimizer.mean) / optimizer._sigma
    distance = np.linalg.norm(directions.T @ step / lengths)
    reach = math.sqrt(size) + 2 * size / (size + 2)
    return optimizer.mean + optimizer._sigma * step * min(1.0, reach / max(distance, reach))
