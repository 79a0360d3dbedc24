"""Every point tells truthfully where it came from, and a seed gives the same points again."""

import pytest

from hvdgan.study import history
from hvdgan.study.messages import Done, Failed, Pruned


def run_trials(ledger, count, outcome_of=None):
    """Run trials one after the other; by default the value is a smooth function of the parameters."""
    sources, points = [], []
    for _ in range(count):
        assignment = ledger.ask(group=1)
        row = ledger.row(assignment.number)
        sources.append(row["source"])
        points.append(row["params"])
        value = abs(assignment.params["gan.latent_size"] - 200) / 100 + assignment.params["training.learning_rate"]
        ledger.close(assignment.number, Done((value,)) if outcome_of is None else outcome_of(assignment.number))
    return sources, points


@pytest.mark.parametrize("name", ["gp", "tpe"])
def test_points_of_the_model_come_after_the_startup(make_config, open_ledger, name):
    sources, _ = run_trials(open_ledger(make_config(sampler=name, n_startup_trials=3)), 6)
    assert sources == ["startup"] * 3 + [name] * 3


def test_the_random_sampler_says_so(make_config, open_ledger):
    assert run_trials(open_ledger(make_config(sampler="random")), 2)[0] == ["random", "random"]


def test_failed_trials_do_not_end_the_startup(make_config, open_ledger):
    ledger = open_ledger(make_config(sampler="gp", n_startup_trials=2))
    sources, _ = run_trials(ledger, 4, lambda number: Failed("exception", "broke") if number < 2 else Done((1.0,)))
    assert sources == ["startup"] * 4
    assert run_trials(ledger, 1)[0] == ["gp"]


def test_pruned_trials_teach_the_estimator_but_not_the_process(make_config, open_ledger, tmp_path):
    ledger = open_ledger(make_config(sampler="tpe", n_startup_trials=2))
    run_trials(ledger, 2, lambda number: Pruned(step=1))
    assert run_trials(ledger, 1)[0] == ["tpe"]


def test_pruned_trials_leave_the_process_at_its_startup(make_config, open_ledger):
    ledger = open_ledger(make_config(sampler="gp", n_startup_trials=2))
    run_trials(ledger, 2, lambda number: Pruned(step=1))
    assert run_trials(ledger, 1)[0] == ["startup"]


def test_running_trials_do_not_end_the_startup(make_config, open_ledger):
    ledger = open_ledger(make_config(sampler="gp", n_startup_trials=2))
    asked = [ledger.ask(group) for group in range(1, 5)]
    assert {ledger.row(assignment.number)["source"] for assignment in asked} == {"startup"}


def test_a_given_point_is_enqueued_and_a_partly_given_one_is_not(make_config, open_ledger):
    ledger = open_ledger(make_config(sampler="random"))
    whole = {"training.learning_rate": 0.01, "gan.latent_size": 100, "training.optimizer": "adam"}
    ledger._study.enqueue_trial(whole)
    ledger._study.enqueue_trial({"gan.latent_size": 100})
    first, second = ledger.ask(1), ledger.ask(1)
    assert (first.params, ledger.row(0)["source"]) == (whole, "enqueued")
    assert (second.params["gan.latent_size"], ledger.row(1)["source"]) == (100, "random")


def test_a_parameter_the_process_has_never_seen_makes_the_point_random(make_config, open_ledger):
    known = {"gan.latent_size": {"type": "int", "low": 50, "high": 400}}
    ledger = open_ledger(make_config(sampler="gp", n_startup_trials=1, space=known))
    ledger.close(ledger.ask(1).number, Done((1.0,)))
    ledger._settings = make_config(sampler="gp", n_startup_trials=1).study
    assert ledger.row(ledger.ask(1).number)["source"] == "random"


def test_a_space_without_a_choice_is_fixed(make_config, open_ledger):
    space = {"gan.latent_size": {"type": "int", "low": 100, "high": 100}}
    ledger = open_ledger(make_config(sampler="gp", space=space))
    assert ledger.row(ledger.ask(1).number)["source"] == "fixed"


@pytest.mark.parametrize("name", ["random", "tpe"])
def test_the_same_seed_gives_the_same_points(make_config, open_ledger, tmp_path, name):
    config = make_config(sampler=name, seed=5)
    _, first = run_trials(open_ledger(config), 5)
    (tmp_path / "study.db").unlink()
    _, again = run_trials(open_ledger(config), 5)
    (tmp_path / "study.db").unlink()
    _, other = run_trials(open_ledger(make_config(sampler=name, seed=6)), 5)
    assert first == again
    assert first != other


def test_a_resumed_study_does_not_repeat_its_points(make_config, open_ledger):
    config = make_config(sampler="random")
    _, first = run_trials(open_ledger(config), 3)
    _, more = run_trials(open_ledger(config, resume=True), 3)
    assert not [point for point in more if point in first]


def test_all_rows_carry_their_source(make_config, open_ledger):
    ledger = open_ledger(make_config(sampler="tpe"))
    run_trials(ledger, 4)
    assert all(row["source"] for row in history.rows(ledger._study))
