"""The ring: the processes that train one model together, seen from one of them.

Everything above `parallel` receives a Ring and never asks whether it is alone. `SoloRing` is the null object for one
process; the Horovod rings live in `horovod_torch` and `horovod_keras`.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from hvdgan.parallel.shards import Shards, SoloShards

Optimizer = TypeVar("Optimizer")


class Ring(Protocol):
    """Collective operations; every rank of the ring calls the same ones in the same order."""

    rank: int
    size: int
    shards: Shards
    """Those of this rank's model; see `shards`."""

    def wrap(self, optimizer: Optimizer, network: Any, name: str) -> Optimizer:
        """Return an optimizer that averages the gradients of `network` over the ring before each step.

        Args:
            optimizer: The framework's optimizer over the network's trainable weights.
            network: The framework's network.
            name: "generator" or "discriminator"; prefixes the names of the all-reduced tensors.
        """

    def guarded(self) -> AbstractContextManager[None]:
        """Return a block in which the framework's own error for a lost rank becomes RingBrokenError.

        For a step that a framework runs as a whole; the other calls of a ring and its optimizers raise ours already.
        """

    def broadcast(self, state: dict[str, NDArray]) -> dict[str, NDArray]:
        """Return rank 0's arrays on every rank; the arrays of the other ranks are not looked at."""

    def mean(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the mean over the ring of floats or arrays, key by key; same keys and shapes on every rank."""

    def gather(self, array: NDArray) -> NDArray:
        """Return all ranks' arrays joined along the first axis in the order of ranks; lengths may differ."""

    def exchange_word(self, word: int) -> int:
        """Post this rank's control word and return the bitwise OR of what all ranks posted at the previous call.

        The first call returns 0. Nothing waits for a slow rank beyond the step it belongs to.

        Args:
            word: Up to 16 flag bits, see `training.loop`.
        """

    def close(self) -> None:
        """Leave the ring; every rank does, also after an error."""


class SoloRing:
    """A ring of one: returns what it is given."""

    rank = 0
    size = 1

    def __init__(self) -> None:
        """Start without a posted word."""
        self.shards, self._word = SoloShards(), 0

    def wrap(self, optimizer: Optimizer, network: Any, name: str) -> Optimizer:
        """Return the optimizer as it is."""
        return optimizer

    def guarded(self) -> AbstractContextManager[None]:
        """Return a block that does nothing."""
        return nullcontext()

    def broadcast(self, state: dict[str, NDArray]) -> dict[str, NDArray]:
        """Return the state as it is."""
        return state

    def mean(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the values as they are."""
        return values

    def gather(self, array: NDArray) -> NDArray:
        """Return the array as it is."""
        return np.asarray(array)

    def exchange_word(self, word: int) -> int:
        """Return the word of the previous call, like any ring."""
        previous, self._word = self._word, word
        return previous

    def close(self) -> None:
        """Forget the posted word."""
        self._word = 0
