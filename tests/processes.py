"""Start real jobs in tests: with a time-out, in a session of their own, and with proof that nothing is left behind."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parent / "programs"
BIN = Path(sys.prefix, "bin")
MARK = "HVDGAN_TEST_RUN"
"""Environment variable that marks every process of one job."""

LINGER = 5.0
"""Seconds that processes of a finished job have to disappear."""

PATIENCE = 240.0
"""Seconds after which a job counts as hung: far more than the longest takes, as machines are loaded and slow."""

Words = str | Path | Sequence[str | Path]


@dataclass(frozen=True)
class Completed:
    """A job that has ended: exit code and what it wrote."""

    code: int
    out: str
    err: str

    def said(self, text: str) -> int:
        """Return how often the job wrote a text, to either stream."""
        return (self.out + self.err).count(text)


class Job:
    """A running job; for tests that send signals. Ends, and is looked after, at the end of the block."""

    def __init__(self, command: Sequence[str | Path], env: Mapping[str, str] | None = None) -> None:
        """Start the command in a session of its own."""
        self.mark = uuid.uuid4().hex
        self.command = [str(word) for word in command]
        own = {"OMP_NUM_THREADS": "1", MARK: self.mark}
        self.process = subprocess.Popen(
            self.command,
            env={**os.environ, **own, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> "Job":
        """Give the job."""
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Fail when a process of the job is left behind; kill it in any case."""
        end = time.monotonic() + (LINGER if kind is None else 0)
        while (left := marked(self.mark)) and time.monotonic() < end:
            time.sleep(0.05)
        names = [_command_line(number) for number in left]
        self.kill()
        self.process.communicate()
        if left and kind is None:
            pytest.fail(f"{self.command} left processes behind: {names}")

    def finish(self, timeout: float = PATIENCE) -> Completed:
        """Wait for the end; a job that takes too long is killed and fails the test with all it wrote."""
        try:
            out, err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            out, err = self.process.communicate()
            pytest.fail(f"{self.command} took more than {timeout} s\n--- stdout\n{out}\n--- stderr\n{err}")
        return Completed(self.process.returncode, out, err)

    def wait_for(self, path: Path, timeout: float = PATIENCE) -> None:
        """Wait until the job has made a file; how programs tell a test that they are where it wants them."""
        end = time.monotonic() + timeout
        while not path.exists():
            if time.monotonic() > end or self.process.poll() is not None:
                self.kill()
                out, err = self.process.communicate()
                pytest.fail(f"{self.command} did not make {path.name}\n--- stdout\n{out}\n--- stderr\n{err}")
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill every process of the job, at once."""
        for number in marked(self.mark):
            try:
                os.kill(number, signal.SIGKILL)
            except ProcessLookupError:
                continue


def marked(mark: str) -> list[int]:
    """Return the process ids of a job, by the mark in their environment."""
    word = f"{MARK}={mark}".encode()
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _carries(entry, word)]


def signal_rank(job: Job, rank: int, number: signal.Signals) -> None:
    """Send a signal to one rank of a job under mpirun."""
    word = f"OMPI_COMM_WORLD_RANK={rank}".encode()
    (process,) = [one for one in marked(job.mark) if _carries(Path(f"/proc/{one}"), word)]
    os.kill(process, number)


def mpirun(np: int, words: Words, options: Sequence[str] = ()) -> list[str | Path]:
    """Return the command line of a job under mpirun, with further options of mpirun."""
    flags = ["--allow-run-as-root", "--oversubscribe", "--bind-to", "none", *options]
    return [need("mpirun"), *flags, "-np", str(np), *_program(words)]


def horovodrun(np: int, words: Words) -> list[str | Path]:
    """Return the command line of a job under `horovodrun --gloo`."""
    return [need("horovodrun"), "--gloo", "-np", str(np), *_program(words)]


def run_job(
    command: Sequence[str | Path], timeout: float = PATIENCE, env: Mapping[str, str] | None = None
) -> Completed:
    """Run a command to its end; fail when it takes too long or leaves a process behind."""
    with Job(command, env) as job:
        return job.finish(timeout)


def run_mpi(words: Words, np: int, timeout: float = PATIENCE, env: Mapping[str, str] | None = None) -> Completed:
    """Run a job under mpirun.

    Args:
        words: Name of a program of tests/programs, with its arguments; or a command whose first word is a path.
        np: Number of processes.
        timeout: Seconds after which the job is killed and the test fails.
        env: Further environment variables.
    """
    return run_job(mpirun(np, words), timeout, env)


def run_gloo(words: Words, np: int, timeout: float = PATIENCE, env: Mapping[str, str] | None = None) -> Completed:
    """Run a job under `horovodrun --gloo`; see `run_mpi`."""
    return run_job(horovodrun(np, words), timeout, env)


def need(name: str) -> Path:
    """Return a launcher of this environment; without it the test fails, or is skipped where the user said so."""
    if not (BIN / name).exists():
        if "HVDGAN_TEST_WITHOUT_MPI" in os.environ:
            pytest.skip(f"{name} is not installed, and HVDGAN_TEST_WITHOUT_MPI is set")
        pytest.fail(f"{BIN / name} is missing: run scripts/setup, or set HVDGAN_TEST_WITHOUT_MPI=1")
    return BIN / name


def _program(words: Words) -> list[str | Path]:
    """Return the command: a bare name with .py is one of our programs."""
    first, *rest = [words] if isinstance(words, str | Path) else words
    if "/" not in str(first) and str(first).endswith(".py"):
        return [sys.executable, PROGRAMS / first, *rest]
    return [first, *rest]


def _carries(process: Path, word: bytes) -> bool:
    """Return whether a living process has a word in its environment."""
    try:
        return word in (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def _command_line(number: int) -> str:
    """Return the command line of a process, or what can be said of it."""
    try:
        return Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return f"process {number}"
