"""The curve of a trial: what is reported, at which step, and what is judged; in every order of epochs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hvdgan.run.curve import InTurn, SideBySide


class Study:
    """A line to a coordinator that keeps what it is told and answers as the test says."""

    def __init__(self, verdicts=None):
        self.reports, self._verdicts = [], verdicts or {}

    def report(self, step, values, judged=False):
        """Keep it."""
        self.reports.append((step, values, judged))
        return self._verdicts.get(step, "go") if judged else "go"

    def judged(self, name="merit"):
        """Return step and one value of every judged report."""
        return [(step, values[name]) for step, values, judged in self.reports if judged]


def merit(fold, epoch):
    return {"merit": 10.0 * fold + epoch, "steps": epoch * 5}


@st.composite
def courses(draw):
    """Return the number of epochs, what each of up to four folds knows from before, and an order of their epochs."""
    epochs = draw(st.integers(1, 4))
    known = draw(st.lists(st.integers(0, epochs), min_size=2, max_size=4))
    turns = [fold for fold, done in enumerate(known) for _ in range(epochs - done + 1)]
    return epochs, known, draw(st.permutations(turns))


@given(courses())
def test_folds_side_by_side_report_their_mean_once_per_epoch_whatever_the_order(course):
    epochs, known, turns = course
    study, at = Study(), {}
    curve = SideBySide(study, len(known), epochs)
    for fold in turns:
        if fold not in at:
            at[fold] = known[fold]
            curve.begin(fold, [merit(fold, epoch)["merit"] for epoch in range(1, known[fold] + 1)])
        else:
            at[fold] += 1
            curve.reach(fold, at[fold], merit(fold, at[fold]))
    mean = sum(10.0 * fold for fold in range(len(known))) / len(known)
    expected = [(epoch, pytest.approx(mean + epoch)) for epoch in range(min(known) + 1, epochs + 1)]
    assert study.judged() == expected
    assert len(study.reports) == len(expected)


def test_the_mean_tells_where_the_trial_stands():
    study = Study()
    curve = SideBySide(study, 2, 3)
    for fold in (0, 1):
        curve.begin(fold, [])
        curve.reach(fold, 1, merit(fold, 1))
    place = {"fold": 0, "folds": 2, "rings": 2, "epoch": 1, "epochs": 3}
    assert study.reports == [(1, {"merit": 6.0, "steps": 5.0, **place}, True)]
    curve.tell(0, 1, {"generator_loss": 2.0})
    assert study.reports[-1] == (1, {"generator_loss": 2.0, **place}, False)


@pytest.mark.parametrize(("verdict", "steps"), [("prune", [1]), ("stop", [1]), ("preempt", [1, 2])])
def test_nothing_is_judged_after_the_trial_was_given_up(verdict, steps):
    study = Study({1: verdict})
    curve = SideBySide(study, 2, 2)
    curve.begin(0, [])
    curve.begin(1, [])
    told = [curve.reach(fold, epoch, merit(fold, epoch)) for epoch in (1, 2) for fold in (0, 1)]
    assert told[1] == verdict
    assert [step for step, _ in study.judged()] == steps


def test_folds_in_turn_are_judged_by_the_first_curve_and_then_by_the_running_mean():
    study = Study()
    curve = InTurn(study, 3, 2)
    for fold in range(3):
        curve.begin(fold, [])
        for epoch in (1, 2):
            curve.tell(fold, epoch - 1, {"generator_loss": 1.0})
            curve.reach(fold, epoch, merit(fold, epoch))
        curve.end(fold, {"merit": 10.0 * fold})
    assert study.judged() == [(1, 1.0), (2, 2.0), (3, 5.0), (4, 10.0)]
    assert [step for step, _, judged in study.reports if not judged] == [0, 1, 2, 3, 3, 4, 4, 5, 5, 6]
    assert study.reports[-1][1] == {"merit": 10.0, "fold": 2, "folds": 3, "rings": 1, "epoch": 2, "epochs": 2}


def test_a_fold_that_an_earlier_attempt_finished_counts_without_being_reported_again():
    study = Study()
    curve = InTurn(study, 3, 2)
    for fold, merits in enumerate(([4.0, 3.0], [2.0, 1.0], [9.0])):
        curve.begin(fold, merits)
        if len(merits) < 2:
            curve.reach(fold, 2, merit(fold, 2))
        curve.end(fold, {"merit": min(merits)})
    assert study.judged() == [(4, pytest.approx((3.0 + 1.0 + 9.0) / 3))]


def test_one_fold_is_judged_at_every_epoch():
    study = Study({2: "prune"})
    curve = InTurn(study, 1, 3)
    curve.begin(0, [])
    assert [curve.reach(0, epoch, merit(0, epoch)) for epoch in (1, 2)] == ["go", "prune"]
    assert study.judged() == [(1, 1.0), (2, 2.0)]
