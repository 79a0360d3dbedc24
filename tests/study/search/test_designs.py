"""A grid gives every point once, whatever fails or is repeated; the Sobol sequence spreads and goes on."""

import optuna
import pytest
from shadows import Shadow, is_legal

from hvdgan.config import Study
from hvdgan.study.search import designs

GRID = {
    "gan.latent_size": {"type": "int", "low": 50, "high": 150, "step": 50},
    "training.optimizer": {"type": "categorical", "choices": ["rmsprop", "adam"]},
    "training.label_flip": {"type": "float", "low": 0.1, "high": 0.3, "step": 0.1},
    "training.epochs": {"type": "int", "low": 3, "high": 3},
}
LINE = {"training.x": {"type": "float", "low": 0.0, "high": 1.0}}


def keys(points):
    """Return points as something that sets hold."""
    return {tuple(sorted(point.items())) for point in points}


@pytest.mark.parametrize("parallel", [1, 5])
def test_every_point_comes_once_and_then_chance_says_its_name(parallel):
    settings = Study(sampler="grid", space=GRID)
    shadow = Shadow(settings)
    assert shadow.run(20, lambda params: 1.0, parallel) == ["grid"] * 18 + ["random"] * 2
    assert len(keys(shadow.points[:18])) == 18
    assert all(is_legal(settings, point) for point in shadow.points)


def test_the_order_depends_on_the_seed():
    orders = [Shadow(Study(sampler="grid", space=GRID, seed=seed)) for seed in (1, 1, 2)]
    for shadow in orders:
        shadow.run(18, lambda params: 1.0)
    assert orders[0].points == orders[1].points
    assert orders[0].points != orders[2].points


def test_a_rebuilt_study_gives_what_is_left_and_the_unused_again():
    settings = Study(sampler="grid", space=GRID)
    shadow = Shadow(settings)
    shadow.run(10, lambda params: 1.0)
    failed, unused, running = (shadow.ask() for _ in range(3))
    unused.set_user_attr("failure", "unused")
    for trial in (failed, unused):
        shadow.study.tell(trial, state=optuna.trial.TrialState.FAIL)
    rebuilt = Shadow(settings, shadow.trials)
    assert rebuilt.run(6, lambda params: 1.0) == ["grid"] * 6
    assert rebuilt.ask().number == 19
    assert rebuilt.sources[19] == "random"
    given = keys(rebuilt.points[13:19])
    assert keys([unused.params]) <= given
    assert not keys([failed.params, running.params]) & given


def test_an_enqueued_point_of_the_grid_is_not_repeated():
    shadow = Shadow(Study(sampler="grid", space=GRID))
    point = {"gan.latent_size": 100, "training.optimizer": "adam", "training.label_flip": 0.3, "training.epochs": 3}
    shadow.study.enqueue_trial(point)
    assert shadow.run(18, lambda params: 1.0) == ["enqueued"] + ["grid"] * 17
    assert len(keys(shadow.sent.values())) == 18


def test_a_huge_grid_costs_nothing_to_plan():
    wide = {f"training.x{number}": {"type": "int", "low": 0, "high": 999} for number in range(6)}
    settings = Study(sampler="grid", space=wide)
    assert designs.Grid(settings.space, 0).size == 10**18
    shadow = Shadow(settings)
    assert shadow.run(5, lambda params: 1.0) == ["grid"] * 5


@pytest.mark.parametrize("count", [16, 64])
def test_the_sequence_puts_one_point_into_each_interval(count):
    shadow = Shadow(Study(sampler="qmc", space=LINE))
    shadow.run(count, lambda params: 1.0, parallel=4)
    assert {int(point["training.x"] * count) for point in shadow.points} == set(range(count))


def test_a_rebuilt_sequence_goes_on():
    settings = Study(sampler="qmc", space=LINE)
    whole, first = Shadow(settings), Shadow(settings)
    whole.run(16, lambda params: 1.0)
    first.run(6, lambda params: 1.0)
    second = Shadow(settings, first.trials)
    second.run(10, lambda params: 1.0)
    assert second.points == whole.points
