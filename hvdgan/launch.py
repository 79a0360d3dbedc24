"""Launch: start mpirun as it should be run here, pass signals on, leave no process behind.

No other module knows the flags of launchers. mpirun gets a session of its own: the first INT, TERM or HUP becomes USR1,
which mpirun forwards to the ranks (checkpoint and leave), the second ends the job.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from ctypes import CDLL
from dataclasses import dataclass
from pathlib import Path

from hvdgan.errors import MissingDependencyError, UsageError
from hvdgan.secrets import hide_secrets

FORWARDED = (
    "GLIBC_TUNABLES", "HOROVOD_", "HVDGAN_", "LD_LIBRARY_PATH", "MALLOC_", "NCCL_", "OMP_", "PATH", "PYTHONPATH",
)  # fmt: skip
"""Beginnings of the environment variables that ranks on other hosts need; on this host they inherit all."""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of prctl(2)."""


@dataclass(frozen=True)
class Options:
    """How to launch.

    Args:
        program: The words before the verb.
        extra: Words for mpirun, before the program (`-H a:4,b:4`).
        verdict: Returns the exit code that the run itself stored, or None.
        patience: Seconds between asking the job to end and killing it.
    """

    program: tuple[str, ...] = (sys.executable, "-m", "hvdgan")
    extra: tuple[str, ...] = ()
    verdict: Callable[[], int | None] = lambda: None
    patience: float = 10.0


def launch(np: int, argv: Sequence[str], options: Options | None = None) -> int:
    """Run a verb of hvdgan on several processes; its output goes where ours goes.

    Ranks get OMP_NUM_THREADS=1 when there are at least as many as cores and the variable is not set.

    Args:
        np: Number of processes.
        argv: The verb and its words.
        options: How to launch.

    Returns:
        The exit code that the run stored, else that of mpirun.

    Raises:
        UsageError: `np` is no number of processes, or a launcher started this process.
        MissingDependencyError: There is no mpirun.
    """
    options = options or Options()
    if np < 1 or "OMPI_COMM_WORLD_SIZE" in os.environ or "HOROVOD_RANK" in os.environ:
        raise UsageError(f"launch starts the processes itself: run `hvdgan launch -np N ...` once; given: -np {np}")
    environment = rank_environment(np, count_cores(), os.environ)
    flags = [*mpirun_flags(np, count_cores(), os.geteuid() == 0), *options.extra]
    exports = [word for name in forwarded(environment) for word in ("-x", name)]
    sys.stderr.write(hide_secrets(describe(np, flags, argv, environment)))
    command = [find_mpirun(), "-np", str(np), *flags, *exports, *options.program, *argv]
    code = _run(command, environment, options.patience)
    stored = options.verdict()
    return code if stored is None else stored


def find_mpirun(prefix: str = sys.prefix) -> str:
    """Return the mpirun of this Python environment, where the embedded Open MPI lives, else the one on the PATH.

    Raises:
        MissingDependencyError: There is neither.
    """
    own = Path(prefix, "bin", "mpirun")
    found = str(own) if own.exists() else shutil.which("mpirun")
    if found is None:
        raise MissingDependencyError("there is no mpirun; run scripts/setup, or pip install hvdgan[mpi]")
    return found


def mpirun_flags(np: int, cores: int, root: bool) -> list[str]:
    """Return the flags of Open MPI's mpirun for a job.

    A rank computes in one thread while another one, Horovod's, waits for the other ranks: where no core is left for it,
    MPI must give the core away while it waits (`scripts/benchmarks/knobs` shows what that brings).

    Args:
        np: Number of processes.
        cores: Number of cores of this host, on which mpirun would otherwise insist.
        root: Whether root launches.

    >>> mpirun_flags(5, 2, root=False)
    ['--bind-to', 'none', '--mca', 'mpi_yield_when_idle', '1', '--oversubscribe']
    """
    flags = ["--bind-to", "none"]
    if np >= cores:
        flags += ["--mca", "mpi_yield_when_idle", "1"]
    if np > cores:
        flags.append("--oversubscribe")
    return [*flags, "--allow-run-as-root"] if root else flags


