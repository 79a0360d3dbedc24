"""A study as a user starts it: groups of real processes, preemption, resume."""

import json
import signal

import optuna
import pytest
from processes import BIN, Job, mpirun, run_job, signal_rank
from typer.testing import CliRunner

from hvdgan.cli import app
from hvdgan.config import load
from hvdgan.errors import EXIT_LOSSES, EXIT_PREEMPTED
from hvdgan.files import read_json_lines
from hvdgan.parallel.world import SoloWorld
from hvdgan.run.looking import status
from hvdgan.run.train import train
from hvdgan.training.checkpoint import has_checkpoint, load_checkpoint

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
    done = run_job([HVDGAN, *words])
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
    shorter = config.replace({"training.epochs": 1})
    assert train(shorter, tmp_path / "best", False, SoloWorld(), lambda row: None) == 0


def test_a_group_is_divided_anew_for_every_trial(small_config, tmp_path):
    kinds = ["easgd", "downpour", "gem"]
    space = {
        "training.replicas": {"type": "categorical", "choices": [1, 2]},
        "training.exchange.kind": {"type": "categorical", "choices": kinds, "when": {"training.replicas": 2}},
    }
    points = [{"training.replicas": 1}, *({"training.replicas": 2, "training.exchange.kind": kind} for kind in kinds)]
    settings = {"trials": 4, "ranks_per_trial": 4, "space": space, "enqueue": points}
    changed = {f"study.{name}": value for name, value in settings.items()}
    (tmp_path / "c.yaml").write_text(small_config.replace({**changed, "training.epochs": 1}).dump())
    run = tmp_path / "study"
    done = run_job([HVDGAN, "launch", "-np", "5", "study", tmp_path / "c.yaml", "--out", run])
    assert done.code == 0, done.err
    ended = trials(run)
    assert [(trial.state.name, trial.params) for trial in ended] == [("COMPLETE", point) for point in points]
    best = min(ended, key=lambda trial: trial.value)
    verdict = json.loads((run / "verdict.json").read_text())
    assert (verdict["code"], verdict["message"].startswith(f"best trial {best.number} ")) == (0, True)
    config = load(run / "best.yaml")
    assert (config.training.replicas, config.study.space) == (best.params["training.replicas"], {})
    for trial in ended:
        fold, replicas = run / "trials" / f"{trial.number:04d}" / "fold-0", trial.params["training.replicas"]
        whole, parts = load_checkpoint(fold), [load_checkpoint(part) for part in sorted(fold.glob("replica-*"))]
        assert whole.manifest["world"] == 4
        assert [part.manifest["step"] for part in parts] == [whole.manifest["step"]] * (replicas if replicas > 1 else 0)
        steps = sum(part.manifest["walk"]["steps"] for part in parts)
        assert steps == len(parts) * whole.manifest["step"], "rings of two take twice the steps of one of four"


def test_one_process_is_coordinator_and_group(study_file, tmp_path):
    words = ["study", study_file, "--out", tmp_path / "study", "--ranks-per-trial", "1", "--trials", "2"]
    done = run_job([HVDGAN, *words])
    assert done.code == 0, done.err
    assert [trial.state.name for trial in trials(tmp_path / "study")] == ["COMPLETE"] * 2
    more = CliRunner().invoke(app, ["study", "--resume", str(tmp_path / "study"), "--trials", "3"])
    assert more.exit_code == 0, more.output
    assert len(trials(tmp_path / "study")) == 3


@pytest.mark.parametrize(
    ("number", "endings"),
    [(signal.SIGUSR1, ["preempted"]), (signal.SIGTERM, ["preempted", "lost"])],
)
def test_a_signal_to_mpirun_and_resume_continue_the_trials(study_file, tmp_path, number, endings):
    run = tmp_path / "study"
    words = [HVDGAN, "study", study_file, "--set", "training.epochs=8", "--trials", "1", "--out", run]
    with Job(mpirun(3, words)) as job:
        job.wait_for(run / "trials" / "0000" / "fold-0" / "latest")
        job.process.send_signal(number)
        ended = job.finish()
    if number == signal.SIGUSR1:
        assert ended.code == EXIT_PREEMPTED
        assert json.loads((run / "verdict.json").read_text())["code"] == EXIT_PREEMPTED
    assert has_checkpoint(run / "trials" / "0000" / "fold-0")
    resumed = run_job(mpirun(3, [HVDGAN, "study", "--resume", run]))
    assert resumed.code == 0, resumed.err
    left, copy = trials(run)
    assert (left.state.name, copy.state.name) == ("FAIL", "COMPLETE")
    assert left.user_attrs["failure"] in endings
    assert copy.params == left.params
    assert copy.user_attrs["resume_of" if left.user_attrs["failure"] == "preempted" else "retry_of"] == 0
    metrics = run / "trials" / f"{copy.number:04d}" / "fold-0" / "metrics.jsonl"
    assert all(row["steps"] > 3 for row in read_json_lines(metrics))  # not from the beginning, if at all
    assert status(run, follow=False, redrawn=False) == 0


def test_with_recovery_a_killed_rank_costs_its_group_and_the_verdict_says_so(study_file, tmp_path):
    run = tmp_path / "study"
    long = ["--set", "training.epochs=6", "--set", "training.stall_timeout=10.0", "--trials", "3"]
    command = [HVDGAN, "launch", "--recover", "-np", "5", "study", study_file, "--out", run, *long]
    with Job([*command, "--set", "study.sampler=random"]) as job:
        job.wait_for(run / "trials" / "0001" / "fold-0" / "latest")
        signal_rank(job, 4, signal.SIGKILL)
        done = job.finish()
    assert done.code == EXIT_LOSSES, done.err
    assert "1 of the groups" in json.loads((run / "verdict.json").read_text())["message"]
    ended = trials(run)
    assert [trial.user_attrs["failure"] for trial in ended if trial.state.name == "FAIL"] == ["lost"]
    assert sum(trial.state.name == "COMPLETE" for trial in ended) == 3
    assert (run / "best.yaml").exists()


def test_a_trial_that_turns_nan_fails_and_the_study_goes_on(study_file, tmp_path):
    space = "study.space={training.learning_rate: {type: categorical, choices: [0.001, 1.0e+30]}}"
    words = [HVDGAN, "study", study_file, "--out", tmp_path / "study", "--trials", "5", "--set", space]
    done = run_job(mpirun(3, [*words, "--set", "study.sampler=random"]))
    assert done.code == 0, done.err
    endings = {trial.params["training.learning_rate"]: trial for trial in trials(tmp_path / "study")}
    assert endings[0.001].state.name == "COMPLETE"
    assert (endings[1e30].state.name, endings[1e30].user_attrs["failure"]) == ("FAIL", "nan")
