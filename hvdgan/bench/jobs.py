"""Jobs that are measured: other processes, run to their end or ended with everything they started."""

import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from ctypes import CDLL

from hvdgan.errors import HvdganError

PATIENCE = (10.0, 15.0, 5.0)
"""Seconds that a job has to leave after each of two requests and a kill."""

DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of prctl(2)."""

TOLD = 12
"""Last lines of a failed job that its error quotes."""


def run_job(words: Sequence[str], environment: Mapping[str, str], timeout: float) -> str:
    """Run a command to its end and return what it wrote.

    Args:
        words: The command.
        environment: Its environment.
        timeout: Seconds after which it is ended, and with it what it launched.

    Raises:
        HvdganError: It failed or took too long; quotes its last lines.
    """
    with tempfile.TemporaryFile("w+", errors="replace") as told:
        job = subprocess.Popen(
            words, env=dict(environment), stdin=subprocess.DEVNULL, stdout=told, stderr=told, start_new_session=True,
            preexec_fn=_die_with_parent,
        )  # fmt: skip
        try:
            code: int | None = job.wait(timeout)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _end(job)
        told.seek(0)
        text = told.read()
    if code != 0:
        how = f"took more than {timeout:g} s" if code is None else f"failed with code {code}"
        last = "\n".join(f"  {line}" for line in text.splitlines()[-TOLD:])
        raise HvdganError(f"a measured job {how}: {' '.join(words)}\n{last}")
    return text


def _die_with_parent() -> None:
    """Ask the kernel to end the job when this process is ended."""
    CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGTERM)


def _end(job: subprocess.Popen[bytes]) -> None:
    """End a job that still runs; launchers end their ranks when they are asked to, or when they die."""
    for number, patience in zip((signal.SIGTERM, signal.SIGTERM, signal.SIGKILL), PATIENCE, strict=True):
        if job.poll() is not None:
            return
        job.send_signal(number)
        try:
            job.wait(patience)
        except subprocess.TimeoutExpired:
            continue