def rank_environment(np: int, cores: int, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the ranks: one thread each, unless the user says otherwise, when cores are scarce."""
    return ({"OMP_NUM_THREADS": "1"} if np >= cores else {}) | dict(environ)


def forwarded(environ: Mapping[str, str]) -> list[str]:
    """Return the names of the variables that ranks on other hosts need.

    >>> forwarded({"HOME": "/", "HOROVOD_CYCLE_TIME": "1"})
    ['HOROVOD_CYCLE_TIME']
    """
    return sorted(name for name in environ if name.startswith(FORWARDED))


def describe(np: int, flags: Sequence[str], argv: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return the equivalent plain command lines, for people who launch themselves."""
    threads = environment.get("OMP_NUM_THREADS")
    before = f"OMP_NUM_THREADS={threads} " if threads else ""
    after = shlex.join(["hvdgan", *argv])
    return (
        "the same as\n"
        f"  {before}{shlex.join(['mpirun', '-np', str(np), *flags])} {after}\n"
        f"  {before}horovodrun --mpi -np {np} {after}\n"
    )


def count_cores() -> int:
    """Return the number of cores this process may run on; two threads of one core count once."""
    cores = set()
    for number in os.sched_getaffinity(0):
        siblings = Path(f"/sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list")
        cores.add(siblings.read_text() if siblings.exists() else str(number))
    return len(cores)


def session_members(session: int) -> list[int]:
    """Return the process ids of a session."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _in(entry, session)]


def _in(process: Path, session: int) -> bool:
    """Return whether a process, by its folder under /proc, lives and belongs to a session."""
    try:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return int(fields[3]) == session and fields[0] != "Z"


def _run(command: Sequence[str], environment: Mapping[str, str], patience: float) -> int:
    """Run mpirun in a session of its own and return its exit code; 128 + n for signal n, like a shell."""
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_die_with_parent
    )
    try:
        with _signals_to(process, patience):
            code = process.wait()
    finally:
        _end_session(process)
    return code if code >= 0 else 128 - code


def _die_with_parent() -> None:
    """Ask the kernel to end mpirun, and so its ranks, when this process is killed."""
    CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGTERM)


@contextmanager
def _signals_to(process: subprocess.Popen[bytes], patience: float) -> Iterator[None]:
    """While the block runs, pass signals on: the first asks for a checkpoint, the second ends the job, or a kill does.

    A further signal, or the alarm that the second sets, kills.
    """
    steps = [
        (signal.SIGUSR1, "asked the ranks to store a checkpoint and leave; once more ends them"),
        (signal.SIGTERM, "ending the job"),
    ]

    def pass_on(number: int, frame: object) -> None:
        if not steps:
            _kill(session_members(process.pid))
            return
        outgoing, message = steps.pop(0)
        sys.stderr.write(f"hvdgan launch: {message}\n")
        process.send_signal(outgoing)
        if not steps:
            signal.setitimer(signal.ITIMER_REAL, patience)

    previous = {number: signal.signal(number, pass_on) for number in (*SIGNALS, signal.SIGALRM)}
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in previous.items():
            signal.signal(number, handler)


def _end_session(process: subprocess.Popen[bytes]) -> None:
    """Kill whatever is left of mpirun's session, and wait up to ten seconds until it is gone."""
    end = time.monotonic() + 10
    while (members := session_members(process.pid)) and time.monotonic() < end:
        _kill(members)
        time.sleep(0.05)
        process.poll()


def _kill(processes: list[int]) -> None:
    """Kill processes; those that are gone already do not matter."""
    for number in processes:
        try:
            os.kill(number, signal.SIGKILL)
        except ProcessLookupError:
            continue
