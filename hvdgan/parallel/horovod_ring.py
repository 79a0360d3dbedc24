"""The Horovod ring: what is the same in every framework.

A framework's module gives a `Channel`, the few collective calls on arrays; `HorovodRing` makes a Ring of it.
"""

import zlib
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from hvdgan.errors import HvdganError
from hvdgan.parallel.packing import decode, encode, flatten, from_bits, to_bits, unflatten
from hvdgan.parallel.shards import Shards

Optimizer = TypeVar("Optimizer")

WORD_BITS = 16
"""Bits of a control word."""


class Channel(Protocol):
    """Collective calls of one framework; the name pairs a call with those of the other ranks.

    Every call raises RingBrokenError when another rank has left.
    """

    rank: int
    size: int

    def wrap(self, optimizer: Any, network: Any, name: str) -> Any:
        """Return an optimizer that averages gradients before each step."""

    def guarded(self) -> AbstractContextManager[None]:
        """Return a block in which the framework's own error for a lost rank becomes RingBrokenError."""

    def sum(self, name: str, array: NDArray) -> NDArray:
        """Return the sum over the ranks."""

    def broadcast(self, name: str, array: NDArray) -> NDArray:
        """Return rank 0's array; all ranks give one of the same shape and type."""

    def gather(self, name: str, array: NDArray) -> NDArray:
        """Return the one-dimensional arrays of all ranks in a row; lengths may differ."""

    def post_maximum(self, name: str, array: NDArray) -> Any:
        """Post an array for an elementwise maximum and return a ticket for `wait`; does not wait."""

    def wait(self, ticket: Any) -> NDArray:
        """Return the result of what was posted."""

    def shutdown(self) -> None:
        """Leave; the other ranks' calls fail from now on. Never raises."""


class HorovodRing:
    """A ring of several processes over a channel."""

    def __init__(self, channel: Channel, shards: Shards) -> None:
        """Take over an open channel and the shards of this rank's model."""
        self.rank, self.size, self.shards = channel.rank, channel.size, shards
        self._channel = channel
        self._posted: Any = None
        self._turn = 0

    def wrap(self, optimizer: Optimizer, network: Any, name: str) -> Optimizer:
        """Let the framework's optimizer average gradients over the ring."""
        return self._channel.wrap(optimizer, network, name)

    def guarded(self) -> AbstractContextManager[None]:
        """Let the channel tell of a lost rank."""
        return self._channel.guarded()

    def broadcast(self, state: dict[str, NDArray]) -> dict[str, NDArray]:
        """Send rank 0's arrays in one buffer, after its length."""
        buffer = encode(state) if self.rank == 0 else np.empty(0, dtype=np.uint8)
        length = self._channel.broadcast("hvdgan/length", np.array([len(buffer)], dtype=np.int64))
        if self.rank != 0:
            buffer = np.zeros(int(length[0]), dtype=np.uint8)
        return decode(self._channel.broadcast("hvdgan/state", buffer))

    def mean(self, values: dict[str, Any]) -> dict[str, Any]:
        """Sum in float64 in one call, then divide."""
        vector = flatten(values)
        if vector.size:
            vector = self._channel.sum("hvdgan/mean", vector) / self.size
        return unflatten(vector, values)

    def gather(self, array: NDArray) -> NDArray:
        """Gather the arrays as bytes, after their lengths and kinds.

        Raises:
            HvdganError: The ranks' arrays differ in type or in another axis than the first; on every rank.
        """
        array = np.atleast_1d(array)
        kind = zlib.crc32(f"{array.dtype.str}{array.shape[1:]}".encode())
        told = self._channel.gather("hvdgan/rows", np.array([len(array), kind], dtype=np.int64)).reshape(-1, 2)
        if np.any(told[:, 1] != told[0, 1]):
            raise HvdganError(
                f"the arrays of the ring's ranks do not fit together: rank {self.rank} gave rows of "
                f"{array.dtype} {array.shape[1:]}; all ranks must give the same type and trailing shape"
            )
        buffer = self._channel.gather("hvdgan/gather", np.frombuffer(array.tobytes(), dtype=np.uint8))
        rows = int(told[:, 0].sum())
        return np.frombuffer(buffer.tobytes(), dtype=array.dtype).reshape(rows, *array.shape[1:]).copy()

    def exchange_word(self, word: int) -> int:
        """Post this word and read the OR of the previous ones; two names in turn, as both are under way at once."""
        self._turn = 1 - self._turn
        ticket = self._channel.post_maximum(f"hvdgan/word/{self._turn}", to_bits(word, WORD_BITS))
        previous, self._posted = self._posted, ticket
        return 0 if previous is None else from_bits(self._channel.wait(previous))

    def close(self) -> None:
        """Leave the ring."""
        self._posted = None
        self._channel.shutdown()
