"""Another search is refused with its difference; what Optuna can go on with may be forced, the rest never."""

import pytest
from books import Book

from hvdgan.errors import UsageError
from hvdgan.study.messages import Done
from hvdgan.study.store import storage
from hvdgan.study.store.fingerprint import fingerprint

TWO = ["merit", "generation_time"]


def changed_space(config, **changes):
    """Return the space with keys of the latent size, the rate or the optimizer changed."""
    space = config.model_dump()["study"]["space"]
    for name, change in changes.items():
        key = {"size": "gan.latent_size", "rate": "training.learning_rate", "optimizer": "training.optimizer"}[name]
        space[key] = {**space[key], **change}
    return space


@pytest.fixture(params=[None, "journal://study.journal"])
def begun(request, make_config, open_ledger):
    """A configuration whose study holds one trial, in SQLite and in a journal."""
    config = make_config(storage=request.param)
    ledger = open_ledger(config)
    ledger.close(ledger.ask(1).number, Done((1.0,)))
    return config


def test_each_objective_is_minimised(make_config, tmp_path):
    config = make_config(objective=TWO)
    study = storage.open_study(config, tmp_path, resume=False)
    assert [direction.name for direction in study.directions] == ["MINIMIZE"] * 2
    study.tell(study.ask(), [1.0, 2.0])
    assert len(storage.open_study(config, tmp_path, resume=True).best_trials) == 1


def test_how_to_compare_counts_where_a_metric_of_it_is_an_objective(make_config):
    for objective, counts in (("merit", False), ("auc", True)):
        found = fingerprint(make_config(objective=[objective]))["objective"]
        assert ("evaluation.repeats" in found) is counts


@pytest.mark.parametrize("force", [False, True])
def test_another_number_of_objectives_is_never_taken(begun, tmp_path, force):
    with pytest.raises(UsageError, match=r"direction: stored minimize, now minimize, minimize\n.*no flag overrides"):
        storage.open_study(begun.replace({"study.objective": TWO}), tmp_path, resume=True, force=force)


def test_another_objective_of_the_same_number_can_be_forced(begun, tmp_path):
    other = begun.replace({"study.objective": ["training_time"]})
    with pytest.raises(UsageError, match=r"study\.objective: stored \['merit'\], now \['training_time'\]"):
        storage.open_study(other, tmp_path, resume=True)
    storage.open_study(other, tmp_path, resume=True, force=True)


def test_what_was_forced_is_logged_and_from_then_on_the_study(begun, tmp_path, caplog):
    other = begun.replace({"study.folds": 3})
    with pytest.raises(UsageError, match=r"stored 1, now 3\n.*--despite-differences"):
        storage.open_study(other, tmp_path, resume=True)
    storage.open_study(other, tmp_path, resume=True, force=True)
    assert "despite differences:\n  objective.study.folds: stored 1, now 3" in caplog.text
    storage.open_study(other, tmp_path, resume=True)
    with pytest.raises(UsageError, match="stored 3, now 1"):
        storage.open_study(begun, tmp_path, resume=True)


def test_forced_ranges_are_searched(begun, make_config, tmp_path):
    space = changed_space(begun, size={"low": 500, "high": 600})
    config = make_config(space=space, storage=begun.study.storage)
    study = storage.open_study(config, tmp_path, resume=True, force=True)
    assert 500 <= Book(study, config.study, tmp_path).ask(1).params["gan.latent_size"] <= 600


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"optimizer": {"choices": ["rmsprop", "sgd"]}}, r"stored \['rmsprop', 'adam'\], now \['rmsprop', 'sgd'\]"),
        ({"size": {"log": True}}, r"gan\.latent_size\.log: stored False, now True"),
        ({"rate": {"log": False}}, r"training\.learning_rate\.log: stored True, now False"),
    ],
)
def test_what_optuna_refuses_is_refused_before_a_trial_starts(begun, make_config, tmp_path, change, difference):
    config = make_config(space=changed_space(begun, **change), storage=begun.study.storage)
    with pytest.raises(UsageError, match=difference) as refusal:
        storage.open_study(config, tmp_path, resume=True, force=True)
    assert "no flag overrides this" in str(refusal.value)


def test_a_key_that_left_the_space_returns_only_as_it_was(begun, make_config, tmp_path):
    without = {name: one for name, one in begun.model_dump()["study"]["space"].items() if name != "training.optimizer"}
    keep = {"storage": begun.study.storage}
    storage.open_study(make_config(space=without, **keep), tmp_path, resume=True, force=True)
    other = make_config(space=changed_space(begun, optimizer={"choices": ["sgd", "adam"]}), **keep)
    with pytest.raises(UsageError, match="no flag overrides"):
        storage.open_study(other, tmp_path, resume=True, force=True)
    storage.open_study(begun, tmp_path, resume=True, force=True)


def test_a_study_that_lies_elsewhere_belongs_to_its_run_directory(make_config, tmp_path):
    config = make_config(storage=f"sqlite:///{tmp_path}/all.db")
    here, there = tmp_path / "one" / "run", tmp_path / "two" / "run"
    for folder in (here, there):
        folder.mkdir(parents=True)
    storage.open_study(config, here, resume=False)
    for resume in (False, True):
        with pytest.raises(UsageError, match=f"run directory: stored {here}, now {there}"):
            storage.open_study(config, there, resume=resume)
    storage.open_study(config, here, resume=True)
    storage.open_study(config, there, resume=True, force=True)
    storage.open_study(config, there, resume=True)


def test_a_run_directory_with_its_storage_may_move(make_config, tmp_path):
    for number, url in enumerate((None, "journal://study.journal")):
        config, before = make_config(storage=url), tmp_path / f"before-{number}"
        before.mkdir()
        study = storage.open_study(config, before, resume=False)
        study.tell(study.ask(), 1.0)
        after = before.rename(tmp_path / f"after-{number}")
        assert len(storage.open_study(config, after, resume=True).trials) == 1
