"""Every point tells truthfully where it came from, and a seed gives the same points again."""

import logging
import warnings

import optuna
import pytest
from shadows import Shadow, is_legal

from hvdgan.config import Study
from hvdgan.errors import ConfigError
from hvdgan.study.search import samplers, space

NAMES = ["gp", "tpe", "cmaes", "nsga2", "qmc", "random", "grid"]
RATE = {"type": "float", "low": 0.001, "high": 0.1, "log": True}
SIZE = {"type": "int", "low": 50, "high": 400, "step": 50}
KIND = {"type": "categorical", "choices": ["rmsprop", "adam"]}
FLIP = {"type": "float", "low": 0.0, "high": 0.5, "step": 0.1}
MIXED = {"training.learning_rate": RATE, "gan.latent_size": SIZE, "training.optimizer": KIND}
COUNTED = {"gan.latent_size": SIZE, "training.optimizer": KIND, "training.label_flip": FLIP}
DEPENDENT = {"training.learning_rate": {**RATE, "when": {"training.optimizer": "adam"}}, **COUNTED}


def configure(sampler, space=None, **study):
    """Return the settings of a small study."""
    chosen = space or (COUNTED if sampler == "grid" else MIXED)
    return Study(
        **{"sampler": sampler, "space": chosen, "n_startup_trials": 3, "evolution": {"population": 4}, **study}
    )


def distance(params):
    """Return a smooth value."""
    return abs(params["gan.latent_size"] - 200) / 100 + params.get("training.learning_rate", 0.0)


EXPECTED = {
    "gp": ["startup"] * 3 + ["gp"] * 3,
    "tpe": ["startup"] * 3 + ["tpe"] * 3,
    "cmaes": ["startup"] * 3 + ["cmaes"] * 3,
    "nsga2": ["startup"] * 4 + ["nsga2"] * 2,
    "qmc": ["qmc"] * 6,
    "random": ["random"] * 6,
    "grid": ["grid"] * 6,
}


@pytest.mark.parametrize("name", NAMES)
def test_each_sampler_says_from_when_on_points_are_its_own(name):
    settings = configure(name)
    samplers.check(settings)
    shadow = Shadow(settings)
    assert shadow.run(6, distance) == EXPECTED[name]
    assert all(is_legal(settings, point) for point in shadow.points)


@pytest.mark.parametrize("name", NAMES)
def test_no_sampler_warns_or_logs_about_what_it_does_by_design(name, caplog):
    optuna.logging.enable_propagation()
    settings = configure(name, COUNTED if name == "grid" else DEPENDENT)
    try:
        with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
            warnings.simplefilter("error")
            Shadow(settings).run(8, distance, parallel=2)
    finally:
        optuna.logging.disable_propagation()
    assert caplog.messages == []


@pytest.mark.parametrize("name", NAMES)
def test_conditional_keys_keep_every_sampler_working_and_honest(name):
    if name == "grid":
        with pytest.raises(ConfigError, match=r"grid cannot search training\.learning_rate: it is conditional"):
            samplers.check(configure(name, DEPENDENT))
        return
    settings = configure(name, DEPENDENT)
    samplers.check(settings)
    shadow = Shadow(settings)
    assert shadow.run(8, distance)[4:] == [name] * 4
    assert all(is_legal(settings, point) for point in shadow.points)
    assert len({"training.learning_rate" in point for point in shadow.points}) == 2


@pytest.mark.parametrize("name", [name for name in NAMES if name != "cmaes"])
def test_several_objectives_are_served(name):
    settings = configure(name, objective=["merit", "generation_time"])
    samplers.check(settings)
    shadow = Shadow(settings, objectives=2)
    sources = shadow.run(7, lambda params: (distance(params), params["gan.latent_size"]), parallel=2)
    assert sources[-1] == name
    assert all(is_legal(settings, point) for point in shadow.points)


def test_cmaes_refuses_several_objectives_and_a_space_without_steady_numbers():
    steady = {"training.optimizer": KIND, "training.learning_rate": DEPENDENT["training.learning_rate"]}
    with pytest.raises(ConfigError) as refusal:
        samplers.check(configure("cmaes", steady, objective=["merit", "training_time"]))
    first, second = str(refusal.value).splitlines()
    assert "names merit, training_time; use nsga2, gp or tpe" in first
    assert "study.space has none" in second


@pytest.mark.parametrize(
    ("dimension", "reason"),
    [
        ({"type": "float", "low": 0.0, "high": 0.5}, "the range is continuous; give it a step"),
        (RATE, "a grid has no logarithmic numbers"),
        ({"type": "int", "low": 1, "high": 400, "log": True}, "a grid has no logarithmic whole numbers"),
    ],
)
def test_a_grid_refuses_what_it_cannot_enumerate(dimension, reason):
    with pytest.raises(ConfigError, match=f"grid cannot search training.x: {reason}"):
        samplers.check(configure("grid", {**COUNTED, "training.x": dimension}, trials=1))


