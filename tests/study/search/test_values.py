"""Values have a number and a place in the unit cube, and Optuna agrees which are legal."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from optuna.distributions import FloatDistribution, IntDistribution
from spaces import DIMENSIONS, PLAIN

from hvdgan.config import Choices, FloatRange, IntRange, Study
from hvdgan.errors import ConfigError
from hvdgan.study.search import space, values


def parse(content):
    """Return a dimension that is legal."""
    dimension = Study(space={"x": {**content, "when": {}}}).space["x"]
    try:
        space.check({"x": dimension})
    except ConfigError:
        assume(False)
    return dimension


@settings(deadline=None)
@given(DIMENSIONS, st.floats(0, 1))
def test_every_place_of_the_unit_interval_is_a_legal_value(content, unit):
    dimension = parse(content)
    value = values.from_unit(dimension, unit)
    assert values.settle(dimension, value) == value
    if not isinstance(dimension, Choices):
        assert dimension.low <= value <= dimension.high
        assert -1e-9 <= values.to_unit(dimension, value) <= 1 + 1e-9


@settings(deadline=None)
@given(DIMENSIONS, st.data())
def test_counted_values_are_found_again_and_own_their_place(content, data):
    dimension = parse(content)
    count = values.count(dimension)
    assume(count is not None)
    place = data.draw(st.integers(0, count - 1))
    value = values.nth(dimension, place)
    assert values.find(dimension, value) == place
    if not isinstance(dimension, Choices) and count < 1000:
        assert values.from_unit(dimension, values.to_unit(dimension, value)) == value


@settings(deadline=None)
@given(DIMENSIONS, PLAIN)
def test_what_is_legal_is_legal_to_optuna_too(content, value):
    dimension = parse(content)
    settled = values.settle(dimension, value)
    if isinstance(dimension, Choices):
        assert (settled is None) == (not any(values.same(one, value) for one in dimension.choices))
        return
    kind = IntDistribution if isinstance(dimension, IntRange) else FloatDistribution
    distribution = kind(dimension.low, dimension.high, log=dimension.log, step=dimension.step)
    if settled is not None:
        assert distribution._contains(settled)
    elif isinstance(value, (int if isinstance(dimension, IntRange) else (int, float))) and not isinstance(value, bool):
        assert not distribution._contains(value)


@pytest.mark.parametrize("value", [True, "1", None, float("nan"), 1.5])
def test_a_whole_number_is_nothing_else(value):
    assert values.settle(IntRange(type="int", low=0, high=5), value) is None


def test_a_logarithmic_range_is_halved_at_its_geometric_mean():
    dimension = FloatRange(type="float", low=1e-4, high=1.0, log=True)
    assert values.from_unit(dimension, 0.5) == pytest.approx(1e-2)
    assert values.to_unit(dimension, 1e-2) == pytest.approx(0.5)


def test_every_step_owns_an_equal_part():
    dimension = IntRange(type="int", low=2, high=10, step=4)
    assert [values.from_unit(dimension, unit) for unit in (0.0, 0.33, 0.34, 0.66, 0.67, 1.0)] == [2, 2, 6, 6, 10, 10]
