"""Shards: the processes that hold one model together, seen from one of them.

Each holds a part of the filters of every layer that can be split. Activations are joined where a layer needs them
whole; the rest of a model, and everything that is joined, is the same on all its shards. The shards of a model are
neighbours in the ring: rank = model * shards + shard. `SoloShards` is the null object for a model in one piece; those
over Horovod live in `horovod_torch_shards` and `horovod_keras_shards`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Tensor = TypeVar("Tensor")


class Shards(Protocol):
    """Collective operations on a framework's tensors; every shard of a model calls the same ones in the same order."""

    index: int
    count: int

    def join(self, tensor: Tensor) -> Tensor:
        """Return the tensors of all shards joined along the first axis, in the order of shards; lengths may differ."""

    def total(self, tensor: Tensor) -> Tensor:
        """Return the sum of the tensors of all shards."""

    def scatter(self, tensor: Tensor) -> Tensor:
        """Return this shard's part, along the first axis, of the sum of the tensors of all shards."""


class SoloShards:
    """A model in one piece: returns what it is given."""

    index = 0
    count = 1

    def join(self, tensor: Tensor) -> Tensor:
        """Return the tensor as it is."""
        return tensor

    def total(self, tensor: Tensor) -> Tensor:
        """Return the tensor as it is."""
        return tensor

    def scatter(self, tensor: Tensor) -> Tensor:
        """Return the tensor as it is."""
        return tensor


@dataclass(frozen=True)
class Model:
    """Which of the models of a ring a process belongs to; models are what events are shared between.

    Args:
        rank: Number of the model.
        size: Models of the ring.
    """

    rank: int
    size: int


def model_of(ring: Any) -> Model:
    """Return the model that a ring's process belongs to.

    >>> from types import SimpleNamespace
    >>> model_of(SimpleNamespace(rank=5, size=6, shards=SimpleNamespace(count=2)))
    Model(rank=2, size=3)
    """
    return Model(ring.rank // ring.shards.count, ring.size // ring.shards.count)


def speak_once(ring: Any, array: NDArray) -> NDArray:
    """Return an array that all shards of a model have alike on one of them, and no row of it on the others."""
    return array if ring.shards.index == 0 else np.asarray(array)[:0]


def list_models(ranks: int, shards: int) -> list[list[int]]:
    """Return the ranks of each model.

    >>> list_models(4, 2)
    [[0, 1], [2, 3]]
    """
    return [list(range(start, start + shards)) for start in range(0, ranks, shards)]


def list_peers(ranks: int, shards: int) -> list[list[int]]:
    """Return, for each shard, the ranks that hold it: those that average its gradients.

    >>> list_peers(4, 2)
    [[0, 2], [1, 3]]
    """
    return [list(range(shard, ranks, shards)) for shard in range(shards)]


def cut(length: int, count: int) -> list[slice]:
    """Cut a length into a part for each shard, as evenly as possible; the first ones are larger.

    >>> cut(6, 4)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None), slice(5, 6, None)]
    """
    small, larger = divmod(length, count)
    ends = [(number + 1) * small + min(number + 1, larger) for number in range(count)]
    return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]


def mark_part(weight: Any) -> None:
    """Note on a framework's weight that it is one shard's part: its gradients concern the ranks of that shard only."""
    weight.one_shards_part = True


def is_part(weight: Any) -> bool:
    """Tell whether a weight is one shard's part; all others are the same on all ranks of the ring."""
    return getattr(weight, "one_shards_part", False)


def ranks_of(groups: Sequence[Sequence[int]], rank: int) -> Sequence[int]:
    """Return the one of some groups that a rank is in."""
    return next(group for group in groups if rank in group)
