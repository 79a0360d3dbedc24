"""A study is recognised or refused, and only one coordinator works on it."""

import json
import logging
import os
import socket
import subprocess
import sys

import optuna
import pytest

from hvdgan.errors import UsageError
from hvdgan.study.messages import Done
from hvdgan.study.store import lock, storage
from hvdgan.study.store.fingerprint import fingerprint


def run_one(ledger):
    ledger.close(ledger.ask(1).number, Done((1.0,)))


def test_the_default_storage_is_a_file_of_the_run(make_config, tmp_path):
    assert storage.locate(make_config(), tmp_path) == (f"sqlite:///{tmp_path}/study.db", "hvdgan")


def test_a_given_storage_is_used_under_the_name_of_the_run(make_config, tmp_path):
    url = f"sqlite:///{tmp_path}/all.db"
    run = tmp_path / "run-7"
    run.mkdir()
    assert storage.locate(make_config(storage=url), run) == (url, "run-7")
    storage.open_study(make_config(storage=url), run, resume=False)
    assert optuna.get_all_study_names(url) == ["run-7"]


def test_a_study_with_trials_needs_resume(make_config, open_ledger):
    run_one(open_ledger(make_config()))
    with pytest.raises(UsageError, match=r"with 1 trials; continue it with --resume"):
        open_ledger(make_config())
    assert open_ledger(make_config(), resume=True).counted == 1


def test_resume_needs_a_study(make_config, open_ledger):
    with pytest.raises(UsageError, match="no study 'hvdgan' to resume"):
        open_ledger(make_config(), resume=True)


def test_a_study_without_trials_may_change_its_mind(make_config, open_ledger):
    open_ledger(make_config())
    changed = make_config(folds=2)
    run_one(open_ledger(changed))
    assert open_ledger(changed, resume=True).counted == 1


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"study.folds": 3}, "objective.study.folds: stored 1, now 3"),
        ({"training.epochs": 5}, "objective.training.epochs: stored 30, now 5"),
        ({"data.files": ["other.h5"]}, "objective.data.files: stored ['showers.h5'], now ['other.h5']"),
        ({"gan.model_args": {"width": 2}}, "objective.gan.model_args.width: stored nothing, now 2"),
    ],
)
def test_another_objective_is_refused_with_the_difference(make_config, open_ledger, change, difference):
    config = make_config()
    run_one(open_ledger(config))
    with pytest.raises(UsageError) as refusal:
        open_ledger(config.replace(change), resume=True)
    assert difference in str(refusal.value)


def test_another_space_is_refused_with_the_difference(make_config, open_ledger):
    config = make_config()
    run_one(open_ledger(config))
    space = {**config.model_dump()["study"]["space"]}
    space["gan.latent_size"] = {"type": "int", "low": 50, "high": 300}
    with pytest.raises(UsageError, match=r"space\.gan\.latent_size\.high: stored 400, now 300"):
        open_ledger(make_config(space=space), resume=True)


def test_a_study_of_another_program_is_refused(make_config, tmp_path):
    foreign = optuna.create_study(storage=f"sqlite:///{tmp_path}/study.db", study_name="hvdgan", direction="maximize")
    foreign.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    with pytest.raises(UsageError, match="direction: stored maximize, now minimize"):
        storage.open_study(make_config(), tmp_path, resume=True)


def test_what_does_not_change_the_values_may_change(make_config, open_ledger):
    config = make_config()
    run_one(open_ledger(config))
    other = config.replace({"study.trials": 99, "study.sampler": "tpe", "training.metric_every": 3})
    assert open_ledger(other, resume=True).counted == 1


def test_a_searched_key_is_no_part_of_the_objective(make_config):
    kept = fingerprint(make_config())["objective"]
    assert "gan.latent_size" not in kept
    assert kept["gan.model"] == "3dgan"


@pytest.mark.parametrize("url", ["nonsense://x", "sqlite:////no/such/folder/study.db"])
def test_a_storage_that_cannot_be_opened_is_named(make_config, tmp_path, url):
    with pytest.raises(UsageError, match=f"cannot open {url}"):
        storage.open_study(make_config(storage=url), tmp_path, resume=False)


def test_a_file_that_is_no_database_is_named(make_config, tmp_path):
    (tmp_path / "study.db").write_text("not a database" * 100)
    with pytest.raises(UsageError, match="file is not a database"):
        storage.open_study(make_config(), tmp_path, resume=False)


def test_looking_needs_a_study(make_config, tmp_path, open_ledger):
    with pytest.raises(UsageError, match="holds no study"):
        storage.load_study(make_config(), tmp_path)
    run_one(open_ledger(make_config()))
    assert len(storage.load_study(make_config(), tmp_path).trials) == 1


def test_optuna_logs_warnings_but_not_its_progress(make_config, open_ledger):
    run_one(open_ledger(make_config()))
    assert logging.getLogger("optuna").getEffectiveLevel() == logging.WARNING


def test_a_lock_names_its_holder_and_refuses_a_second(tmp_path):
    path = tmp_path / "coordinator.lock"
    with lock.hold(path):
        assert json.loads(path.read_text())["pid"] == os.getpid()
        with pytest.raises(UsageError, match=f"process {os.getpid()} on {socket.gethostname()} since"), lock.hold(path):
            pass
    with lock.hold(path):
        pass


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path):
    path = tmp_path / "coordinator.lock"
    script = (
        "import os, pathlib, sys; from hvdgan.study.store.lock import hold\n"
        "with hold(pathlib.Path(sys.argv[1])): os._exit(9)"
    )
    died = subprocess.run([sys.executable, "-c", script, str(path)], timeout=60, check=False)
    assert died.returncode == 9
    assert json.loads(path.read_text())["pid"] != os.getpid()
    with lock.hold(path):
        assert json.loads(path.read_text())["pid"] == os.getpid()


def test_a_reused_process_id_is_no_holder(tmp_path):
    path = tmp_path / "coordinator.lock"
    path.write_text(json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "birth": "1", "since": "long ago"}))
    with lock.hold(path):
        assert json.loads(path.read_text())["birth"] != "1"


def test_a_holder_on_another_host_is_believed(tmp_path):
    path = tmp_path / "coordinator.lock"
    path.write_text(json.dumps({"host": "elsewhere", "pid": 1, "birth": "1", "since": "noon"}))
    with pytest.raises(UsageError, match=rf"process 1 on elsewhere since noon; if that process is gone, delete {path}"):
        lock.hold(path).__enter__()


def test_a_torn_lock_holds_nothing(tmp_path):
    path = tmp_path / "coordinator.lock"
    path.write_text('{"host": "her')
    with lock.hold(path):
        assert json.loads(path.read_text())["pid"] == os.getpid()
