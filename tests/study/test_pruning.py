"""Every pruner gives hopeless trials up, whatever the sampler and the number of objectives."""

import pytest

from hvdgan.study.pruning import Judge


def judge(make_config, pruner, longest=9, **pruning):
    return Judge(make_config(pruner=pruner, pruning=pruning).study, longest)


def run(judge, number, curve):
    """Report a curve until the judge gives it up; return the step at which it did, or None."""
    judge.begin(number)
    told = {}
    for step, value in enumerate(curve, start=1):
        told[step] = value
        if judge.judge(number, step, value):
            judge.end(number, told, "pruned")
            return step
    judge.end(number, told, "done")
    return None


GOOD, BAD = [1.0 - 0.1 * step for step in range(9)], [5.0] * 9


@pytest.mark.parametrize("pruner", ["median", "asha"])
def test_a_bad_curve_is_given_up_and_a_good_one_is_not(make_config, pruner):
    judging = judge(make_config, pruner, startup_trials=2)
    for number in range(4):
        assert run(judging, number, [value - 0.01 * number for value in GOOD]) is None
    assert run(judging, 10, BAD) == 1
    assert run(judging, 11, [0.0] * 9) is None


def test_hyperband_gives_most_of_the_bad_curves_up(make_config):
    judging = judge(make_config, "hyperband", reduction_factor=3)
    best = [run(judging, number, [0.1] * 9) for number in range(6)]
    worst = [run(judging, number, [9.0 + number] * 9) for number in range(6, 30)]
    assert best[0] is None
    assert sum(step is not None for step in worst) > 12


def test_none_never_gives_up(make_config):
    judging = judge(make_config, "none")
    assert [run(judging, number, curve) for number, curve in enumerate([GOOD, BAD, BAD])] == [None] * 3


def test_the_median_spares_its_startup_and_its_warmup(make_config):
    judging = judge(make_config, "median", startup_trials=2, warmup=3)
    assert run(judging, 0, [0.1] * 9) is None
    assert run(judging, 1, BAD) is None
    assert run(judging, 2, BAD) == 4


def test_a_trial_that_was_preempted_brings_its_curve(make_config):
    judging = judge(make_config, "median", startup_trials=1)
    run(judging, 0, [0.5] * 9)
    judging.begin(1, [(1, 0.4), (2, 0.4)])
    assert not judging.judge(1, 3, 0.45)


def test_earlier_jobs_are_remembered(make_config):
    judging = judge(make_config, "median", startup_trials=1)
    judging.remember({1: 0.1, 2: 0.1}, pruned=False)
    judging.remember({1: 0.3}, pruned=True)
    judging.remember({}, pruned=False)
    assert run(judging, 5, BAD) == 1


def test_a_failed_trial_is_no_yardstick(make_config):
    judging = judge(make_config, "median", startup_trials=1)
    judging.begin(0)
    judging.judge(0, 1, 0.0)
    judging.end(0, {1: 0.0}, "failed")
    assert run(judging, 1, GOOD) is None


def test_another_metric_can_be_chosen(make_config):
    judging = judge(make_config, "median", metric="best_merit")
    assert judging.metric({"merit": 1.0, "best_merit": 2.0}) == 2.0
    assert judging.metric({"merit": 1.0}) is None
