"""Studies whose ranks are stopped and killed: the others finish, nothing is lost, nothing hangs."""

import random
import signal
import time

import pytest
from processes import Job, mpirun, signal_rank

from hvdgan.files import read_json_lines
from hvdgan.study import history

pytestmark = [pytest.mark.slow, pytest.mark.processes]
STALL, PATIENT = 1.0, 20.0
"""Seconds after which a rank counts as stalled; a group is given up after two and a half times as many. Where nobody
shall be given up, a loaded machine must not do it."""


@pytest.fixture
def stored_rows(tmp_path):
    """Read the rows of the run's storage as Optuna itself opens it."""
    import optuna

    def read():
        return history.rows(optuna.load_study(storage=f"sqlite:///{tmp_path}/study.db", study_name="hvdgan"))

    return read


def faulty(tmp_path, trials, *flags, stall=STALL, options=(), np=5):
    """Return the command line of a study that a test will hit."""
    return mpirun(np, ["study_faults.py", tmp_path, str(trials), str(stall), *flags], options)


def hit(job, tmp_path, number, rank):
    """Send a signal to a rank of group 1 or 2 while its group trains."""
    leader = 1 + 2 * ((rank - 1) // 2)
    job.wait_for(tmp_path / f"running-{leader}")
    signal_rank(job, rank, number)


def test_a_stopped_rank_costs_its_group_and_the_others_finish(tmp_path, stored_rows):
    with Job(faulty(tmp_path, 8)) as job:
        hit(job, tmp_path, signal.SIGSTOP, 4)
        done = job.finish()
    assert done.code == 3, done.err
    expect_a_loss(stored_rows(), tmp_path, 8)


@pytest.mark.parametrize(
    ("rank", "number"), [(3, signal.SIGSTOP), (3, signal.SIGKILL), (4, signal.SIGSTOP), (4, signal.SIGKILL)]
)
def test_with_recovery_a_lost_rank_costs_its_group_and_the_others_finish(tmp_path, stored_rows, rank, number):
    with Job(faulty(tmp_path, 8, options=["--enable-recovery"])) as job:
        hit(job, tmp_path, number, rank)
        job.finish()
    expect_a_loss(stored_rows(), tmp_path, 8)


def expect_a_loss(rows, tmp_path, total):
    """Check that one group was given up, its trial was run by another, and the study has its total."""
    events = read_json_lines(tmp_path / "events.jsonl")
    assert [event["group"] for event in events if event["event"] == "given_up"] == [2]
    (lost,) = [row for row in rows if row["failure"] == "lost"]
    (successor,) = [row for row in rows if row["retry_of"] == lost["number"]]
    assert (successor["state"], successor["group"], successor["params"]) == ("done", 1, lost["params"])
    assert history.count(rows) == total
    assert not [row for row in rows if row["state"] in ("running", "waiting")]


def test_a_killed_rank_ends_a_plain_job_at_once_and_resume_finishes(tmp_path, stored_rows):
    with Job(faulty(tmp_path, 8, stall=PATIENT)) as job:
        hit(job, tmp_path, signal.SIGKILL, 4)
        begin = time.monotonic()
        assert job.finish().code != 0
        assert time.monotonic() - begin < 15
    with Job(faulty(tmp_path, 8, "--resume", stall=PATIENT)) as job:
        assert job.finish().code == 0
    rows = stored_rows()
    assert history.count(rows) == 8
    assert {row["state"] for row in rows} == {"done", "failed"}


def test_a_stopped_coordinator_does_not_hold_its_groups_for_ever(tmp_path):
    with Job(faulty(tmp_path, 50)) as job:
        job.wait_for(tmp_path / "running-1")
        signal_rank(job, 0, signal.SIGSTOP)
        done = job.finish()
    assert done.code != 0
    assert done.said("Timeout (")


def test_a_coordinator_killed_again_and_again_loses_and_doubles_nothing(tmp_path, stored_rows):
    chance = random.Random(11)
    total = 12  # `test_kills` kills ten times in a row, without MPI
    for attempt in range(3):
        with Job(faulty(tmp_path, total, *(["--resume"] if attempt else []), stall=PATIENT, np=3)) as job:
            job.wait_for(tmp_path / "running-1")
            time.sleep(chance.uniform(0.0, 0.8))
            signal_rank(job, 0, signal.SIGKILL)
            job.finish()
        (tmp_path / "running-1").unlink()
    with Job(faulty(tmp_path, total, "--resume", stall=PATIENT, np=3)) as job:
        assert job.finish().code == 0
    rows = stored_rows()
    assert history.count(rows) == total
    assert {row["state"] for row in rows} == {"done", "failed"}
    continued = [row["retry_of"] for row in rows if row["retry_of"] is not None]
    assert len(continued) == len(set(continued))
    assert set(continued) == {row["number"] for row in rows if row["failure"] == "lost"}
    begun = [event["time"] for event in read_json_lines(tmp_path / "events.jsonl") if event["event"] == "begun"]
    assert len(begun) == 4
