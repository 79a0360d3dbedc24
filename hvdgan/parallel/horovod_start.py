"""Start and stop Horovod: the same in every framework.

Importing this module, or Horovod itself, initialises nothing: `started` does, and only in a process that a launcher
started.
"""

import io
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from typing import Any

from hvdgan.errors import HvdganError, MissingDependencyError, RingBrokenError, RingShutError, UsageError
from hvdgan.parallel.launcher import launcher
from hvdgan.parallel.world import World

_starts = 0
"""How often this process started Horovod; see `started`."""

SHUT = "Horovod has been shut down"
"""How Horovod's error begins when another rank left, or when Horovod freed the ring of a rank that stalls."""

KNOBS = ("HOROVOD_CYCLE_TIME", "HOROVOD_FUSION_THRESHOLD")
"""Settings of Horovod's own; where both are given, 0.28.1 ends in a segmentation fault at the second start."""

CHECK, SHUTDOWN = "HOROVOD_STALL_CHECK_TIME_SECONDS", "HOROVOD_STALL_SHUTDOWN_TIME_SECONDS"


def stall_settings(seconds: float, environ: Mapping[str, str]) -> dict[str, str]:
    """Return after how many seconds Horovod warns of a rank that stalls, and after how many it frees the others.

    Horovod's own default never frees them. It looks every so many seconds as it warns after, and frees them up to two
    looks late: a quarter of the time, at most a minute, keeps that below half of it. The environment has the last word.

    Args:
        seconds: Time without a step after which the others are freed; rounded up to whole seconds, at least 2.
        environ: The environment.

    Raises:
        UsageError: Not numbers, or Horovod would silently never free the others.

    >>> stall_settings(300, {"HOROVOD_STALL_CHECK_TIME_SECONDS": "30"})
    {'HOROVOD_STALL_CHECK_TIME_SECONDS': '30', 'HOROVOD_STALL_SHUTDOWN_TIME_SECONDS': '300'}
    """
    given = {name: environ[name] for name in (CHECK, SHUTDOWN) if name in environ}
    try:
        shutdown = int(given.get(SHUTDOWN, max(2, math.ceil(seconds))))
        check = int(given.get(CHECK, min(60, max(1, shutdown // 4)) if shutdown else 60))
    except ValueError:
        raise UsageError(f"{CHECK} and {SHUTDOWN} are whole seconds; given: {given}") from None
    if 0 < shutdown <= check:
        raise UsageError(
            f"{SHUTDOWN}={shutdown} must be larger than {CHECK}={check}, or Horovod ignores it; 0 switches it off"
        )
    return {CHECK: str(check), SHUTDOWN: str(shutdown)}


@contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    """Set environment variables for the block: Horovod reads them at every start, the user's own stay the user's."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def is_alone(world: World, environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether a ring over this world has one process."""
    return count_ranks(world, environ) == 1


def count_ranks(world: World, environ: Mapping[str, str] = os.environ) -> int:
    """Return how many processes a ring over this world has; `horovodrun --gloo` keeps its own count."""
    if world.size == 1 and launcher(environ) == "gloo":
        return int(environ.get("HOROVOD_SIZE", "1"))
    return world.size


def load_horovod(framework: str) -> Any:
    """Import `horovod.<framework>`; nothing is initialised.

    Raises:
        MissingDependencyError: Horovod is not installed, or not built for the framework.
    """
    said = io.StringIO()
    try:
        with redirect_stdout(said):
            module = import_module(f"horovod.{framework}")
    except ImportError as error:
        said.write(str(error))
        module = None
    if not hasattr(module, "init"):
        raise MissingDependencyError(
            f"several processes train together, which needs Horovod built for {framework}: run scripts/setup "
            f"--frameworks torch,keras, which builds it ({' '.join(said.getvalue().split())})"
        )
    return module


@contextmanager
def started(framework: str, world: World, stall_timeout: float, process_sets: Sequence[Any] = ()) -> Iterator[Any]:
    """Initialise Horovod over a world and shut it down at the end, also after an error. Collective.

    Over MPI this can be done again and again, with other worlds. Over gloo once: the rendezvous server of `horovodrun`
    may hand out the addresses of an earlier start, and the process would be aborted now and then.

    Args:
        framework: "torch" or "tensorflow".
        world: The processes of the ring; a world of one under `horovodrun --gloo` stands for Horovod's own world.
        stall_timeout: Seconds without a step after which the peers of a rank are freed; see `stall_settings`.
        process_sets: Horovod's process sets that will be used.

    Returns:
        The module `horovod.<framework>`.

    Raises:
        RingBrokenError: Another rank left while this one was in the block.
        UsageError: A second start over gloo, or with both of `KNOBS` in the environment.
    """
    hvd = load_horovod(framework)
    settings = stall_settings(stall_timeout, os.environ)
    _count_start()
    world.gather(None)
    try:
        with broken_told():
            with _environment(settings):
                hvd.init(comm=world.communicator, process_sets=process_sets)
            if world.size not in (1, hvd.size()):
                raise HvdganError(f"Horovod sees {hvd.size()} ranks where MPI sees {world.size}; see `hvdgan doctor`")
            yield hvd
    finally:
        hvd.shutdown()


def _count_start() -> None:
    """Refuse a second start where it would crash: over gloo, or with two knobs turned."""
    global _starts
    _starts += 1
    if _starts > 1 and all(name in os.environ for name in KNOBS):
        raise UsageError(
            f"{' and '.join(KNOBS)} are both set, with which Horovod 0.28.1 crashes when a process joins a second "
            "ring, as it does in every trial of a study; set one of them, or none"
        )
    if _starts > 1 and launcher(os.environ) == "gloo":
        raise UsageError(
            "a process of `horovodrun --gloo` can join one ring only; start with `mpirun`, `horovodrun --mpi` or "
            "`hvdgan launch` to train several times in one job"
        )


@contextmanager
def broken_told() -> Iterator[None]:
    """Turn Horovod's error for a lost rank into ours.

    Raises:
        RingShutError: Horovod was shut down under this rank.
        RingBrokenError: Horovod gave up for another reason.
    """
    from horovod.common.exceptions import HorovodInternalError

    try:
        yield
    except HorovodInternalError as error:
        reason = str(error).strip().partition("\n")[0].partition(". ")[0]
        kind = RingShutError if reason.startswith(SHUT) else RingBrokenError
        raise kind(f"another rank of the ring left, failed or stalled; Horovod says: {reason}") from error