def test_a_grid_says_how_many_trials_it_has_points_for():
    samplers.check(configure("grid", trials=8 * 2 * 6))
    with pytest.raises(ConfigError, match=r"has 96 points, fewer than 97 trials; set study\.trials to 96 or less"):
        samplers.check(configure("grid", trials=97))


def test_settings_that_would_be_ignored_are_refused():
    choices = {"training.optimizer": KIND}
    mixing = {"crossover": "sbx"}
    samplers.check(configure("nsga2", evolution=mixing))
    with pytest.raises(ConfigError, match="sbx mixes numbers"):
        samplers.check(configure("nsga2", choices, evolution=mixing))
    with pytest.raises(ConfigError, match="merit is there twice"):
        samplers.check(configure("gp", objective=["merit", "merit"]))


@pytest.mark.parametrize("crossover", ["uniform", "blxalpha", "sbx"])
def test_every_crossover_breeds_legal_points(crossover):
    settings = configure("nsga2", evolution={"population": 4, "crossover": crossover, "mutation_rate": 0.1})
    shadow = Shadow(settings)
    assert shadow.run(16, distance, parallel=3)[-1] == "nsga2"
    assert all(is_legal(settings, point) for point in shadow.points)


def test_evolution_settings_reach_the_sampler():
    settings = configure("nsga2", evolution={"population": 4, "crossover_rate": 0.0, "mutation_rate": 0.0})
    shadow = Shadow(settings)
    shadow.run(12, distance)
    assert all(point in shadow.points[:4] for point in shadow.points[4:])


def test_children_are_bred_from_the_best_of_all_generations_also_in_a_rebuilt_study():
    settings = configure("nsga2", evolution={"population": 2, "crossover_rate": 0.0, "mutation_rate": 0.0})
    shadow = Shadow(configure("random"))
    shadow.run(40, distance, parallel=5)
    best = sorted(shadow.trials, key=lambda trial: trial.value)[:2]
    rebuilt = Shadow(settings, shadow.trials)
    children = [rebuilt.ask().params for _ in range(6)]
    assert set(rebuilt.sources.values()) == {"nsga2"}
    assert all(child in [trial.params for trial in best] for child in children)


def test_many_generations_do_not_exhaust_the_stack():
    settings = configure("nsga2", evolution={"population": 2})
    shadow = Shadow(configure("random"))
    shadow.run(1200, distance)
    rebuilt = Shadow(settings, shadow.trials)
    rebuilt.ask()
    assert rebuilt.sources[1200] == "nsga2"


@pytest.mark.parametrize("name", NAMES)
def test_a_point_depends_on_the_seed_and_on_how_many_trials_there_are(name):
    def points(trials, **study):
        return [Shadow(configure(name, **study), trials).ask().params for _ in range(2)]

    first, again = points([], seed=5)
    assert first == again
    known = Shadow(configure(name, seed=5))
    known.run(1, distance)
    assert points([], seed=6)[0] != first
    assert points(known.trials, seed=5)[0] not in known.points


def test_failed_trials_do_not_end_the_startup():
    shadow = Shadow(configure("gp"))
    for _ in range(4):
        shadow.study.tell(shadow.ask(), state=optuna.trial.TrialState.FAIL)
    assert shadow.run(4, distance) == ["startup"] * 7 + ["gp"]


@pytest.mark.parametrize(("name", "source"), [("tpe", "tpe"), ("gp", "startup"), ("cmaes", "startup")])
def test_trials_told_pruned_teach_the_estimator_only(name, source):
    shadow = Shadow(configure(name))
    for _ in range(3):
        shadow.study.tell(shadow.ask(), state=optuna.trial.TrialState.PRUNED)
    shadow.ask()
    assert shadow.sources[3] == source


def test_running_trials_do_not_end_the_startup():
    shadow = Shadow(configure("gp"))
    for _ in range(4):
        shadow.ask()
    assert set(shadow.sources.values()) == {"startup"}


def test_a_given_point_is_enqueued_and_a_partly_given_one_is_not():
    shadow = Shadow(configure("random"))
    whole = {"training.learning_rate": 0.01, "gan.latent_size": 100, "training.optimizer": "adam"}
    shadow.study.enqueue_trial(whole)
    shadow.study.enqueue_trial({"gan.latent_size": 100})
    first, second = shadow.ask(), shadow.ask()
    assert (first.params, shadow.sources[0]) == (whole, "enqueued")
    assert (second.params["gan.latent_size"], shadow.sources[1]) == (100, "random")


def test_a_parameter_the_process_has_never_seen_makes_the_point_random():
    known = Shadow(configure("gp", {"gan.latent_size": SIZE}))
    known.run(3, distance)
    shadow = Shadow(configure("gp"), known.trials)
    shadow.ask()
    assert shadow.sources[3] == "random"


@pytest.mark.parametrize("name", NAMES)
def test_a_space_without_a_choice_is_fixed(name):
    shadow = Shadow(configure(name, {"gan.latent_size": {"type": "int", "low": 100, "high": 100}}))
    assert shadow.run(2, distance) == ["fixed"] * 2
    assert space.describe(shadow.settings.space)["gan.latent_size"]["low"] == 100
