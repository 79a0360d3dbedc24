"""A study as a user starts it: groups of real processes, preemption, resume."""

import json
import signal

import optuna
import pytest
from processes import BIN, Job, mpirun, run_job, signal_rank

from hvdgan.config import load
from hvdgan.errors import EXIT_LOSSES, EXIT_PREEMPTED
from hvdgan.files import read_json_lines
from hvdgan.training.checkpoint import has_checkpoint

HVDGAN = BIN / "hvdgan"
SPACE = {
    "training.learning_rate": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True},
    "gan.weights.ecal": {"type": "categorical", "choices": [0.1, 1]},
}
pytestmark = [pytest.mark.processes, pytest.mark.slow]


@pytest.fixture
def study_file(small_config, tmp_path):
    settings = {"trials": 3, "n_startup_trials": 1, "ranks_per_trial": 2, "folds": 2, "space": SPACE}
    path = tmp_path / "search.yaml"
    path.write_text(small_config.replace({f"study.{name}": value for name, value in settings.items()}).dump())
    return path


def trials(run):
    """Return the trials of a study that a group ran, or that wait for one, as Optuna itself reads them."""
    stored = optuna.load_study(study_name="hvdgan", storage=f"sqlite:///{run}/study.db").get_trials()
    return [trial for trial in stored if trial.user_attrs.get("failure") != "unused"]


def test_two_groups_search_and_the_best_configuration_trains(study_file, tmp_path):
    run = tmp_path / "study"
    words = ["launch", "-np", "5", "study", study_file, "--trials", "4", "--out", run]
    done = run_job([HVDGAN, *words], timeout=100)
    assert done.code == 0, done.err
    assert done.said("mpirun -np 5") == 1
    ended = trials(run)
    assert [trial.state.name for trial in ended] == ["COMPLETE"] * 4
    assert {trial.user_attrs["group"] for trial in ended} == {1, 2}
    assert {trial.user_attrs["source"] for trial in ended} == {"startup", "gp"}
    folds = [trial.user_attrs["details"]["folds"] for trial in ended]
    assert all(len(values) == 2 for values in folds)
    assert ended[0].value == pytest.approx(sum(folds[0]) / 2)
    best = min(ended, key=lambda trial: trial.value)
    config = load(run / "best.yaml")
    assert config.training.learning_rate == best.params["training.learning_rate"]
    assert config.study.space == {}
    assert run_job([HVDGAN, "train", run / "best.yaml", "--set", "training.epochs=1", "-o", tmp_path / "b"]).code == 0


def test_one_process_is_coordinator_and_group(study_file, tmp_path):
    words = ["study", study_file, "--out", tmp_path / "study", "--ranks-per-trial", "1", "--trials", "2"]
    done = run_job([HVDGAN, *words], timeout=60)
    assert done.code == 0, done.err
    assert [trial.state.name for trial in trials(tmp_path / "study")] == ["COMPLETE"] * 2
    more = run_job([HVDGAN, "study", "--resume", tmp_path / "study", "--trials", "3"], timeout=60)
    assert more.code == 0, more.err
    assert len(trials(tmp_path / "study")) == 3


@pytest.mark.parametrize(
    ("number", "endings"),
    [(signal.SIGUSR1, ["preempted"]), (signal.SIGTERM, ["preempted", "lost"])],
)
def test_a_signal_to_mpirun_and_resume_continue_the_trials(study_file, tmp_path, number, endings):
    run = tmp_path / "study"
    words = [HVDGAN, "study", study_file, "--set", "training.epochs=8", "--trials", "1", "--out", run]
    with Job(mpirun(3, words)) as job:
        job.wait_for(run / "trials" / "0000" / "fold-0" / "latest", timeout=60)
        job.process.send_signal(number)
        ended = job.finish(60)
    if number == signal.SIGUSR1:
        assert ended.code == EXIT_PREEMPTED
        assert json.loads((run / "verdict.json").read_text())["code"] == EXIT_PREEMPTED
    assert has_checkpoint(run / "trials" / "0000" / "fold-0")
    resumed = run_job(mpirun(3, [HVDGAN, "study", "--resume", run]), timeout=100)
    assert resumed.code == 0, resumed.err
    left, copy = trials(run)
    assert (left.state.name, copy.state.name) == ("FAIL", "COMPLETE")
    assert left.user_attrs["failure"] in endings
    assert copy.params == left.params
    assert copy.user_attrs["resume_of" if left.user_attrs["failure"] == "preempted" else "retry_of"] == 0
    metrics = run / "trials" / f"{copy.number:04d}" / "fold-0" / "metrics.jsonl"
    assert all(row["steps"] > 3 for row in read_json_lines(metrics))  # not from the beginning, if at all
    assert run_job([HVDGAN, "status", run]).code == 0


def test_with_recovery_a_killed_rank_costs_its_group_and_the_verdict_says_so(study_file, tmp_path):
    run = tmp_path / "study"
    long = ["--set", "training.epochs=6", "--set", "training.stall_timeout=10.0", "--trials", "3"]
    command = [HVDGAN, "launch", "--recover", "-np", "5", "study", study_file, "--out", run, *long]
    with Job([*command, "--set", "study.sampler=random"]) as job:
        job.wait_for(run / "trials" / "0001" / "fold-0" / "latest", timeout=60)
        signal_rank(job, 4, signal.SIGKILL)
        done = job.finish(100)
    assert done.code == EXIT_LOSSES, done.err
    assert "1 of the groups" in json.loads((run / "verdict.json").read_text())["message"]
    ended = trials(run)
    assert [trial.user_attrs["failure"] for trial in ended if trial.state.name == "FAIL"] == ["lost"]
    assert sum(trial.state.name == "COMPLETE" for trial in ended) == 3
    assert (run / "best.yaml").exists()


def test_a_trial_that_turns_nan_fails_and_the_study_goes_on(study_file, tmp_path):
    space = "study.space={training.learning_rate: {type: categorical, choices: [0.001, 1.0e+30]}}"
    words = [HVDGAN, "study", study_file, "--out", tmp_path / "study", "--trials", "5", "--set", space]
    done = run_job(mpirun(3, [*words, "--set", "study.sampler=random"]), timeout=100)
    assert done.code == 0, done.err
    endings = {trial.params["training.learning_rate"]: trial for trial in trials(tmp_path / "study")}
    assert endings[0.001].state.name == "COMPLETE"
    assert (endings[1e30].state.name, endings[1e30].user_attrs["failure"]) == ("FAIL", "nan")
