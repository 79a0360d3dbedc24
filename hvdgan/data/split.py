"""Which event goes where: folds, hold-outs and every rank's share of an epoch; index arithmetic without any table.

Nothing here takes memory that grows with the number of events, reads a file or knows what an event is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from hvdgan.data.permute import permute, scramble
from hvdgan.errors import DataError

WINDOW_BLOCKS = 4
"""Events are shuffled among the events of about this many blocks."""


@dataclass(frozen=True)
class Part:
    """Some of the events of a data set: `width` of its `folds`, from fold `first` on; by default all events.

    Of every `folds` consecutive events one belongs to each fold. A hash of (seed, group of events) rotates which, so
    that folds are not aliased with files that repeat a pattern.

    Args:
        count: Number of events of the data set.
        folds: Number of folds.
        first: The first fold of the part.
        width: Number of folds in the part; fold 0 follows the last one. 0 is the empty part.
        seed: Seeds the rotation.
    """

    count: int
    folds: int = 1
    first: int = 0
    width: int = 1
    seed: int = 0

    def __len__(self) -> int:
        """Return the number of events of the part."""
        groups, rest = divmod(self.count, self.folds)
        start, wrapped = (int(value[0]) for value in self._stretch(np.array([groups])))
        tail = min(wrapped, rest) + max(0, min(start + self.width - wrapped, rest) - start)
        return groups * self.width + tail

    def events(self, positions: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the event numbers at some positions of the part.

        Args:
            positions: From 0 to len - 1, shape (n,), any order.

        Raises:
            IndexError: A position lies outside.
        """
        positions = np.asarray(positions, dtype=np.int64)
        if positions.size == 0:
            return positions.copy()
        if positions.min() < 0 or positions.max() >= len(self):
            raise IndexError(f"positions {positions.min()} to {positions.max()} of a part of {len(self)} events")
        group, place = np.divmod(positions, self.width)
        start, wrapped = self._stretch(group)
        return group * self.folds + np.where(place < wrapped, place, start + place - wrapped)

    def indices(self, start: int, stop: int) -> NDArray[np.int64]:
        """Return the event numbers at positions start to stop (excluded), ascending."""
        return self.events(np.arange(start, stop, dtype=np.int64))

    def spread(self, number: int) -> NDArray[np.int64]:
        """Return the event numbers of at most `number` events, evenly spread over the part, ascending."""
        length = len(self)
        number = min(number, length)
        return self.events(np.arange(number, dtype=np.int64) * length // max(number, 1))

    def _stretch(self, group: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where the part's stretch starts in a group of events, and how much of it goes on at the group's start.

        Inside a group the part is one stretch of `width` places, which may run over the group's end.
        """
        rotation = (scramble(group, self.seed) % np.uint64(self.folds)).astype(np.int64)
        start = (self.first - rotation) % self.folds
        return start, np.maximum(start + self.width - self.folds, 0)


def fold(count: int, folds: int, fold: int, seed: int) -> tuple[Part, Part]:
    """Return the training and the validation part of one fold of a k-fold cross validation.

    Args:
        count: Number of events.
        folds: k, at least 2.
        fold: The fold that validates, from 0 to k - 1.
        seed: Seeds which event belongs to which fold.

    Raises:
        DataError: There are fewer events than folds, or no such fold.

    >>> training, validation = fold(10, 5, 0, seed=1)
    >>> len(training), len(validation)
    (8, 2)
    """
    _check_folds(count, folds)
    if not 0 <= fold < folds:
        raise DataError(f"fold {fold} of {folds} does not exist; folds are counted from 0 to {folds - 1}")
    return Part(count, folds, fold + 1, folds - 1, seed), Part(count, folds, fold, 1, seed)


def hold_out(count: int, fraction: float, seed: int) -> tuple[Part, Part]:
    """Return a training and a validation part; 0.1 holds out fold 0 of 10, 0.4 folds 0 and 1 of 5.

    Args:
        count: Number of events.
        fraction: Fraction of the events held out, from 0 to below 1; met to the nearest simple ratio.
        seed: Seeds which events are held out.

    Raises:
        DataError: The fraction is not legal, or there are too few events to hold it out.

    >>> [len(part) for part in hold_out(1000, 0.1, seed=0)], [len(part) for part in hold_out(1000, 0.0, seed=0)]
    ([900, 100], [1000, 0])
    """
    if not 0 <= fraction < 1:
        raise DataError(f"a fraction of {fraction} cannot be held out; it must lie from 0 to below 1")
    if fraction == 0:
        return Part(count, seed=seed), Part(count, width=0, seed=seed)
    exact = Fraction(fraction)
    ratio = exact.limit_denominator(max(20, round(1 / min(exact, 1 - exact))))
    _check_folds(count, ratio.denominator)
    width, folds = ratio.numerator, ratio.denominator
    return Part(count, folds, width, folds - width, seed), Part(count, folds, 0, width, seed)


def steps_per_epoch(count: int, size: int, batch: int) -> int:
    """Return the number of steps every rank takes in an epoch: as many as all ranks can fill.

    Args:
        count: Number of events.
        size: Number of ranks.
        batch: Events per rank and step.

    >>> steps_per_epoch(108, 2, 10), steps_per_epoch(19, 2, 10)
    (5, 0)
    """
    return count // (size * batch)


@dataclass(frozen=True)
class Shard:
    """The events one rank visits in one epoch, as positions of a part.

    Blocks of consecutive positions come in a seeded order that is new in each epoch, as are the blocks' borders; events
    are then shuffled among those of a few blocks (a window). Each rank takes one stretch of this sequence, so that
    nearly every block is read by one rank only. All ranks take equally many steps, and no event comes twice.

    Args:
        count: Events of the part.
        rank: This rank.
        size: Number of ranks.
        batch: Events per rank and step.
        block: Consecutive positions that stay together.
        seed: Seeds the order.
        epoch: Seeds the order too.
    """

    count: int
    rank: int
    size: int
    batch: int
    block: int
    seed: int
    epoch: int

    @property
    def steps(self) -> int:
        """Steps of the epoch, the same on every rank; 0 when the events do not fill one batch per rank."""
        return steps_per_epoch(self.count, self.size, self.batch)

    @property
    def window(self) -> int:
        """Number of events shuffled together: a few blocks, and a whole number of batches."""
        return -(-WINDOW_BLOCKS * self.block // self.batch) * self.batch

    def positions(self, first_step: int = 0) -> Iterator[NDArray[np.int64]]:
        """Give the positions of the rank's batches in order, window after window; each a whole number of batches.

        Args:
            first_step: Steps of this epoch that were taken already.

        Raises:
            ValueError: The epoch has fewer steps.
        """
        if not 0 <= first_step <= self.steps:
            raise ValueError(f"step {first_step} does not exist in an epoch of {self.steps} steps")
        start = (self.rank * self.steps + first_step) * self.batch
        stop = (self.rank + 1) * self.steps * self.batch
        for low in range(start // self.window * self.window, stop, self.window):
            order = self._window(low)
            yield self._place(order[max(start - low, 0) : stop - low])

    def _window(self, low: int) -> NDArray[np.int64]:
        """Return one window of the sequence, shuffled."""
        members = np.arange(low, min(low + self.window, self.count), dtype=np.int64)
        return members[np.argsort(scramble(members, self.seed, self.epoch, 1), kind="stable")]

    def _place(self, order: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the positions of the part that stand at some places of the sequence.

        The part is seen as a ring cut into blocks from a place that changes with the epoch; a last, shorter block
        keeps the end of the sequence.
        """
        whole = self.count // self.block
        block, offset = np.divmod(order, self.block)
        inside = block < whole
        block[inside] = permute(block[inside], whole, self.seed, self.epoch, 2)
        shift = int(scramble(np.zeros(1, dtype=np.int64), self.seed, self.epoch, 3)[0]) % self.count
        return (shift + block * self.block + offset) % self.count


def _check_folds(count: int, folds: int) -> None:
    """Raise unless every fold of a k-fold split gets an event."""
    if folds < 2:
        raise DataError(f"{folds} fold cannot be split into training and validation; at least 2 folds are needed")
    if count < folds:
        raise DataError(f"{count} events cannot be split into {folds} folds; give more events or fewer folds")
