"""From ranges to points: every parameter is chosen, and what Optuna would change silently is refused."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shadows import Shadow, is_legal
from spaces import SPACES

from hvdgan.config import Choices, FloatRange, IntRange, Study
from hvdgan.errors import ConfigError
from hvdgan.study.search import conditions, samplers, space


class Middle:
    """A point in the middle of every range, that remembers what it was asked."""

    def __init__(self):
        self.asked = {}

    def suggest_float(self, name, low, high, *, step, log):
        """Take the middle."""
        self.asked[name] = (low, high, step, log)
        return (low + high) / 2

    def suggest_int(self, name, low, high, *, step, log):
        """Take the middle."""
        self.asked[name] = (low, high, step, log)
        return (low + high) // 2

    def suggest_categorical(self, name, choices):
        """Take the last."""
        self.asked[name] = choices
        return choices[-1]


DIMENSIONS = {
    "a.rate": FloatRange(type="float", low=0.1, high=0.5, log=True),
    "a.size": IntRange(type="int", low=2, high=10, step=4),
    "a.kind": Choices(type="categorical", choices=["p", "q"]),
}


def test_every_parameter_is_suggested_in_order_with_its_range():
    point = Middle()
    assert space.suggest(point, DIMENSIONS) == {"a.rate": 0.3, "a.size": 6, "a.kind": "q"}
    assert point.asked == {"a.rate": (0.1, 0.5, None, True), "a.size": (2, 10, 4, False), "a.kind": ["p", "q"]}


def test_a_legal_space_passes_and_describes_itself_in_plain_words():
    space.check(DIMENSIONS)
    assert space.describe(DIMENSIONS)["a.size"] == {
        "type": "int",
        "low": 2,
        "high": 10,
        "log": False,
        "step": 4,
        "when": {},
    }


def test_every_problem_has_its_line():
    broken = {
        "a": FloatRange(type="float", low=0.0, high=1.0, log=True),
        "b": FloatRange(type="float", low=0.1, high=1.0, log=True, step=0.1),
        "c": IntRange(type="int", low=0, high=10, step=4),
        "d": Choices(type="categorical", choices=[1, 2, True]),
        "e": IntRange(type="int", low=1, high=10),
    }
    with pytest.raises(ConfigError) as refusal:
        space.check(broken)
    lines = str(refusal.value).splitlines()
    assert [line.split(": ")[1] for line in lines] == ["a", "b", "c", "d"]
    assert "use high 8 or 12" in lines[2]
    assert "True is there twice" in lines[3]


def test_an_empty_space_is_refused():
    with pytest.raises(ConfigError, match=r"study\.space is empty"):
        space.check({})


@given(st.integers(-5, 5), st.integers(1, 60), st.sampled_from([0.1, 0.25, 0.05, 3.0]))
def test_steps_that_reach_the_end_are_legal_to_us_exactly_when_optuna_leaves_them_alone(start, count, step):
    import warnings

    from optuna.distributions import FloatDistribution

    low, high = start * 0.5, round(start * 0.5 + count * 0.05, 10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kept = FloatDistribution(low, high, step=step).high == high
    try:
        space.check({"x": FloatRange(type="float", low=low, high=high, step=step)})
    except ConfigError:
        assert not kept
    else:
        assert kept


def is_accepted(study):
    """Tell whether space and sampler are legal; a refusal is in words."""
    try:
        space.check(study.space)
        samplers.check(study)
    except ConfigError as error:
        return not re.fullmatch(r"(study\.[^\n]+\n?)+", str(error))
    return True


@settings(deadline=None)
@given(SPACES)
def test_a_space_is_refused_in_words_or_gives_legal_points_by_every_route(content):
    for name in ("random", "qmc"):
        study = Study(sampler=name, space=content)
        if is_accepted(study):
            assert content.keys() == set(conditions.order(study.space))
            shadow = Shadow(study)
            assert all(is_legal(study, shadow.ask().params) for _ in range(3))
            assert all(is_legal(study, sent) for sent in shadow.sent.values())


@settings(deadline=None)
@given(SPACES, st.sampled_from(["tpe", "cmaes", "nsga2", "grid"]), st.integers(1, 30))
def test_a_sampler_serves_a_legal_space_or_says_why_not(content, name, trials):
    study = Study(sampler=name, space=content, trials=trials, n_startup_trials=1, evolution={"population": 2})
    if is_accepted(study):
        shadow = Shadow(study)
        assert set(shadow.run(4, lambda params: float(len(params)))) <= {name, "startup", "fixed", "random"}
        assert all(is_legal(study, point) for point in shadow.points)


def test_a_logarithmic_range_with_steps_and_a_range_beyond_exact_numbers_are_refused():
    stepped = FloatRange(type="float", low=1.0, high=5.0, step=1.0, log=True)
    with pytest.raises(ConfigError, match=r"log and step 1\.0 exclude each other"):
        space.check({"a": stepped})
    for wide in (IntRange(type="int", low=0, high=2**60), FloatRange(type="float", low=-1e308, high=1e308)):
        with pytest.raises(ConfigError, match="too wide to be exact"):
            space.check({"a": wide})
