"""Windows: memory that some ranks of a job offer to all of them, one-sided: nobody has to answer.

Beside `world` the only module that imports mpi4py. A reader and a writer may meet in the same numbers; what must not,
asks for a lock first, see `board`.
"""

from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from hvdgan.errors import HvdganError
from hvdgan.parallel.world import World


class Window(Protocol):
    """Numbers in the memory of every rank, zero at first; `owner` is the rank whose memory is meant."""

    moved: int
    """Bytes that this rank read and wrote until now."""

    def read(self, owner: int, count: int) -> NDArray:
        """Return a copy of the first numbers of a rank."""

    def write(self, owner: int, values: NDArray) -> None:
        """Set the first numbers of a rank; they are there when this returns."""

    def set(self, owner: int, place: int, value: int) -> None:
        """Set one number, at once."""

    def add(self, owner: int, place: int, value: int) -> int:
        """Add to one number, and return what it was; nobody can come in between."""

    def join(self, owner: int, place: int, bits: int) -> int:
        """Set bits of one number, and return what it was; nobody can come in between."""

    def swap(self, owner: int, place: int, expected: int, value: int) -> int:
        """Set one number if it is what is expected, and return what it was; nobody can come in between."""

    def close(self) -> None:
        """Give the memory back; all ranks have come here. Collective."""


class MpiWindow:
    """A window of an MPI world; made by `open_window`."""

    def __init__(self, window: Any, mpi: Any, dtype: DTypeLike) -> None:
        """Take over an mpi4py window that all ranks have opened to each other.

        Args:
            window: The window, in units of one number.
            mpi: The module `mpi4py.MPI`.
            dtype: Type of the numbers.
        """
        self._window, self._mpi, self._dtype = window, mpi, np.dtype(dtype)
        self.moved = 0

    def read(self, owner: int, count: int) -> NDArray:
        """Get, and wait for it."""
        values = np.empty(count, dtype=self._dtype)
        self._window.Get(values, owner)
        return self._flush(owner, values)

    def write(self, owner: int, values: NDArray) -> None:
        """Put, and wait until it is there."""
        values = np.ascontiguousarray(values, dtype=self._dtype)
        self._window.Put(values, owner)
        self._flush(owner, values)

    def set(self, owner: int, place: int, value: int) -> None:
        """Replace one number."""
        self._fetch(owner, place, value, self._mpi.REPLACE)

    def add(self, owner: int, place: int, value: int) -> int:
        """Fetch and add."""
        return self._fetch(owner, place, value, self._mpi.SUM)

    def join(self, owner: int, place: int, bits: int) -> int:
        """Fetch and OR."""
        return self._fetch(owner, place, bits, self._mpi.BOR)

    def swap(self, owner: int, place: int, expected: int, value: int) -> int:
        """Compare and swap."""
        new, old, found = (np.array([number], dtype=self._dtype) for number in (value, expected, 0))
        self._window.Compare_and_swap(new, old, found, owner, place)
        return int(self._flush(owner, found)[0])

    def close(self) -> None:
        """Close the window."""
        self._window.Unlock_all()
        self._window.Free()

    def _fetch(self, owner: int, place: int, value: int, operation: Any) -> int:
        """Change one number and return what it was."""
        given, found = (np.array([number], dtype=self._dtype) for number in (value, 0))
        self._window.Fetch_and_op(given, found, owner, place, operation)
        return int(self._flush(owner, found)[0])

    def _flush(self, owner: int, values: NDArray) -> NDArray:
        """Wait until all is done at a rank, and return what was moved."""
        self._window.Flush(owner)
        self._window.Sync()
        self.moved += values.nbytes
        return values


def open_window(world: World, count: int, dtype: DTypeLike) -> Window:
    """Open memory of every rank to all. Collective.

    Args:
        world: Several processes under MPI.
        count: Numbers of this rank; may differ between ranks.
        dtype: Type of the numbers.

    Raises:
        HvdganError: The MPI library cannot do it between the hosts of the job.
    """
    from mpi4py import MPI

    size = np.dtype(dtype).itemsize
    # On one host Open MPI names the memory of its other kind of window by the communicator's number alone: windows of
    # different ranks that are open at the same time would share it.
    allocate = MPI.Win.Allocate_shared if len(set(world.hosts)) == 1 else MPI.Win.Allocate
    try:
        window = allocate(count * size, size, comm=world.communicator)
    except MPI.Exception as error:
        hosts = ", ".join(sorted(set(world.hosts)))
        raise HvdganError(
            f"replicas exchange through one-sided MPI, which this MPI library does not offer between {hosts} "
            f"({error.Get_error_string()}): Open MPI 4 has it within a host and over InfiniBand, not over Ethernet; "
            "put the replicas on one host, or set training.replicas to 1"
        ) from error
    np.frombuffer(window.tomemory(), dtype=dtype)[:] = 0
    window.Lock_all()
    window.Sync()
    world.gather(None)
    return MpiWindow(window, MPI, dtype)
