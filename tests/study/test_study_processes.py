"""Studies of real processes: a coordinator and two groups of two under mpirun."""

import sys

import pytest
from processes import PROGRAMS, Job, mpirun, run_job, run_mpi

from hvdgan.files import read_json_lines
from hvdgan.study import history

pytestmark = [pytest.mark.slow, pytest.mark.processes]


def read_rows(folder):
    """Return the rows of a run's storage as Optuna itself opens it."""
    import optuna

    return history.rows(optuna.load_study(storage=f"sqlite:///{folder}/study.db", study_name="hvdgan"))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Run a study whose trials end in every way; return its folder."""
    folder = tmp_path_factory.mktemp("mixed")
    job = run_mpi(["study_program.py", folder, "mix", "12"], np=5)
    assert job.code == 0, job.err
    assert job.said('"went": "home"') == 5
    return folder


def test_done_failed_and_nan_reach_the_total(mixed):
    rows = read_rows(mixed)
    assert [row["failure"] for row in rows] == [None, "exception", "nan", "nan"] * 3
    assert [row["state"] for row in rows] == ["done", "failed", "failed", "failed"] * 3
    assert history.count(rows) == 12
    assert {row["group"] for row in rows} == {1, 2}
    assert {row["value"] for row in rows if row["value"] is not None} == {2.0}


def test_a_failure_names_the_rank_that_caused_it(mixed):
    message = read_rows(mixed)[1]["message"]
    assert message.startswith("ValueError: broke on the second rank (rank ")
    assert message.splitlines()[0].split("(rank ")[1][0] in "24"
    assert "Traceback" in message
    assert "study_program.py" in message


def test_kill_9_in_mid_study_and_resume_lose_and_double_nothing(tmp_path):
    total = 14
    for reached, flags in ((3, []), (8, ["--resume"])):
        with Job(mpirun(5, ["study_program.py", tmp_path, "plod", str(total), *flags])) as job:
            job.wait_for(tmp_path / "trials" / f"{reached:04d}")
            job.kill()
            job.process.wait(30)
    assert run_mpi(["study_program.py", tmp_path, "plod", str(total), "--resume"], np=5).code == 0
    rows = read_rows(tmp_path)
    lost = [row for row in rows if row["failure"] == "lost"]
    successors = [row["retry_of"] for row in rows if row["retry_of"] is not None]
    assert {row["state"] for row in rows} == {"done", "failed"}
    assert 1 <= len(lost) <= 4
    assert sorted(successors) == [row["number"] for row in lost]
    unused = [row for row in rows if row["failure"] == "unused"]
    assert history.count(rows) == total == len(rows) - len(lost) - len(unused)
    for row in rows:
        if row["retry_of"] is not None:  # a kill while the point is being stored leaves less than the whole of it
            assert rows[row["retry_of"]]["params"].items() <= row["params"].items()
    executed = [line["number"] for line in read_json_lines(tmp_path / "executed.jsonl")]
    assert len(executed) == len(set(executed)), "a trial was run twice under the same number"
    assert {row["number"] for row in rows if row["state"] == "done"} <= set(executed)


def test_an_idle_coordinator_costs_next_to_nothing(tmp_path):
    assert run_mpi(["study_program.py", tmp_path, "sleep", "2"], np=5).code == 0
    reports = [event for event in read_json_lines(tmp_path / "events.jsonl") if event["event"] == "reported"]
    start = [event for event in reports if event["step"] == 0][-1]
    end = next(event for event in reports if event["step"] == 1)
    share = (end["cpu"] - start["cpu"]) / (end["clock"] - start["clock"])
    assert share < 0.1, f"an idle coordinator used {share:.1%} of a core"


def test_a_refusal_is_told_once_and_ends_all_ranks(mixed):
    job = run_mpi(["study_program.py", mixed, "mix", "12"], np=5)
    assert job.code == 2
    assert job.said("already holds study 'hvdgan' with 12 trials") == 1
    assert len(read_rows(mixed)) == 12


def test_one_process_needs_no_launcher(tmp_path):
    job = run_job([sys.executable, PROGRAMS / "study_program.py", tmp_path, "plod", "3"])
    assert job.code == 0, job.err
    assert [row["state"] for row in read_rows(tmp_path)] == ["done"] * 3
