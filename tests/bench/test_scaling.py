"""Figures of scaling, worked by hand; what cannot be measured."""

import pytest

from hvdgan.bench.ring import Place
from hvdgan.bench.scaling import Point, Sample, Subject, plan, read_steps, refuse, summarise
from hvdgan.errors import UsageError

PLACE, SUBJECT = Place("mpi", "torch"), Subject("3dgan", (5, 5, 5), None, cores=2)


def step(speed, waited=0.0):
    return {"kind": "step", "events_per_second": speed, "waited_fraction": waited}


@pytest.fixture
def records():
    """Return the records of one and two ranks, twice each; the machine was half as fast in the second turn."""
    alone, both, control = Point("weak", 1, 4), Point("weak", 2, 4), Point("weak", 2, 4, "ddp")
    samples = {
        alone: [Sample(1.0, 16, 0.1, 0.8), Sample(2.0, 16, 0.3, 0.8)],
        both: [Sample(1.25, 16), Sample(2.0, 16)],
        control: [Sample(1.25, 16), Sample(2.5, 16)],
    }
    return list(summarise(samples, PLACE, SUBJECT))


def test_ratios_are_of_neighbours(records):
    alone, both, control = records
    assert (both.efficiency, both.efficiency_spread) == (pytest.approx(0.9), (0.8, 1.0))
    assert (both.over_control, both.over_control_spread) == (pytest.approx(1.125), (1.0, 1.25))
    assert (alone.efficiency, alone.over_control, control.efficiency, control.over_control) == (1.0, None, 1.0, None)


def test_medians_and_ranges(records):
    alone, both, control = records
    assert (alone.seconds, alone.spread, alone.events_per_second) == (1.5, (1.0, 2.0), pytest.approx(4 / 1.5))
    assert (alone.waited_fraction, alone.merit, alone.events) == (pytest.approx(0.2), 0.8, 16)
    assert (both.events_per_second, both.waited_fraction, both.merit) == (pytest.approx(8 / 1.625), None, None)
    assert [record.oversubscribed for record in (alone, both, control)] == [False] * 3


def test_emulated_ranks_have_no_events_and_may_share_cores():
    samples = {Point("emulated", ranks, 0): [Sample(0.2 + 0.01 * ranks, 0)] for ranks in (2, 4)}
    two, four = summarise(samples, PLACE, Subject("3dgan", (25, 25, 25), 0.2, cores=2))
    assert (two.oversubscribed, four.oversubscribed) == (False, True)
    assert four.efficiency == pytest.approx(0.22 / 0.24)
    assert four.events_per_second is None


def test_the_first_steps_do_not_count():
    rows = [step(1.0), step(1.0), step(8.0, 0.5), step(4.0, 0.1), step(6.0, 0.3), {"kind": "epoch", "merit": 0.7}]
    # 1/8, 1/6 and 1/4 s vary by their quartiles' distance of 1/16 s
    assert read_steps(rows, ranks=2, batch=3) == Sample(1.0, 30, 0.3, 0.7, pytest.approx(6 / 16 / 1.349, rel=1e-4))
    with pytest.raises(UsageError, match="a training of 2 steps measures nothing"):
        read_steps(rows[:2], ranks=2, batch=3)


def test_ranks_that_do_not_wait_for_one_another_vary_each_by_itself():
    apart = [{**step(2.0), "each": [1 + change, 1 - change]} for change in (0.0, 0.0, 0.1, -0.1, 0.1)]
    assert read_steps(apart, ranks=2, batch=3).jitter > 0.1
    assert read_steps([{**row, "each": [1.0, 1.0]} for row in apart], ranks=2, batch=3).jitter == 0.0


@pytest.mark.parametrize(
    ("ranks", "batch", "says"),
    [
        ((), 4, "give different numbers from 1 on"),
        ((0, 1), 4, "give different numbers from 1 on"),
        ((2, 2), 4, "give different numbers from 1 on"),
        ((1, 3), 4, "a batch of 4 between the ranks, and 3 ranks cannot share it"),
    ],
)
def test_what_cannot_be_planned(ranks, batch, says):
    with pytest.raises(UsageError, match=says):
        plan(["weak", "strong"], ranks, batch, [None])


def test_a_strong_ring_keeps_its_batch():
    points = plan(["strong"], (4, 2), 8, [None, "ddp"])
    assert [(point.ranks, point.batch, point.control) for point in points] == [
        (2, 8, None), (2, 8, "ddp"), (4, 4, None), (4, 4, "ddp")
    ]  # fmt: skip


def test_ranks_that_share_cores_are_refused_unless_wanted():
    refuse(2, 1, 2, oversubscribe=False)
    refuse(8, 1, 2, oversubscribe=True)
    with pytest.raises(UsageError, match=r"2 ranks of 2 threads would share 2 cores.*--ranks up to 1"):
        refuse(2, 2, 2, oversubscribe=False)
