"""Batches of an epoch, read ahead by a thread in bounded memory."""

import math
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from hvdgan.calo.shower import Showers
from hvdgan.data.split import Part, Shard


class Readable(Protocol):
    """Events by number."""

    def read_parts(self, indices: NDArray[np.int64], size: int) -> list[Showers]:
        """Return events in the order asked for, in parts of a size that can be let go one by one."""


class Buffer:
    """A queue of bounded length between one thread that fills it and one that empties it; either may leave early.

    Args:
        limit: Most batches that wait.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._batches: deque[Showers] = deque()
        self._changed = threading.Condition()
        self._ended = self._closed = False
        self._error: Exception | None = None

    def put(self, batch: Showers) -> bool:
        """Wait for room and add a batch; False when nobody wants any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._batches) < self._limit)
            if not self._closed:
                self._batches.append(batch)
                self._changed.notify_all()
            return not self._closed

    def end(self, error: Exception | None = None) -> None:
        """Say that no more batches come, and why."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def take(self) -> Showers | None:
        """Wait for a batch and take it; None after the last one.

        Raises:
            Exception: What ended the filling thread, once its batches are used up.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._batches or self._ended or self._closed)
            if self._batches:
                self._changed.notify_all()
                return self._batches.popleft()
            error, self._error = self._error, None
        if error is not None:
            raise error
        return None

    def close(self) -> None:
        """Forget the batches that wait and take no more."""
        with self._changed:
            self._closed = True
            self._batches.clear()
            self._changed.notify_all()


class Stream:
    """An iterator over one rank's batches of one epoch; a context manager. Made by `stream`.

    The reading thread ends with the last batch, with `close`, and when the stream is dropped. At most two windows of
    events (see `Shard.window`) are in memory: one that waits in batches, and one that is being read.

    Args:
        files: Where events come from.
        part: Which of them are visited.
        shard: Which of those this rank visits, and in what order.
        first_step: Steps of the epoch that were taken already.
    """

    def __init__(self, files: Readable, part: Part, shard: Shard, first_step: int) -> None:
        self.waited = 0.0
        """Seconds the consumer has waited for data so far."""
        self.steps = shard.steps - first_step
        """Batches of the whole stream."""
        self._buffer = Buffer(math.ceil(shard.window / shard.batch))
        self._thread = threading.Thread(
            target=_fill, args=(self._buffer, files, part, shard, first_step), name="hvdgan-reader", daemon=True
        )
        self._release = weakref.finalize(self, self._buffer.close)
        self._thread.start()

    def __iter__(self) -> Iterator[Showers]:
        """Return the stream itself: it can be gone through once."""
        return self

    def __next__(self) -> Showers:
        """Return the next batch.

        Raises:
            DataError: A file could not be read.
        """
        start = time.perf_counter()
        try:
            batch = self._buffer.take()
        finally:
            self.waited += time.perf_counter() - start
        if batch is None:
            self.close()
            raise StopIteration
        return batch

    def close(self) -> None:
        """End the reading thread and wait until it is gone."""
        self._release()
        self._thread.join()

    def __enter__(self) -> Self:
        """Return the stream."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the reading thread."""
        self.close()


def stream(
    files: Readable,
    part: Part,
    rank: int,
    size: int,
    batch_size: int,
    seed: int,
    epoch: int,
    block: int,
    first_step: int = 0,
) -> Stream:
    """Return the batches of one rank and epoch; their content depends on the arguments alone.

    Args:
        files: Where events come from.
        part: Which of them are visited; a part of all events of `files`.
        rank: This rank.
        size: Number of ranks; all take `steps_per_epoch(len(part), size, batch_size)` steps.
        batch_size: Events per rank and step.
        seed: Seeds the order of events.
        epoch: Seeds the order too.
        block: Consecutive events that are read together.
        first_step: Start in the middle of the epoch, as if so many batches had been taken already.

    Raises:
        ValueError: There is no such rank or step, or a number that must be positive is not.
    """
    if not 0 <= rank < size or batch_size < 1 or block < 1:
        raise ValueError(f"rank {rank} of {size} with batches of {batch_size} from blocks of {block} is impossible")
    shard = Shard(len(part), rank, size, batch_size, block, seed, epoch)
    if not 0 <= first_step <= shard.steps:
        raise ValueError(f"step {first_step} does not exist in an epoch of {shard.steps} steps")
    return Stream(files, part, shard, first_step)


def _fill(buffer: Buffer, files: Readable, part: Part, shard: Shard, first_step: int) -> None:
    """Read window after window and queue its batches until the end, an error, or nobody listens."""
    try:
        for positions in shard.positions(first_step):
            if not _queue(buffer, files.read_parts(part.events(positions), shard.batch)):
                return
        buffer.end()
    except Exception as error:  # whatever it is, the consumer is to meet it
        buffer.end(error)


def _queue(buffer: Buffer, batches: list[Showers]) -> bool:
    """Queue a window's batches, none of which is kept here; False when nobody wants any more."""
    batches.reverse()
    return all(buffer.put(batches.pop()) for _ in range(len(batches)))
