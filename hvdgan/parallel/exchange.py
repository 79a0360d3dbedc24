"""The exchange: what the replicas of one training have to do with each other, seen from one rank of one of them.

A replica is a ring that trains a copy of the networks. Replicas share the steps of an epoch as they come, so that a
slow one slows nobody; every few steps one meets the centre, and at the ends of epochs all meet. `NoExchange` is the
null object for a training of one ring; `Replicas` are several.
"""

import sys
from collections.abc import Collection, Iterable
from itertools import repeat
from typing import Protocol

from numpy.typing import NDArray

State = dict[str, NDArray]

DONE, EPOCH, BROKEN = 8, 16, 32
"""Bits of a ring's control word beside those of `training.loop`: no more epochs, the epoch is over for this replica,
and another replica failed."""

ENDLESS = sys.maxsize
"""Steps, where nobody counts them beforehand."""


class Exchange(Protocol):
    """Every rank of a ring calls the same methods in the same order, but for `beat`, `count` and `tell`."""

    replica: int
    replicas: int
    leads: bool
    """Whether this ring speaks for the training: validates, records and stores it."""
    moved: int
    """Bytes that this rank read from the centre and wrote to it until now."""
    shared: int
    """Bytes that this rank got from the leader of its ring until now."""

    def start(self, weights: State, trained: Collection[str], steps: int, done: int) -> None:
        """Begin a training.

        Args:
            weights: What all replicas and the centre begin with, by canonical name.
            trained: Names of those that gradients train; the centre follows the replicas' mean of the others.
            steps: Of an epoch, for each replica if all are equally fast.
            done: Of these in all epochs that are done, and in this one.
        """

    def recall(self, memory: State) -> None:
        """Take over what `memory` returned at an earlier attempt; nothing where it is empty. Rank 0's counts."""

    def memory(self) -> State:
        """Return what this replica's exchanges depend on beside its weights, on rank 0."""

    def laps(self) -> Iterable[None]:
        """Yield as often as an epoch may walk through this replica's part of the events."""

    def claim(self, epoch: int) -> int:
        """Begin an epoch; return how many steps this ring may do until `word` says that it is over."""

    def word(self) -> int:
        """Return what the other replicas wish, as control bits, after each step; cheap enough for that."""

    def due(self, steps: int) -> bool:
        """Tell whether replica and centre meet after so many steps of this replica."""

    def swap(self, weights: State) -> State:
        """Let replica and centre meet.

        Args:
            weights: The replica's, by canonical name; those of rank 0 count.

        Returns:
            The replica's new trained weights; the others stay as they are, and are left out.

        Raises:
            NotFiniteError: A weight is not finite; the centre has not seen it.
            RingBrokenError: Another replica failed or fell silent, here as in all that follow.
        """

    def meet(self, word: int) -> int:
        """Wait for all replicas, at the end of an epoch or because of a word; return the words of all together."""

    def progress(self, steps: int) -> int:
        """Return how many steps of its share a replica has done, on average, at the last meeting; of all epochs.

        Args:
            steps: What this one believes.
        """

    def count(self, steps: int) -> int:
        """Return how many steps all replicas did since the last call, on rank 0.

        Args:
            steps: How many this one did since then.
        """

    def centre(self) -> State:
        """Return the centre, by canonical name."""

    def tell(self, word: int) -> None:
        """Tell all replicas some control bits."""

    def stored(self) -> None:
        """Say that this replica's own state is on disk."""

    def await_stored(self) -> None:
        """Wait until those of all replicas are."""

    def beat(self) -> None:
        """Give a sign of life, between two steps."""

    def finish(self) -> None:
        """End a training, when all others do, too."""

    def missing(self) -> list[int]:
        """Return the replicas that failed or were lost on the way."""

    def lost(self) -> list[int]:
        """Return those of them that nobody should wait for."""


class NoExchange:
    """One ring alone: nothing to wait for, nothing to share."""

    replica, replicas, leads, moved, shared = 0, 1, True, 0, 0

    def start(self, weights: State, trained: Collection[str], steps: int, done: int) -> None:
        """Do nothing."""

    def recall(self, memory: State) -> None:
        """Do nothing."""

    def memory(self) -> State:
        """Return nothing."""
        return {}

    def laps(self) -> Iterable[None]:
        """Walk through the events once."""
        return repeat(None, 1)

    def claim(self, epoch: int) -> int:
        """Leave it to the events to end the epoch."""
        return ENDLESS

    def word(self) -> int:
        """Wish nothing."""
        return 0

    def due(self, steps: int) -> bool:
        """Never meet anybody."""
        return False

    def swap(self, weights: State) -> State:
        """Return the weights as they are."""
        return weights

    def meet(self, word: int) -> int:
        """Return the word as it is."""
        return word

    def progress(self, steps: int) -> int:
        """Return the steps as they are."""
        return steps

    def count(self, steps: int) -> int:
        """Return the steps as they are."""
        return steps

    def centre(self) -> State:
        """Return nothing: the weights are those of the ring."""
        return {}

    def tell(self, word: int) -> None:
        """Tell nobody."""

    def stored(self) -> None:
        """Do nothing."""

    def await_stored(self) -> None:
        """Wait for nobody."""

    def beat(self) -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Do nothing."""

    def missing(self) -> list[int]:
        """Return nobody."""
        return []

    def lost(self) -> list[int]:
        """Return nobody."""
        return []
