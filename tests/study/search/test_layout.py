"""Layouts that do not divide the group leave the space, and what is left can always be laid out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shadows import Shadow

from hvdgan.config import parse
from hvdgan.errors import ConfigError
from hvdgan.study.search.layout import fit_layout

FOLDS = {"type": "int", "low": 1, "high": 4}
MODE = {"type": "categorical", "choices": ["sequential", "parallel"]}
RATE = {"type": "float", "low": 0.001, "high": 0.1}
KIND = {"type": "categorical", "choices": ["rmsprop", "adam"]}


def configure(ranks=6, folds=None, mode=None, own_folds=1, **study):
    """Return a configuration that searches the layout."""
    space = {"study.folds": folds, "study.fold_mode": mode, "training.learning_rate": RATE, "training.optimizer": KIND}
    searched = {name: one for name, one in space.items() if one}
    content = {"space": searched, "ranks_per_trial": ranks, "folds": own_folds, **study}
    return parse({"data": {"files": ["showers.h5"]}, "study": content})


@pytest.mark.parametrize(
    "config",
    [
        configure(),
        configure(folds=FOLDS),
        configure(folds={**FOLDS, "high": 3}, fold_mode="parallel"),
        configure(mode=MODE),
        configure(mode=MODE, folds={**FOLDS, "high": 3}),
    ],
)
def test_layouts_that_all_fit_stay_as_they_are(config):
    assert fit_layout(config) == (config, [])


def test_replicas_that_do_not_divide_the_group_leave():
    searched = {"training.replicas": {"type": "int", "low": 1, "high": 4}}
    config, messages = fit_layout(configure().replace({"study.space": searched}))
    assert config.study.space["training.replicas"].choices == [1, 2, 3]
    assert messages == ["training.replicas: 4 leaves the space: 6 ranks per trial cannot train 4 replicas"]
    config, messages = fit_layout(configure(own_folds=2, fold_mode="parallel").replace({"study.space": searched}))
    assert config.study.space["training.replicas"].choices == [1, 3]
    assert messages[0].endswith("2 leaves the space: 6 ranks per trial cannot train 2 replicas of 2 folds side by side")


def test_replicas_in_folds_that_they_do_not_divide_tie_the_mode():
    replicas = {"training.replicas": {"type": "categorical", "choices": [1, 2]}, "study.fold_mode": MODE}
    config, (message,) = fit_layout(configure(folds=FOLDS).replace({"study.space": {"study.folds": FOLDS, **replicas}}))
    assert config.study.space["study.fold_mode"].when == {"study.folds": [1, 3]}
    assert message.startswith("study.fold_mode: searched only where study.folds is 1, 3; ")


def test_folds_that_do_not_divide_the_group_leave():
    config, messages = fit_layout(configure(folds={**FOLDS, "high": 6}, fold_mode="parallel"))
    assert config.study.space["study.folds"].choices == [1, 2, 3, 6]
    assert messages == [
        f"study.folds: {k} leaves the space: 6 ranks per trial cannot train {k} folds side by side" for k in (4, 5)
    ]


def test_a_mode_that_fits_no_folds_leaves():
    config, messages = fit_layout(configure(ranks=1, mode=MODE, folds={**FOLDS, "low": 2}))
    assert config.study.space["study.fold_mode"].choices == ["sequential"]
    assert config.study.space["study.folds"].low == 2
    assert messages == [
        "study.fold_mode: parallel leaves the space: 1 rank per trial cannot train 2 folds side by side"
    ]


def test_a_mode_that_fits_some_folds_is_searched_where_it_fits():
    config, (message,) = fit_layout(configure(mode={**MODE, "when": {"training.optimizer": "adam"}}, folds=FOLDS))
    assert config.study.space["study.fold_mode"].when == {"training.optimizer": "adam", "study.folds": [1, 2, 3]}
    assert message.startswith("study.fold_mode: searched only where study.folds is 1, 2, 3; ")
    assert config.study.space["study.folds"].high == 4


def test_a_condition_on_the_folds_is_narrowed():
    config, _ = fit_layout(configure(mode={**MODE, "when": {"study.folds": [2, 4]}}, folds=FOLDS))
    assert config.study.space["study.fold_mode"].when == {"study.folds": [2]}


def test_folds_under_a_condition_on_the_mode_are_judged_by_it():
    only = {**FOLDS, "when": {"study.fold_mode": "parallel"}}
    config, messages = fit_layout(configure(mode=MODE, folds=only))
    assert config.study.space["study.folds"].choices == [1, 2, 3]
    assert len(messages) == 1
    assert "4 leaves the space" in messages[0]


@pytest.mark.parametrize(("folds", "modes"), [(3, ["sequential", "parallel"]), (4, ["sequential"])])
def test_where_folds_are_not_searched_those_of_the_file_count(folds, modes):
    only = {**FOLDS, "when": {"study.fold_mode": "sequential"}}
    config, _ = fit_layout(configure(mode=MODE, folds=only, own_folds=folds))
    assert config.study.space["study.fold_mode"].choices == modes


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (configure(folds={**FOLDS, "low": 4}, fold_mode="parallel"), "nothing is left to search"),
        (configure(folds=FOLDS, mode=MODE, fold_mode="parallel"), "set study.fold_mode: sequential"),
        (
            configure(4).replace({"study.space": {"training.replicas": {"type": "categorical", "choices": [3]}}}),
            "4 ranks per trial cannot train 3 replicas\ntraining.replicas: nothing is left to search; change",
        ),
        (configure(folds={**FOLDS, "when": {"training.optimizer": "lion"}}), "'lion' is never taken"),
    ],
)
def test_what_cannot_be_laid_out_is_refused(config, words):
    with pytest.raises(ConfigError, match=words):
        fit_layout(config)


CONDITIONS = st.dictionaries(
    st.sampled_from(["study.folds", "study.fold_mode", "training.optimizer"]),
    st.sampled_from([1, 2, 4, "sequential", "parallel", "adam", ["sequential", "parallel"], [1, 4]]),
    max_size=1,
)
FOLD_VALUES = st.lists(st.integers(1, 6), min_size=1, max_size=4, unique=True)
MODE_VALUES = st.lists(st.sampled_from(MODE["choices"]), min_size=1, max_size=2, unique=True)


@settings(deadline=None)
@given(
    st.sampled_from([1, 2, 4, 6]), FOLD_VALUES, CONDITIONS, MODE_VALUES, CONDITIONS,
    st.integers(1, 4), st.sampled_from(MODE["choices"]),
)  # fmt: skip
def test_whatever_is_left_can_be_laid_out(ranks, folds, folds_when, modes, modes_when, own_folds, own_mode):
    searched = {"type": "categorical", "choices": folds, "when": folds_when}
    mode = {"type": "categorical", "choices": modes, "when": modes_when}
    config = configure(ranks, searched, mode, own_folds, fold_mode=own_mode, sampler="random")
    try:
        fitted, messages = fit_layout(config)
    except ConfigError:
        return
    assert bool(messages) == (fitted != config)
    shadow = Shadow(fitted.study)
    for _ in range(12):
        point = shadow.ask().params
        layout = {"study.folds": own_folds, "study.fold_mode": own_mode, **point}
        assert layout["study.fold_mode"] == "sequential" or ranks % layout["study.folds"] == 0
