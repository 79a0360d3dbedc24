"""The objective on one process: what it returns, what it leaves out, what it refuses."""

import pytest

from hvdgan.errors import DataError, UsageError
from hvdgan.parallel.ring import SoloRing
from hvdgan.parallel.world import SoloWorld
from hvdgan.run.build import train_once
from hvdgan.run.layouts import check_layouts
from hvdgan.run.objective import Objective, conclude, early_ending
from hvdgan.study.messages import Assignment, Done, Preempted, Pruned
from hvdgan.training.interrupt import Interrupt
from hvdgan.training.loop import Hooks, Position, Result, Timing


class Line:
    """A line to a coordinator that answers as the test says."""

    def __init__(self, verdicts=None):
        self.judged, self._verdicts = [], verdicts or {}

    def report(self, step, values, judged=False):
        """Keep what is judged."""
        if judged:
            self.judged.append(step)
        return self._verdicts.get(step, "go") if judged else "go"

    def advice(self):
        """Let the trial go on."""
        return "go"

    def beat(self):
        """Take note."""


def result(ending="done", epoch=2, merit=1.0, **timing):
    return Result(ending, Position(epoch=epoch, merit=merit, best_epoch=1), Timing(**timing))


def test_a_searched_seed_changes_the_training_but_not_the_events_left_out(small_config, tmp_path):
    config = small_config.replace({"training.epochs": 1, "study.folds": 2})
    trial = Assignment(0, {"training.seed": 5}, str(tmp_path / "trial"))
    done = Objective(config, Interrupt())(trial, SoloWorld(), Line())
    seeded = config.replace({"training.seed": 5})
    same, others = (
        train_once(seeded, SoloRing(), tmp_path / str(seed), Hooks(), 1, split_seed=seed).position.merit
        for seed in (0, 5)
    )
    assert done.details["folds"][1] == same != others


def test_metrics_of_an_evaluation_are_measured_at_the_best_epoch(small_config, tmp_path):
    config = small_config.replace({"training.epochs": 1, "study.objective": ["auc", "merit", "separation_depth"]})
    config = config.replace({"evaluation.bins": 2, "evaluation.repeats": 2, "evaluation.classifier.iterations": 3})
    first, again = (
        Objective(config, Interrupt())(Assignment(0, {}, str(tmp_path / name)), SoloWorld(), Line()) for name in "ab"
    )
    assert first.values == again.values
    assert 0.8 < first.values[0] <= 1.0  # one epoch leaves a generator that any classifier sees through
    assert 0.0 < first.values[2] <= 1.0
    assert first.details["folds_merit"] == [first.values[1]]


def test_folds_may_change_from_trial_to_trial(small_config, tmp_path):
    config, objective = small_config.replace({"training.epochs": 1}), []
    for folds in (3, 1):
        trial = Assignment(folds, {"study.folds": folds}, str(tmp_path / str(folds)))
        objective.append(Objective(config, Interrupt())(trial, SoloWorld(), Line()))
    assert [len(done.details["folds"]) for done in objective] == [3, 1]


@pytest.mark.parametrize(("step", "begun"), [(1, 1), (2, 2), (3, 3)])
def test_pruned_where_the_study_says_so(small_config, tmp_path, step, begun):
    """Advice on a fold's last epoch is heard by the next fold, which leaves at its second step."""
    config, line = small_config.replace({"study.folds": 3}), Line({step: "prune"})
    ended = Objective(config, Interrupt())(Assignment(0, {}, str(tmp_path)), SoloWorld(), line)
    assert ended == Pruned(step)
    assert line.judged == list(range(1, step + 1))
    assert len(list(tmp_path.glob("fold-*"))) == begun


def test_values_come_in_the_order_of_the_objectives_each_the_mean_over_the_folds():
    results = [
        result(merit=1.0, generation=0.2, training=4.0, events=40),
        result(merit=2.0, generation=0.4, training=8.0, events=40),
    ]
    done = conclude(results, ["generation_time", "merit", "training_time"])
    assert done.values == pytest.approx((0.3, 1.5, 6.0))
    assert done.details["folds"] == [0.2, 0.4]
    assert done.details["folds_merit"] == [1.0, 2.0]
    assert done.details["events_per_second"] == [10.0, 5.0]
    assert conclude(results, ["merit"]) == Done(
        (1.5,),
        {
            "folds": [1.0, 2.0],
            "spread": pytest.approx(0.5**0.5),
            "best_epochs": [1, 1],
            "events_per_second": [10.0, 5.0],
        },
    )


@pytest.mark.parametrize(
    ("mode", "endings", "expected"),
    [
        ("parallel", [("done", 2), ("done", 2)], None),
        ("parallel", [("done", 2), ("preempted", 1)], Preempted("here")),
        ("parallel", [("stopped", 0), ("done", 2)], Preempted("here")),
        ("parallel", [("pruned", 1), ("done", 2)], Pruned(1)),
        ("parallel", [("preempted", 2), ("pruned", 1)], Pruned(1)),
        ("sequential", [("done", 2), ("preempted", 1)], Preempted("here")),
        ("sequential", [("pruned", 1)], Pruned(1)),
        ("sequential", [("done", 2), ("pruned", 0)], Pruned(2)),
        ("sequential", [("done", 2), ("done", 2), ("pruned", 1)], Pruned(3)),
    ],
)
def test_endings_before_time(small_config, mode, endings, expected):
    config = small_config.replace({"study.folds": 3, "study.fold_mode": mode})
    results = [result(ending, epoch) for ending, epoch in endings]
    assert early_ending(results, config, "here") == expected


def layout(config, **study):
    """Return the configuration with other settings of the study."""
    return config.replace({f"study.{name}": value for name, value in study.items()})


def test_layouts_that_fit_are_accepted(small_config):
    check_layouts(layout(small_config, ranks_per_trial=6, folds=3, fold_mode="parallel"))
    check_layouts(layout(small_config, ranks_per_trial=2, folds=3, fold_mode="sequential"))
    space = {"study.folds": {"type": "int", "low": 1, "high": 3}}
    check_layouts(layout(small_config, ranks_per_trial=6, fold_mode="parallel", space=space))


def test_layouts_that_do_not_divide_are_refused(small_config):
    with pytest.raises(UsageError, match="4 ranks cannot train 3 folds side by side; use --ranks-per-trial 3 or 6"):
        check_layouts(layout(small_config, ranks_per_trial=4, folds=3, fold_mode="parallel"))
    for mode in ("parallel", "sequential"):
        space = {"study.folds": {"type": "categorical", "choices": [1, 2, 3]}}
        check_layouts(layout(small_config, ranks_per_trial=4, fold_mode=mode, space=space))


def test_data_too_small_for_the_ring_of_a_fold_are_refused(small_config):
    config = small_config.replace({"training.batch_size": 64})
    check_layouts(layout(config, ranks_per_trial=2, folds=2, fold_mode="parallel"))
    with pytest.raises(DataError, match="100 training events are not one step of 2 ranks x batch 64"):
        check_layouts(layout(config, ranks_per_trial=2, folds=2))
    space = {"study.folds": {"type": "int", "low": 1, "high": 2}}
    with pytest.raises(DataError, match="100 training events are not one step of 2 ranks"):
        check_layouts(layout(config, ranks_per_trial=2, space=space))
