"""How long an all-reduce takes, by its size, on the way that gradients take."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hvdgan.bench.records import RingRecord, middle
from hvdgan.errors import HvdganError, UsageError
from hvdgan.parallel.ring import Ring

FLOAT = 4
"""Bytes of a number of single precision."""

SIZES = (8, 64, 512, 2**12, 2**15, 2**18, 2**20, 2**22, 2**24, 2**26)
"""In bytes: from what a launcher's latency decides to what its bandwidth does."""

TENSORS = 16
"""Into how many tensors a size is cut, as a network's gradients are: 13 and 18 in 3DGAN. Horovod joins them again."""

VOLUME, MOST = 2**22, 50
"""Bytes that are averaged in a row, one piece after the other, and most pieces of them."""

CALM, STRIDE = 4e-3, 0.618
"""Seconds between two all-reduces, and by which share of them more each time, modulo 1: training does not come in step
with Horovod's cycles, as all-reduces do that follow each other at once."""


BUSY = 1.0
"""Seconds in which the ranks compute and average nothing."""

NUMBERS = 2**14
"""That they compute with: they stay in a core's own memory."""


class Averaged(Protocol):
    """What a backend's `Gradients` offers."""

    def average(self) -> None:
        """Average over the ring, to the end."""

    def read(self) -> list[NDArray]:
        """Return copies of all numbers."""


Make = Callable[[Sequence[tuple[int, ...]], Ring, str], Averaged]
"""A backend's `Gradients`."""


@dataclass(frozen=True)
class Place:
    """Where a measurement is made.

    Args:
        transport: "mpi" or "gloo".
        backend: Framework.
        link: Name of a shaped link, None without.
        bandwidth: Of that link, in bits per second.
    """

    transport: str
    backend: str
    link: str | None = None
    bandwidth: float | None = None

    def columns(self) -> dict[str, Any]:
        """Return what a record tells of it."""
        return {"transport": self.transport, "backend": self.backend, "link": self.link, "bandwidth": self.bandwidth}


def measure(make: Make, ring: Ring, sizes: Sequence[int], repeats: int, place: Place) -> list[RingRecord]:
    """Time all-reduces of some sizes, all sizes in turn. Collective.

    Args:
        make: The backend's `Gradients`.
        ring: The ranks.
        sizes: Bytes that each rank gives, multiples of 4.
        repeats: How often each size has its turn.
        place: What the records tell of this ring.

    Raises:
        UsageError: A ring of one, or a size that is no number of float32.
        HvdganError: The ranks did not get the mean.
    """
    check(ring.size, sizes, repeats)
    pieces = {size: make(_cut(size // FLOAT), ring, f"bench/{size}") for size in sizes}
    for size, piece in pieces.items():
        piece.average()
        confirm(piece, ring, f"an all-reduce of {size} bytes")
    found: dict[int, list[float]] = {size: [] for size in sizes}
    for size in _turns(sizes, repeats):
        found[size].append(_time(pieces[size], ring, min(MOST, max(1, VOLUME // size))))
    drag, _ = middle([measure_drag(ring) for _ in range(repeats)])
    return [_record(size, seconds, drag, ring, place) for size, seconds in found.items()]


def measure_drag(ring: Ring) -> float:
    """Return the share of a core that the ring's threads take while all ranks compute: a mean of ranks. Collective."""
    numbers = np.ones(NUMBERS)
    ring.mean({"start": 0.0})
    start, all_, own = time.perf_counter(), time.process_time(), time.thread_time()
    while time.perf_counter() < start + BUSY:
        np.sqrt(numbers, out=numbers)
    others = (time.process_time() - all_) - (time.thread_time() - own)
    return ring.mean({"drag": others / (time.perf_counter() - start)})["drag"]


def check(ranks: int, sizes: Sequence[int], repeats: int) -> None:
    """Refuse what cannot be measured.

    Raises:
        UsageError: Says what can.
    """
    if ranks < 2:
        raise UsageError("an all-reduce needs 2 ranks or more: `hvdgan launch -np 2 bench ring`; this is a ring of 1")
    odd = [size for size in sizes if size < FLOAT or size % FLOAT]
    if odd or repeats < 1:
        given = f"--bytes {odd[0]}" if odd else f"--repeats {repeats}"
        raise UsageError(f"{given}: sizes are multiples of {FLOAT} bytes, and there is at least 1 repeat")


def confirm(gradients: Averaged, ring: Ring, what: str) -> None:
    """Compare what was averaged with the mean of 1 to the number of ranks, which it must be.

    Raises:
        HvdganError: It is not.
    """
    expected = (ring.size + 1) / 2
    for array in gradients.read():
        if not np.allclose(array, expected, rtol=1e-2):
            raise HvdganError(f"{what} gave {array.ravel()[0]} where the mean of all ranks is {expected}")


def _turns(sizes: Sequence[int], repeats: int) -> Iterator[int]:
    """Yield every size in turn, as often as there are repeats."""
    for _ in range(repeats):
        yield from sizes


def _cut(numbers: int) -> list[tuple[int, ...]]:
    """Return the shapes of tensors that hold so many numbers together.

    >>> _cut(20)[:3], _cut(2)
    ([(5,), (1,), (1,)], [(2,)])
    """
    small = numbers // TENSORS
    return [(numbers - (TENSORS - 1) * small,), *[(small,)] * (TENSORS - 1)] if small else [(numbers,)]


def _time(piece: Averaged, ring: Ring, count: int) -> float:
    """Return the seconds of one of so many all-reduces, with a pause before each; the ranks start together."""
    ring.mean({"start": 0.0})
    seconds = 0.0
    for number in range(count):
        time.sleep(CALM * (1 + STRIDE * number % 1))
        start = time.perf_counter()
        piece.average()
        seconds += time.perf_counter() - start
    return seconds / count


def _record(size: int, seconds: Sequence[float], drag: float, ring: Ring, place: Place) -> RingRecord:
    """Return the record of a size."""
    median, spread = middle(seconds)
    return RingRecord(ranks=ring.size, bytes=size, seconds=median, spread=spread, drag=drag, **place.columns())
