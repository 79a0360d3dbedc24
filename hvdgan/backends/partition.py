"""How a network is split over shards: which layers, where parts stay parts, and what of a state belongs to whom.

A layer with filters is split along its outputs: each shard holds some of its filters, with their biases and optimizer
slots, and computes some of the channels. In a row of layers the channels stay apart as long as each layer looks at
every channel alone; a layer that needs all of them joins them. Layers outside of a row get and give whole activations.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from numpy.typing import NDArray

from hvdgan.parallel.shards import cut


@dataclass(frozen=True)
class Split:
    """Where one shard's part lies.

    Args:
        axis: The axis that is split.
        whole: Its length.
        part: This shard's slice of it.
    """

    axis: int
    whole: int
    part: slice

    @property
    def size(self) -> int:
        """Length of this shard's part."""
        return self.part.stop - self.part.start

    def take(self, whole: NDArray) -> NDArray:
        """Return this shard's part of an array, or of any tensor that is sliced like one."""
        return whole[(slice(None),) * self.axis + (self.part,)]


def split(axis: int, whole: int, index: int, count: int) -> Split:
    """Return the part of one of some shards.

    >>> split(0, 6, 1, 4)
    Split(axis=0, whole=6, part=slice(2, 4, None))
    """
    return Split(axis, whole, cut(whole, count)[index])


@dataclass(frozen=True)
class Kind:
    """What a layer does with channels.

    Args:
        word: "filters": makes channels, each of all those it gets; "norm": scales each channel by weights of its own;
            "noise": draws random numbers for each cell; "apart": looks at each channel alone; "whole": anything else.
        axis: Where its channels are; None where it does not matter.
        channels: That a layer with filters makes.
        reason: Why a layer with weights is "whole".
    """

    word: Literal["filters", "norm", "noise", "apart", "whole"] = "whole"
    axis: int | None = None
    channels: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Duty:
    """What a layer has to do beside its own work.

    Args:
        kind: What it does with channels.
        takes: "whole" activations, those of the shards' "parts", or "apart" just its own part.
        joins: Whether it joins what it made.
        given: Channels of all shards that it takes, unless they are whole.
        channels: Channels of all shards that it makes.
        axis: Where the channels are.
    """

    kind: Kind
    takes: Literal["whole", "parts", "apart"]
    joins: bool
    given: int
    channels: int
    axis: int


def plan_row(kinds: Sequence[Kind]) -> list[Duty | None]:
    """Return the duties of layers in a row; None for those that stay as they are.

    >>> conv, leaky, flat = Kind("filters", 1, 8), Kind("apart"), Kind()
    >>> [duty and (duty.takes, duty.joins) for duty in plan_row([conv, leaky, conv, leaky, flat])]
    [('whole', False), ('apart', False), ('parts', False), ('apart', True), None]
    """
    duties: list[Duty | None] = []
    before: Duty | None = None
    for place, kind in enumerate(kinds):
        own = _take(kind, before)
        fits = place + 1 < len(kinds) and own is not None and _take(kinds[place + 1], own) is not None
        follows = fits and _take(kinds[place + 1], own).takes != "whole"
        before = own and replace(own, joins=not follows)
        duties.append(before)
        before = before if follows else None
    return duties


def _take(kind: Kind, before: Duty | None) -> Duty | None:
    """Return the duty of a layer behind one that leaves parts, or behind whole activations."""
    if kind.word == "filters":
        takes = "parts" if before and before.axis == kind.axis else "whole"
        return Duty(kind, takes, False, before.channels if before else 0, kind.channels, kind.axis)
    if before is None or kind.word == "whole" or kind.axis not in (None, before.axis):
        return None
    return Duty(kind, "apart", False, before.channels, before.channels, before.axis)


class Partition:
    """Which of the arrays of a state are split, and how; names and axes are canonical.

    Args:
        splits: Of the weights and statistics of both networks, by name; those that are missing are whole.
        join: Returns the arrays of all shards joined along the first axis. Collective.
    """

    def __init__(self, splits: Mapping[str, Split], join: Callable[[NDArray], NDArray]) -> None:
        self._splits, self._join = splits, join

    def whole(self, state: Mapping[str, NDArray]) -> dict[str, NDArray]:
        """Return a state of whole arrays, from each shard's own. Collective over the shards of a model."""
        found = dict(state)
        for name, own in self._split(state):
            found[name] = self._join(state[name].swapaxes(0, own.axis)).swapaxes(0, own.axis)
        return found

    def part(self, state: Mapping[str, NDArray]) -> dict[str, NDArray]:
        """Return this shard's own arrays; one that is not as long as it should be is left for a check to find."""
        found = dict(state)
        for name, own in self._split(state):
            found[name] = own.take(state[name]) if state[name].shape[own.axis] == own.whole else state[name]
        return found

    def count(self, name: str, numbers: int) -> int:
        """Return how many numbers a whole array has of which this shard's own has so many."""
        own = self._splits.get(origin(name))
        return numbers * own.whole // own.size if own else numbers

    def _split(self, state: Mapping[str, NDArray]) -> Iterable[tuple[str, Split]]:
        """Yield the arrays that are split; a slot may be a number, such as a count of steps."""
        for name in sorted(state):
            own = self._splits.get(origin(name))
            if own and state[name].ndim > own.axis:
                yield name, own


def origin(name: str) -> str:
    """Return the name of the weight that an array of a state belongs to.

    >>> origin("optimizer/generator/mean_square/conv1/kernel"), origin("average/conv1/bias")
    ('generator/conv1/kernel', 'generator/conv1/bias')
    """
    kind, *rest = name.split("/")
    match kind:
        case "optimizer":
            return "/".join([rest[0], *rest[2:]])
        case "average":
            return "/".join(["generator", *rest])
    return name
