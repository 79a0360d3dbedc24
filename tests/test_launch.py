"""`launch`: the right mpirun, the right flags, signals passed on, nothing left behind."""

import os
import signal
import sys
from pathlib import Path

import pytest
from processes import PROGRAMS, Job, need

from hvdgan.errors import MissingDependencyError, UsageError
from hvdgan.launch import (
    Options,
    count_cores,
    describe,
    find_mpirun,
    forwarded,
    launch,
    mpirun_flags,
    rank_environment,
    session_members,
)

START = """
import sys
from hvdgan.launch import Options, launch
program, stored, patience, np, *words = sys.argv[1:]
options = Options((sys.executable, program), verdict=lambda: int(stored) if stored else None, patience=float(patience))
sys.exit(launch(int(np), words, options))
"""


def start(np, mode, folder, stored="", patience="10"):
    """Start a process that launches the target program."""
    need("mpirun")
    words = [sys.executable, "-c", START, PROGRAMS / "launch_target.py", stored, patience, np, mode, folder]
    return Job([str(word) for word in words])


def test_flags_fit_the_host():
    assert mpirun_flags(2, 4, root=False) == ["--bind-to", "none"]
    yielding = ["--bind-to", "none", "--mca", "mpi_yield_when_idle", "1"]
    assert mpirun_flags(4, 4, root=False) == yielding
    assert mpirun_flags(5, 4, root=True) == [*yielding, "--oversubscribe", "--allow-run-as-root"]


def test_threads_are_limited_only_where_cores_are_scarce():
    assert rank_environment(4, 4, {}) == {"OMP_NUM_THREADS": "1"}
    assert rank_environment(4, 4, {"OMP_NUM_THREADS": "3"}) == {"OMP_NUM_THREADS": "3"}
    assert rank_environment(2, 4, {}) == {}


def test_other_hosts_get_what_they_need():
    environ = {"HOME": "/home/user", "PATH": "/bin", "HVDGAN_X": "1", "NCCL_DEBUG": "INFO"}
    assert forwarded(environ) == ["HVDGAN_X", "NCCL_DEBUG", "PATH"]


def test_the_plain_lines_can_be_copied():
    assert describe(5, ["--bind-to", "none"], ["study", "my demo.yaml"], {"OMP_NUM_THREADS": "1"}).splitlines() == [
        "the same as",
        "  OMP_NUM_THREADS=1 mpirun -np 5 --bind-to none hvdgan study 'my demo.yaml'",
        "  OMP_NUM_THREADS=1 horovodrun --mpi -np 5 hvdgan study 'my demo.yaml'",
    ]


def test_mpirun_of_this_environment_comes_first(tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "mpirun").touch(mode=0o755)
    assert find_mpirun(str(tmp_path)) == str(tmp_path / "bin" / "mpirun")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert find_mpirun(str(tmp_path / "elsewhere")) == str(tmp_path / "bin" / "mpirun")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingDependencyError, match="scripts/setup"):
        find_mpirun(str(tmp_path / "elsewhere"))


@pytest.mark.parametrize(("np", "name"), [(0, "UNUSED"), (2, "OMPI_COMM_WORLD_SIZE"), (2, "HOROVOD_RANK")])
def test_what_cannot_be_launched(np, name, monkeypatch):
    monkeypatch.setenv(name, "1")
    with pytest.raises(UsageError, match="hvdgan launch -np N"):
        launch(np, ["study"], Options())


def test_cores_and_sessions_are_counted():
    assert 1 <= count_cores() <= len(os.sched_getaffinity(0))
    assert os.getpid() in session_members(os.getsid(0))


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.parametrize(("stored", "code"), [("", 3), ("0", 0)])
def test_the_code_is_the_runs_own_or_mpiruns(tmp_path, stored, code):
    with start(2, "hello", tmp_path, stored) as job:
        done = job.finish(30)
    assert done.code == code, done.err
    assert [done.out.count(f"rank {rank} of 2 with 1 thread") for rank in range(2)] == [1, 1]
    assert done.err.startswith("the same as\n  OMP_NUM_THREADS=1 mpirun -np 2 ")


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_lets_the_ranks_store_a_checkpoint(tmp_path, number):
    with start(2, "checkpoint", tmp_path) as job:
        await_ranks(job, tmp_path)
        job.process.send_signal(number)
        done = job.finish(30)
    assert done.code == 75, done.err
    assert "asked the ranks to store a checkpoint" in done.err


@pytest.mark.slow
@pytest.mark.processes
def test_the_second_signal_ends_a_stubborn_job(tmp_path):
    with start(2, "stubborn", tmp_path, patience="1") as job:
        await_ranks(job, tmp_path)
        job.process.send_signal(signal.SIGINT)
        job.process.send_signal(signal.SIGTERM)
        done = job.finish(30)
    assert done.code not in (0, 75), done.err
    assert "ending the job" in done.err


@pytest.mark.slow
@pytest.mark.processes
def test_a_killed_launcher_leaves_nothing(tmp_path):
    with start(2, "checkpoint", tmp_path) as job:
        await_ranks(job, tmp_path)
        job.process.kill()
        assert job.finish(30).code == -signal.SIGKILL


def await_ranks(job: Job, folder: Path) -> None:
    """Wait until both ranks are where the test wants them."""
    for rank in range(2):
        job.wait_for(folder / str(rank))
