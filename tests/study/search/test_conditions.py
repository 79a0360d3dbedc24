"""Conditional dimensions: chosen after what they depend on, absent when they do not matter."""

import itertools

import pytest

from hvdgan.config import Study
from hvdgan.errors import ConfigError
from hvdgan.study.search import conditions, space

RATE = {"type": "float", "low": 0.001, "high": 0.1, "log": True}
KIND = {"type": "categorical", "choices": ["rmsprop", "adam", "sgd"]}
SIZE = {"type": "int", "low": 2, "high": 10, "step": 4}
FLAG = {"type": "categorical", "choices": [True, False]}


def parse(space):
    """Return the dimensions of plain content."""
    return Study(space=space).space


def complain(dimensions):
    """Return the lines of the refusal, without their beginning; none for a legal space."""
    try:
        space.check(parse(dimensions))
    except ConfigError as error:
        return [line.removeprefix("study.space: ") for line in str(error).splitlines()]
    return []


class Fixed:
    """A point that takes what it is told to."""

    def __init__(self, **wanted):
        self.wanted, self.asked = wanted, []

    def suggest_float(self, name, low, high, *, step, log):
        """Take the value."""
        self.asked.append(name)
        return self.wanted[name]

    suggest_int = suggest_float

    def suggest_categorical(self, name, choices):
        """Take the value."""
        return self.suggest_float(name, None, None, step=None, log=False)


CHAIN = {
    "c": {**RATE, "when": {"b": 6}},
    "b": {**SIZE, "when": {"a": ["adam", "sgd"]}},
    "a": KIND,
    "d": RATE,
}


@pytest.mark.parametrize(
    ("wanted", "asked"),
    [
        ({"a": "rmsprop"}, ["a", "d"]),
        ({"a": "adam", "b": 2}, ["a", "d", "b"]),
        ({"a": "sgd", "b": 6, "c": 0.01}, ["a", "d", "b", "c"]),
    ],
)
def test_a_dimension_is_asked_for_only_where_its_condition_holds_whatever_the_order(wanted, asked):
    point = Fixed(d=0.1, **wanted)
    assert space.suggest(point, parse(CHAIN)) == {"d": 0.1, **wanted}
    assert point.asked == asked


def test_without_conditions_the_order_is_as_written():
    dimensions = parse({"z": RATE, "a": KIND, "m": SIZE})
    assert conditions.order(dimensions) == ["z", "a", "m"]


def test_a_condition_on_true_is_not_one_on_one():
    dimensions = parse({"a": FLAG, "b": {**RATE, "when": {"a": True}}})
    assert conditions.holds(dimensions["b"].when, {"a": True})
    assert not conditions.holds(dimensions["b"].when, {"a": 1})


def test_a_condition_on_a_step_holds_for_what_optuna_makes_of_it():
    flip = {"type": "float", "low": 0.0, "high": 0.5, "step": 0.1}
    dimensions = parse({"a": flip, "b": {**SIZE, "when": {"a": 0.3}}})
    assert space.suggest(Fixed(a=0.30000000000000004, b=6), dimensions) == {"a": 0.3, "b": 6}


def test_legal_conditions_pass():
    assert complain(CHAIN) == []


@pytest.mark.parametrize(
    ("when", "complaint"),
    [
        ({"training.optimiser": "adam"}, "did you mean training.optimizer?"),
        ({"data.format": "auto"}, "a condition can only name keys of the space"),
        ({"training.optimizer": "lion"}, "'lion' is never taken; training.optimizer is one of rmsprop, adam, sgd"),
        ({"training.optimizer": ["adam", "lion"]}, "'lion' is never taken"),
        ({"training.optimizer": []}, "an empty list never holds"),
        ({"gan.size": 4}, "4 is never taken; gan.size is a whole number from 2 to 10 in steps of 4"),
        ({"gan.size": 6.5}, "6.5 is never taken"),
        ({"gan.rate": 0.01}, "practically never takes exactly 0.01; give gan.rate a step or choices"),
        ({"gan.x": 1}, "its condition runs in a circle: gan.x -> gan.x"),
    ],
)
def test_a_condition_that_cannot_hold_is_refused_with_the_reason(when, complaint):
    dimensions = {"training.optimizer": KIND, "gan.size": SIZE, "gan.rate": RATE}
    (line,) = complain({**dimensions, "gan.x": {"type": "int", "low": 1, "high": 2, "when": when}})
    assert line.startswith("gan.x: ")
    assert complaint in line


def test_conditions_in_a_circle_are_shown():
    circle = {"a": {**SIZE, "when": {"b": 2}}, "b": {**SIZE, "when": {"c": 2}}, "c": {**SIZE, "when": {"a": 2}}}
    (line,) = complain(circle)
    shown = line.split("circle: ")[1].split(" -> ")
    assert shown[0] == shown[-1]
    assert set(shown) == {"a", "b", "c"}
    steps = itertools.pairwise(shown)
    assert all(other in circle[one]["when"] for one, other in steps)


def test_conditions_that_exclude_each_other_are_refused():
    dimensions = {"a": KIND, "b": {**SIZE, "when": {"a": "adam"}}, "c": {**RATE, "when": {"a": "sgd", "b": 6}}}
    assert complain(dimensions) == ["c: its conditions exclude each other: no value of a fulfils them all"]


def test_requirements_include_those_of_the_keys_depended_on():
    assert conditions.requirements(parse(CHAIN), "c") == {"b": [6], "a": ["adam", "sgd"]}


def test_every_problem_has_its_line():
    lines = complain({"a": {**RATE, "when": {"x": 1}}, "b": {**RATE, "when": {"y": 1, "z": 2}}})
    assert [line.split(":")[0] for line in lines] == ["a", "b", "b"]
