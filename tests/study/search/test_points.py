"""Enqueued points become whole, legal points, or an error that says what is legal."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shadows import Shadow, is_legal
from spaces import NAMES, PLAIN, SPACES

from hvdgan.config import parse
from hvdgan.errors import ConfigError
from hvdgan.study.search import space
from hvdgan.study.search.points import PAPER, resolve_points

SPACE = {
    "training.learning_rate": {"type": "float", "low": 1e-4, "high": 1.0, "log": True},
    "gan.latent_size": {"type": "int", "low": 50, "high": 400, "step": 50},
    "training.optimizer": {"type": "categorical", "choices": ["rmsprop", "adam"]},
    "training.label_flip": {
        "type": "float",
        "low": 0.0,
        "high": 0.5,
        "step": 0.05,
        "when": {"training.optimizer": "adam"},
    },
}


def configure(*enqueue, space=SPACE, **sections):
    """Return a configuration with points to try first."""
    return parse({"data": {"files": ["showers.h5"]}, **sections, "study": {"space": space, "enqueue": list(enqueue)}})


def complain(*enqueue, space=SPACE, **sections):
    """Return the lines of the refusal."""
    with pytest.raises(ConfigError) as refusal:
        resolve_points(configure(*enqueue, space=space, **sections))
    return str(refusal.value).splitlines()


def test_what_a_point_leaves_out_is_as_in_the_file():
    config = configure({"training.learning_rate": 0.01}, {}, gan={"latent_size": 100})
    common = {"gan.latent_size": 100, "training.optimizer": "rmsprop"}
    assert resolve_points(config) == [{"training.learning_rate": lr, **common} for lr in (0.01, 0.001)]


def test_conditional_keys_are_there_only_where_they_count():
    one, other = resolve_points(configure({"training.optimizer": "adam"}, {"training.optimizer": "rmsprop"}))
    assert one["training.label_flip"] == 0.05
    assert "training.label_flip" not in other


def test_numbers_become_what_the_dimension_has():
    given = {"training.learning_rate": 1, "training.optimizer": "adam", "training.label_flip": 0.30000000000000004}
    (point,) = resolve_points(configure(given))
    assert (point["training.learning_rate"], type(point["training.learning_rate"])) == (1.0, float)
    assert point["training.label_flip"] == 0.3


def test_the_paper_is_a_point_and_leaves_other_keys_to_the_file():
    more = {**SPACE, "training.epochs": {"type": "int", "low": 1, "high": 50}}
    (point,) = resolve_points(configure("paper", space=more, training={"learning_rate": 0.5, "optimizer": "adam"}))
    rest = {"gan.latent_size": 200, "training.optimizer": "rmsprop", "training.epochs": 30}
    assert point == {"training.learning_rate": 0.001, **rest}


def test_every_value_of_the_paper_is_legal_here():
    only = {name: {"type": "categorical", "choices": [value]} for name, value in PAPER.items()}
    assert resolve_points(configure("paper", space=only)) == [PAPER]


@pytest.mark.parametrize(
    ("point", "complaint"),
    [
        ({"gan.latent_size": 500}, "gan.latent_size: given 500; legal is a whole number from 50 to 400 in steps of 50"),
        ({"gan.latent_size": 120}, "given 120;"),
        ({"gan.latent_size": 200.0}, "given 200.0;"),
        ({"gan.latent_size": True}, "given True;"),
        ({"gan.latent_size": "200"}, "given '200';"),
        ({"training.learning_rate": 2}, "given 2; legal is a number from 0.0001 to 1.0"),
        ({"training.learning_rate": float("nan")}, "given nan;"),
        ({"training.optimizer": "sgd"}, "given 'sgd'; legal is one of rmsprop, adam"),
        ({"gan.latent": 100}, "gan.latent is no key of study.space; did you mean gan.latent_size?"),
        ({"data.format": "auto"}, "data.format is no key of study.space; its keys are"),
        ({"training.label_flip": 0.1}, "0.1 is given, but this key is searched only when training.optimizer: adam"),
    ],
)
def test_an_illegal_point_is_refused_with_its_number(point, complaint):
    config = configure().study.model_copy(update={"enqueue": [{}, point]})
    with pytest.raises(ConfigError) as refusal:
        resolve_points(configure().model_copy(update={"study": config}))
    (line,) = str(refusal.value).splitlines()
    assert line.startswith("study.enqueue: point 2: ")
    assert complaint in line


def test_the_file_s_own_value_may_lie_outside_and_the_error_says_that_it_was_not_given():
    (line,) = complain({}, gan={"latent_size": 210})
    assert "point 1: gan.latent_size: left out, and the configuration has 210" in line


def test_a_key_without_a_value_anywhere_is_named():
    space = {"gan.model_args.width": {"type": "float", "low": 0.5, "high": 2.0}}
    (line,) = complain("paper", space=space)
    assert "point 1 (paper): gan.model_args.width" in line
    assert "give a number from 0.5 to 2.0" in line


def test_a_paper_outside_of_the_space_is_refused():
    space = {"gan.latent_size": {"type": "int", "low": 10, "high": 100}}
    (line,) = complain("paper", space=space)
    assert "given 200; legal is a whole number from 10 to 100" in line


def test_every_problem_has_its_line():
    lines = complain({"gan.latent_size": 1, "training.optimizer": "lion"}, {"x": 1})
    assert [line.split(": ")[1] for line in lines] == ["point 1", "point 1", "point 2"]


def lodge(content):
    """Return a generated space with its keys moved to where every value is legal."""
    whens = {key: {move(name): legal for name, legal in one.get("when", {}).items()} for key, one in content.items()}
    return {move(key): {**one, "when": whens[key]} for key, one in content.items()}


def move(name):
    """Return a key of the model's arguments."""
    return f"gan.model_args.{name.partition('.')[2]}"


KEYS = st.sampled_from([*NAMES, "gan.kind", "gan.flip", "gan.z"])
POINTS = st.lists(st.dictionaries(KEYS, PLAIN, max_size=6), max_size=3)


@settings(deadline=None)
@given(SPACES, POINTS, st.dictionaries(st.sampled_from(["a", "b", "kind", "flip"]), PLAIN))
def test_any_point_is_completed_legally_or_refused_in_words(content, points, own):
    named = [{move(key): value for key, value in point.items()} for point in points]
    try:
        config = configure("paper", *named, space=lodge(content), gan={"model_args": own})
        space.check(config.study.space)
        resolved = resolve_points(config)
    except ConfigError:
        return
    assert len(resolved) == 1 + len(points)
    for given_point, point in zip(named, resolved[1:], strict=True):
        assert given_point.items() <= point.items()
        assert is_legal(config.study, point)


@settings(deadline=None)
@given(SPACES)
def test_what_a_sampler_draws_can_be_enqueued_as_it_is(content):
    try:
        config = configure(space=lodge(content))
        space.check(config.study.space)
    except ConfigError:
        return
    shadow = Shadow(config.study.model_copy(update={"sampler": "random"}))
    for trial in (shadow.ask(), shadow.ask()):
        study = config.study.model_copy(update={"enqueue": [trial.params]})
        (point,) = resolve_points(config.model_copy(update={"study": study}))
        assert point == shadow.sent[trial.number]
