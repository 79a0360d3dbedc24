"""Points that are laid out beforehand, whatever the trials say: a grid, and a sequence that fills the space evenly."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hvdgan.config import Dimension
from hvdgan.study.search import values


class Grid:
    """Every point of a space of countable dimensions once, in random order."""

    def __init__(self, space: Mapping[str, Dimension], seed: int) -> None:
        """Plan the grid of a space.

        Args:
            space: Countable dimensions, each in every point.
            seed: Of the order.
        """
        self.searched = values.free(space)
        self._counts = [values.count(one) for one in self.searched.values()]
        self._random = np.random.default_rng(seed)

    @property
    def size(self) -> int:
        """Number of points."""
        return math.prod(self._counts)

    def propose(self, trials: Sequence[Any]) -> dict[str, Any]:
        """Return a point that no trial has; nothing when all have been tried.

        Failed trials count as tried; those that were asked for but never given to a group do not.
        """
        tried = sorted({self._number(one.params) for one in trials if one.user_attrs.get("failure") != "unused"} - {-1})
        left = self.size - len(tried)
        if left == 0:
            return {}
        number = int(self._random.integers(left))
        for taken in tried:
            number += number >= taken
        return self._point(number)

    def _number(self, params: Mapping[str, Any]) -> int:
        """Return a point's number in the grid, -1 if it is none of its points."""
        number = 0
        for (name, dimension), size in zip(self.searched.items(), self._counts, strict=True):
            place = values.find(dimension, params[name]) if name in params else None
            if place is None:
                return -1
            number = number * size + place
        return number

    def _point(self, number: int) -> dict[str, Any]:
        """Return the point of a number."""
        point = {}
        for name, dimension in reversed(self.searched.items()):
            number, place = divmod(number, values.count(dimension))
            point[name] = values.nth(dimension, place)
        return point


class QuasiRandom:
    """The scrambled Sobol sequence over all dimensions, conditional ones too.

    Owen, "Scrambling Sobol' and Niederreiter-Xing points" (J. Complexity 14, 1998): fills the space more evenly than
    random points do.
    """

    def __init__(self, space: Mapping[str, Dimension], seed: int, start: int) -> None:
        """Enter the sequence.

        Args:
            space: The dimensions.
            seed: Of the scrambling; the same seed continues the same sequence.
            start: How many points to leave out.
        """
        self.searched = values.free(space)
        self._seed, self._next = seed, start

    def propose(self, trials: Sequence[Any]) -> dict[str, Any]:
        """Return the next point of the sequence."""
        from scipy.stats.qmc import Sobol

        sequence = Sobol(len(self.searched), scramble=True, seed=self._seed)
        if self._next:
            sequence.fast_forward(self._next)
        self._next += 1
        units = sequence.random(1)[0]
        return {
            name: values.from_unit(one, unit) for (name, one), unit in zip(self.searched.items(), units, strict=True)
        }
