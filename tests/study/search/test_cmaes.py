"""CMA-ES finds optima, copes with groups that work side by side, and decodes nothing that a storage holds."""

import pickle

import numpy as np
import optuna
import pytest
from shadows import Shadow, bare

from hvdgan.config import Study
from hvdgan.study.search import cmaes

CENTRE = (1.3, -2.1, 0.7, 3.3)
REAL = {f"training.x{number}": {"type": "float", "low": -5.0, "high": 5.0} for number in range(4)}
KINDS = {
    "training.learning_rate": {"type": "float", "low": 1e-4, "high": 1e-1, "log": True},
    "training.label_flip": {"type": "float", "low": 0.0, "high": 0.5, "step": 0.05},
    "gan.latent_size": {"type": "int", "low": 50, "high": 400, "step": 10},
    "training.batch_size": {"type": "int", "low": 1, "high": 1024, "log": True},
}


def configure(space, sampler="cmaes", **study):
    """Return the settings of a study."""
    return Study(**{"sampler": sampler, "space": space, "n_startup_trials": 8, **study})


def sphere(params):
    """Return the squared distance from the centre."""
    return sum((params[name] - centre) ** 2 for name, centre in zip(REAL, CENTRE, strict=True))


def ellipsoid(params):
    """Return a squared distance whose axes differ by a factor of 30 in length."""
    squares = [(params[name] - centre) ** 2 for name, centre in zip(REAL, CENTRE, strict=True)]
    return sum(10**number * square for number, square in enumerate(squares))


def tuned(params):
    """Return how far real, stepped and whole numbers on both scales are from a good training."""
    rate = np.log10(params["training.learning_rate"]) + 2.5
    batch = np.log2(params["training.batch_size"]) - 6
    flip, size = params["training.label_flip"] - 0.1, (params["gan.latent_size"] - 220) / 100
    return float(rate**2 + batch**2 / 4 + (4 * flip) ** 2 + size**2)


def best_of(settings, function, parallel):
    """Return the median over seeds of the best of 120 trials."""
    bests = []
    for seed in range(3):
        shadow = Shadow(settings.model_copy(update={"seed": seed}))
        shadow.run(120, function, parallel)
        bests.append(shadow.study.best_value)
    return float(np.median(bests))


@pytest.mark.slow
@pytest.mark.parametrize("parallel", [1, 8])
@pytest.mark.parametrize(("space", "function"), [(REAL, sphere), (REAL, ellipsoid), (KINDS, tuned)])
def test_it_converges_far_better_than_chance(space, function, parallel):
    chance = best_of(configure(space, "random"), function, parallel)
    assert best_of(configure(space), function, parallel) < 0.25 * chance


def test_parallel_asks_differ_and_trials_may_end_in_any_order():
    shadow = Shadow(configure(REAL))
    shadow.run(8, sphere)
    running = [shadow.ask() for _ in range(6)]
    assert {shadow.sources[trial.number] for trial in running} == {"cmaes"}
    assert len({tuple(trial.params.values()) for trial in running}) == 6
    order = [4, 0, 5, 2, 1, 3]
    for place in order:
        shadow.study.tell(running[place], sphere(running[place].params))
    ended = [trial.number for trial in cmaes.completed(shadow.trials)]
    assert ended == [*range(8), *(running[place].number for place in order)]


def test_the_same_seed_and_trials_give_the_same_points_and_failed_ones_do_not_matter():
    settings = configure(REAL)
    shadow = Shadow(settings)
    shadow.run(30, sphere)
    one, other = Shadow(settings, shadow.trials), Shadow(settings, shadow.trials)
    other.study.tell(other.study.ask(), state=optuna.trial.TrialState.FAIL)
    points = [one.ask().params for _ in range(3)]
    assert points == [other.ask().params for _ in range(3)]


def test_a_rebuilt_study_goes_on_where_the_old_one_was():
    shadow = Shadow(configure(REAL))
    shadow.run(120, sphere)
    rebuilt = Shadow(configure(REAL), shadow.trials)
    assert max(sphere(rebuilt.ask().params) for _ in range(10)) < 1.0
    assert set(rebuilt.sources.values()) == {"cmaes"}


def test_a_foreign_point_far_away_does_not_blow_up_the_search():
    shadow = Shadow(configure(REAL))
    shadow.run(100, sphere)
    corner = dict.fromkeys(REAL, -5.0)
    for _ in range(8):
        shadow.study.enqueue_trial(corner)
        trial = shadow.ask()
        assert shadow.sources[trial.number] == "enqueued"
        shadow.study.tell(trial, sphere(trial.params))
    assert np.median([sphere(shadow.ask().params) for _ in range(10)]) < 1.0


def test_choices_and_conditional_numbers_are_left_to_chance():
    kinds = {"training.optimizer": {"type": "categorical", "choices": ["rmsprop", "adam"]}}
    rate = {"training.learning_rate": {**KINDS["training.learning_rate"], "when": {"training.optimizer": "adam"}}}
    fixed = {"gan.latent_size": {"type": "int", "low": 100, "high": 100}}
    settings = configure({**kinds, **rate, **fixed, **REAL})
    assert cmaes.select(settings.space).keys() == REAL.keys()
    shadow = Shadow(settings)
    assert shadow.run(40, sphere)[8:] == ["cmaes"] * 32
    late = shadow.points[20:]
    assert {point["training.optimizer"] for point in late} == {"rmsprop", "adam"}
    assert {"training.learning_rate" in point for point in late} == {True, False}


class Bomb:
    """Creates a file when it is unpickled."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        """Have `open` called."""
        return open, (str(self.target), "w")


def test_a_pickle_planted_in_the_storage_is_never_executed(tmp_path):
    target, url = tmp_path / "executed", f"sqlite:///{tmp_path / 'foreign.db'}"
    planted = {"cma:optimizer:0": pickle.dumps(Bomb(target)).hex(), "cma:generation": 0}
    shadow = Shadow(configure(REAL))
    shadow.run(8, sphere)
    foreign = optuna.create_study(storage=url)
    for trial in shadow.trials:
        copy = bare(trial)
        copy.system_attrs, copy.user_attrs = dict(planted), dict(planted)
        foreign.add_trial(copy)

    victim = optuna.load_study(study_name=None, storage=url, sampler=optuna.samplers.CmaEsSampler(n_startup_trials=1))
    with pytest.raises(AttributeError):
        victim.ask({name: optuna.distributions.FloatDistribution(-5.0, 5.0) for name in REAL})
    assert target.exists(), "Optuna's own sampler is expected to fall for it"
    target.unlink()

    ours = Shadow(configure(REAL), foreign.trials)
    attached = optuna.load_study(study_name=None, storage=url, sampler=ours.study.sampler)
    ours.study = attached
    assert ours.run(9, sphere)[-1] == "cmaes"
    assert not target.exists()
    assert not [key for trial in attached.trials[9:] for key in trial.system_attrs]
