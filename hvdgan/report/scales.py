"""The axis of a parameter: linear, logarithmic or categories, as the search space says, or else as its values look."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.ticker import LogLocator, MaxNLocator

from hvdgan.config.search import Choices, FloatRange, IntRange
from hvdgan.report.style import format_number

Dimension = FloatRange | IntRange | Choices
Space = Mapping[str, Dimension]


@dataclass(frozen=True)
class Scale:
    """The axis of one parameter.

    Args:
        kind: How values are spread over it.
        low: Smallest value; of categories, 0.
        high: Largest value; of categories, their number less one.
        choices: Names of the categories, in order.
        whole: Whether only whole numbers occur.
    """

    kind: Literal["linear", "log", "categories"]
    low: float
    high: float
    choices: tuple[str, ...] = ()
    whole: bool = False

    def number(self, value: Any) -> float:
        """Return the position of a value in the axis' own units; of a category, its place in the order."""
        return float(self.choices.index(str(value)) if self.kind == "categories" else value)

    def fraction(self, value: Any) -> float:
        """Return the position of a value between 0 and 1.

        >>> Scale("log", 0.01, 1.0).fraction(0.1), Scale("categories", 0, 2, ("a", "b", "c")).fraction("c")
        (0.5, 1.0)
        """
        number, low, high = self.number(value), self.low, self.high
        if self.kind == "log":
            number, low, high = math.log(number), math.log(low), math.log(high)
        return (number - low) / (high - low) if high > low else 0.5

    def ticks(self, count: int = 5) -> list[tuple[Any, str]]:
        """Return about so many values with their texts.

        >>> Scale("linear", 0, 10, whole=True).ticks(3)
        [(0.0, '0'), (4.0, '4'), (8.0, '8')]
        """
        if self.kind == "categories":
            return [(name, name) for name in self.choices]
        if self.low == self.high:
            return [(self.low, format_number(self.low))]
        if self.kind == "log":
            subs = (1.0,) if self.high > 100 * self.low else (1.0, 2.0, 5.0)
            places = LogLocator(subs=subs, numticks=count + 2).tick_values(self.low, self.high)
        else:
            places = MaxNLocator(count, integer=self.whole, min_n_ticks=2).tick_values(self.low, self.high)
        slack = 1e-9 * abs(self.high - self.low)
        inside = [float(place) for place in places if self.low - slack <= place <= self.high + slack]
        return [(place, format_number(place)) for place in inside]


def find_scale(values: Sequence[Any], dimension: Dimension | None = None) -> Scale:
    """Return the axis of a parameter; the whole range that was searched is on it.

    Args:
        values: Those that occur.
        dimension: What the search space says of it, if known.
    """
    if isinstance(dimension, Choices) or not is_numeric(values):
        named = [str(choice) for choice in dimension.choices] if isinstance(dimension, Choices) else []
        choices = tuple(dict.fromkeys([*named, *sorted({str(value) for value in values})]))
        return Scale("categories", 0, max(len(choices) - 1, 0), choices)
    ends = [*values, *(dimension.ends() if dimension else ())] or [0]
    low, high = float(min(ends)), float(max(ends))
    log = dimension.log if dimension else low > 0 and high > 20 * low
    return Scale("log" if log and low > 0 else "linear", low, high, whole=all(float(end).is_integer() for end in ends))


def is_numeric(values: Sequence[Any]) -> bool:
    """Tell whether values are numbers; truth values are categories.

    >>> is_numeric([1, 2.5]), is_numeric([True, False]), is_numeric(["a", 1]), is_numeric([])
    (True, False, False, True)
    """
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def spread(number: int) -> float:
    """Return a small step aside, different for neighbouring trials, so that points of one category do not overlap.

    >>> [round(spread(number), 2) for number in range(3)]
    [-0.18, 0.04, -0.1]
    """
    return 0.36 * ((number * 0.618034) % 1 - 0.5)


def wrap(name: str) -> str:
    r"""Return a name in lines short enough to stand beside others.

    >>> wrap("learning_rate"), wrap("gan.weights.ecal")
    ('learning\nrate', 'gan.\nweights.\necal')
    >>> wrap("generation time  [s]")
    'generation\ntime [s]'
    """
    if " " in name:
        return textwrap.fill(" ".join(name.split()), 10)
    return name.replace("_", "\n").replace(".", ".\n")
