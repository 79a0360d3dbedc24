"""The search space: from the ranges of the configuration to the parameters of one trial.

Every parameter is suggested when the point is asked for, before it travels: a Gaussian process takes running trials
into account only if it knows all of their parameters.
"""

import math
from typing import Any, Protocol

from hvdgan.config import Choices, Dimension, IntRange
from hvdgan.errors import ConfigError
from hvdgan.study.search import conditions, values
from hvdgan.study.search.conditions import Space

_COUNTABLE = 2**53
"""More values than this a real number cannot tell apart, and Optuna keeps every value as one."""


class Point(Protocol):
    """What a point is suggested to: an Optuna trial, or anything with its three methods."""

    def suggest_float(self, name: str, low: float, high: float, *, step: float | None, log: bool) -> float:
        """Choose a real number."""

    def suggest_int(self, name: str, low: int, high: int, *, step: int, log: bool) -> int:
        """Choose a whole number."""

    def suggest_categorical(self, name: str, choices: list[Any]) -> Any:
        """Choose one of several values."""


def suggest(point: Point, space: Space) -> dict[str, Any]:
    """Choose all parameters of a trial; what a condition names is chosen before what depends on it.

    Returns:
        The parameters; a dimension whose condition does not hold is not among them. Steps are exact: 0.3 where Optuna
        says 0.30000000000000004, or a condition on 0.3 would not hold.
    """
    chosen: dict[str, Any] = {}
    for name in conditions.order(space):
        if conditions.holds(space[name].when, chosen):
            given = _suggest_one(point, name, space[name])
            exact = values.settle(space[name], given)
            chosen[name] = given if exact is None else exact
    return chosen


def check(space: Space) -> None:
    """Refuse what Optuna would refuse later, or silently change, and conditions that can never hold.

    Raises:
        ConfigError: The space is empty, or a range or a condition is not legal; one line per problem.
    """
    if not space:
        raise ConfigError("study.space is empty: name at least one key of gan.* or training.* and its range")
    found = [(name, problem) for name, one in space.items() if (problem := _problem(one))]
    found = found or list(conditions.find_problems(space))
    if found:
        raise ConfigError("\n".join(f"study.space: {name}: {problem}" for name, problem in found))


def describe(space: Space) -> dict[str, Any]:
    """Return the space as plain content, for the fingerprint of a study."""
    return {name: dimension.model_dump() for name, dimension in space.items()}


def _suggest_one(point: Point, name: str, dimension: Dimension) -> Any:
    """Choose one parameter."""
    if isinstance(dimension, Choices):
        return point.suggest_categorical(name, dimension.choices)
    ends = (name, dimension.low, dimension.high)
    if isinstance(dimension, IntRange):
        return point.suggest_int(*ends, step=dimension.step, log=dimension.log)
    return point.suggest_float(*ends, step=dimension.step, log=dimension.log)


def _problem(dimension: Dimension) -> str:
    """Say what is wrong with a dimension, or nothing.

    >>> _problem(IntRange(type="int", low=1, high=10, step=2))
    'steps of 2 from 1 do not end at 10; use high 9 or 11'
    >>> _problem(IntRange(type="int", low=0, high=10, log=True))
    'log needs low above 0; low is 0'
    """
    if isinstance(dimension, Choices):
        return _repetition(dimension.choices)
    if dimension.low > dimension.high:
        return f"low {dimension.low} lies above high {dimension.high}"
    if dimension.log and dimension.low <= 0:
        return f"log needs low above 0; low is {dimension.low}"
    if dimension.log and dimension.step not in ((1,) if isinstance(dimension, IntRange) else (None,)):
        return f"log and step {dimension.step} exclude each other; leave one of them out"
    return _excess(dimension) or _remainder(dimension)


def _repetition(choices: list[Any]) -> str:
    """Say which choices are equal, or nothing; `1`, `1.0` and `true` are equal to Python and to Optuna."""
    repeated = [choice for place, choice in enumerate(choices) if choice in choices[:place]]
    return f"{repeated[0]!r} is there twice; each choice must be there once" if repeated else ""


def _excess(dimension: values.Numeric) -> str:
    """Say that a range is too large to be exact, or nothing."""
    number, largest = values.count(dimension) or 0, max(abs(dimension.low), abs(dimension.high))
    wide = largest > _COUNTABLE if isinstance(dimension, IntRange) else not math.isfinite(2 * largest)
    return f"{dimension.low} to {dimension.high} is too wide to be exact" if wide or number > _COUNTABLE else ""


def _remainder(dimension: values.Numeric) -> str:
    """Say that the steps miss the upper end, or nothing."""
    if dimension.step is None:
        return ""
    low, high, step = (values.exact(number) for number in (dimension.low, dimension.high, dimension.step))
    rest, kind = (high - low) % step, type(dimension.low)
    if not rest:
        return ""
    ends = f"use high {kind(high - rest)} or {kind(high - rest + step)}"
    return f"steps of {dimension.step} from {dimension.low} do not end at {dimension.high}; {ends}"
