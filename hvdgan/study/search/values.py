"""The values of one dimension: which are legal, which number each has, and where it lies between 0 and 1.

A grid counts values, an evolution strategy and a quasi-random sequence think in the unit cube, a fixed point must be
legal; here is what they share.
"""

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from hvdgan.config import Choices, Dimension, FloatRange, IntRange

Numeric = FloatRange | IntRange
"""Dimensions whose values have an order."""

_TOLERANCE = Fraction(1, 10**8)
"""Of a step: how far a value may lie beside its place, as in Optuna."""


def same(one: Any, other: Any) -> bool:
    """Tell whether two plain values are one; `1` is `1.0`, but not `true`.

    >>> same(1, 1.0), same(1, True), same("adam", "adam")
    (True, False, True)
    """
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def count(dimension: Dimension) -> int | None:
    """Return how many values a dimension has; None for a continuous range.

    >>> count(FloatRange(type="float", low=0.1, high=0.5, step=0.1)), count(FloatRange(type="float", low=0, high=1))
    (5, None)
    """
    if isinstance(dimension, Choices):
        return len(dimension.choices)
    if dimension.step is None:
        return 1 if dimension.low == dimension.high else None
    return int((exact(dimension.high) - exact(dimension.low)) // exact(dimension.step)) + 1


def free(space: Mapping[str, Dimension]) -> dict[str, Dimension]:
    """Return the dimensions of a space that leave a choice."""
    return {name: dimension for name, dimension in space.items() if count(dimension) != 1}


def nth(dimension: Dimension, place: int) -> Any:
    """Return a value by its number, from 0.

    >>> nth(FloatRange(type="float", low=0.1, high=0.5, step=0.1), 2)
    0.3
    """
    if isinstance(dimension, Choices):
        return dimension.choices[place]
    kind = int if isinstance(dimension, IntRange) else float
    return kind(exact(dimension.low) + place * exact(dimension.step or 1))


def find(dimension: Dimension, value: Any) -> int | None:
    """Return the number of a value; None if the dimension cannot take it, or is continuous."""
    if isinstance(dimension, Choices):
        return next((place for place, choice in enumerate(dimension.choices) if same(choice, value)), None)
    if count(dimension) is None or not _lies_within(dimension, value):
        return None
    place = (exact(value) - exact(dimension.low)) / exact(dimension.step or 1)
    return round(place) if abs(place - round(place)) <= _TOLERANCE else None


def settle(dimension: Dimension, value: Any) -> Any:
    """Return a value as the dimension has it, or None if it cannot take it.

    >>> settle(FloatRange(type="float", low=0.0, high=2.0), 1), settle(IntRange(type="int", low=0, high=9, step=3), 4)
    (1.0, None)
    """
    if count(dimension) is None:
        return float(value) if _lies_within(dimension, value) else None
    place = find(dimension, value)
    return None if place is None else nth(dimension, place)


def describe(dimension: Dimension) -> str:
    """Say which values are legal.

    >>> describe(IntRange(type="int", low=2, high=10, step=4))
    'a whole number from 2 to 10 in steps of 4'
    """
    if isinstance(dimension, Choices):
        return "one of " + ", ".join(str(choice) for choice in dimension.choices)
    kind = "whole number" if isinstance(dimension, IntRange) else "number"
    steps = f" in steps of {dimension.step}" if dimension.step not in (None, 1) else ""
    return f"a {kind} from {dimension.low} to {dimension.high}{steps}"


def to_unit(dimension: Numeric, value: float) -> float:
    """Return where a number lies between 0 and 1, on the dimension's own scale; a step owns an interval."""
    low, high = _edges(dimension)
    return (_scale(dimension, value) - low) / (high - low) if high > low else 0.5


def from_unit(dimension: Dimension, unit: float) -> Any:
    """Return the value that owns a place between 0 and 1.

    >>> from_unit(IntRange(type="int", low=1, high=4), 0.49), from_unit(IntRange(type="int", low=1, high=4), 1.0)
    (2, 4)
    """
    if isinstance(dimension, Choices):
        return nth(dimension, min(int(unit * len(dimension.choices)), len(dimension.choices) - 1))
    low, high = _edges(dimension)
    value = low + unit * (high - low)
    value = min(max(math.exp(value) if dimension.log else value, dimension.low), dimension.high)
    if count(dimension) is None:
        return value
    return nth(dimension, round((exact(value) - exact(dimension.low)) / exact(dimension.step or 1)))


def exact(number: float) -> Fraction:
    """Return the number that was written: 0.1 is a tenth, not its nearest binary fraction."""
    return Fraction(str(number))


def _lies_within(dimension: Numeric, value: Any) -> bool:
    """Tell whether a value is a number of the dimension's kind between its ends."""
    kinds = int if isinstance(dimension, IntRange) else (int, float)
    return isinstance(value, kinds) and not isinstance(value, bool) and dimension.low <= value <= dimension.high


def _edges(dimension: Numeric) -> tuple[float, float]:
    """Return what the places 0 and 1 are on the dimension's scale: half a step outside of its ends."""
    half = (dimension.step or 0) / 2
    return _scale(dimension, dimension.low - half), _scale(dimension, dimension.high + half)


def _scale(dimension: Numeric, value: float) -> float:
    """Put a number on the dimension's scale."""
    return math.log(value) if dimension.log else float(value)
