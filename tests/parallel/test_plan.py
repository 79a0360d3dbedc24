"""Layouts of an allocation: worked by hand, compared with all there are, and bounded."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hvdgan.errors import UsageError
from hvdgan.parallel.allocation import Allocation, Figures, Layout, Work, find_layouts
from hvdgan.parallel.cost import Link
from hvdgan.parallel.plan import choose, compare_layouts, count_moved, need_memory, need_shards, predict
from hvdgan.run.figures import gather_figures

FREE = Link(0.0, math.inf, 0.0)
FIGURES = Figures(
    event=0.01, jitter=0.0, generation=0.001, start=0.0, messages=(4e6, 4e6), weights=4e6, activations=1e6, gathers=10,
    every=5, base=1e8, copies=4, held=1e6, whole=1e5, joined=2e6, local=Link(2e-5, 2e9, 1e-3), network=(1e9, 5e-5),
)  # fmt: skip
MEASURED = [(8, 1, 124.2), (8, 2, 67.9), (8, 4, 44.8), (24, 1, 339.8), (24, 2, 182.1), (24, 4, 108.8)]
"""Batch, shards, and the peak in MB of 3DGAN in torch by scripts/benchmarks/shards; see README."""

WORK = Work(trials=200, epochs=30, events=200_000, batch=50, validation=0.1, validated=1000)


def test_a_plan_worked_by_hand():
    free = replace(FIGURES, local=FREE, network=(math.inf, 0.0))
    outlooks = compare_layouts(WORK, Allocation(129, 128, 128), free)
    whole = {one.layout.ranks_per_trial: one for one in outlooks if one.layout.trainers == 128}
    assert sorted(whole) == [1, 2, 4, 8, 16, 32, 64, 128]
    assert [whole[size].waves for size in (1, 2, 16)] == [2, 4, 25]
    trial = 30 * (180_000 * 0.01 + 1000 * 0.001)  # of one rank
    assert whole[1].seconds == pytest.approx(2 * trial)
    assert whole[16].seconds == pytest.approx(25 * trial / 16)
    assert whole[1].idle == pytest.approx(1 - 200 / (2 * 129))
    assert whole[16].efficiency == pytest.approx(128 / 129)
    assert choose(outlooks).layout == Layout(groups=8, folds=1, replicas=1, ring=16, shards=1)


def test_ranks_that_wait_for_the_slowest_of_many_are_worth_less():
    steady, shaky = (replace(FIGURES, local=FREE, network=(math.inf, 0.0), jitter=jitter) for jitter in (0.0, 0.05))
    lost = []
    for ring in (1, 2, 64):
        layout = Layout(groups=1, folds=1, replicas=1, ring=ring, shards=1)
        one, other = (predict(layout, WORK, Allocation(129, 128, 128), figures) for figures in (steady, shaky))
        lost.append(other.step / one.step - 1)
    assert lost[0] == 0
    assert lost[1:] == pytest.approx([0.05 * 2**0.5 * 0.564, 0.05 * 2**0.5 * 2.38], rel=0.05)


def test_folds_train_in_turn_or_side_by_side_with_the_same_work():
    free = replace(FIGURES, local=FREE)
    outlooks = {one.layout: one for one in compare_layouts(replace(WORK, folds=4, trials=8), Allocation(9, 8, 8), free)}
    in_turn, side_by_side = outlooks[Layout(2, 1, 1, 4, 1)], outlooks[Layout(2, 4, 1, 1, 1)]
    assert in_turn.seconds == pytest.approx(side_by_side.seconds)
    assert in_turn.seconds == pytest.approx(4 * 30 * (150_000 * 0.01 + 1.0))
    assert choose(list(outlooks.values())).layout.ring == 1


@given(st.integers(1, 400), st.integers(1, 3), st.integers(1, 3), st.integers(1, 2))
def test_layouts_hold_every_whole_one_and_the_largest_ring_of_every_number_of_groups(trainers, folds, replicas, shards):
    found = list(find_layouts(trainers, [folds], replicas, shards))
    unit = folds * replicas * shards
    every = [(trainers // (unit * ring), ring) for ring in range(1, trainers // unit + 1)]
    assert {(one.groups, one.ring) for one in found if one.trainers == trainers} == {
        (groups, ring) for groups, ring in every if groups * ring * unit == trainers
    }
    largest = {groups: max(ring for other, ring in every if other == groups) for groups, _ in every}
    assert set(largest.items()) <= {(one.groups, one.ring) for one in found}
    assert all(one.trainers <= trainers for one in found)


few = st.integers(1, 4)


@given(st.integers(1, 3000), st.integers(1, 500), few, few, few, st.integers(1, 9))
def test_nothing_is_more_than_all_of_the_time(ranks, trials, folds, replicas, shards, cores):
    if ranks - 1 < replicas * shards:
        return
    work = replace(WORK, trials=trials, folds=folds)
    outlooks = compare_layouts(work, Allocation(ranks, 8, cores), FIGURES, replicas, shards)
    best = choose(outlooks)
    for one in outlooks:
        assert 0 < one.efficiency <= 1 - one.idle + 1e-9 <= 1 + 2e-9
        assert (one.waves - 1) * one.layout.groups < trials <= one.waves * one.layout.groups
        assert best.seconds <= 1.02 * one.seconds


def test_ten_thousand_ranks_have_few_layouts_to_look_at():
    for ranks in (9973, 10_000, 10_001):
        assert len(compare_layouts(replace(WORK, folds=5), Allocation(ranks, 16, 16), FIGURES)) < 600


def test_a_model_that_does_not_fit_is_divided():
    small = Allocation(17, 16, 16, memory=1.4e8)
    assert need_memory(FIGURES, 50, 1) == pytest.approx(1e8 + 1.6e7 + 5e7)
    assert need_memory(FIGURES, 50, 2) == pytest.approx(1e8 + 8e6 + 2.5e7 + 3.5e6)
    assert need_shards(FIGURES, 50, small) == 2
    best = choose(compare_layouts(WORK, small, FIGURES))
    assert best.layout.shards == 2
    assert best.fits
    assert not choose(compare_layouts(WORK, replace(small, memory=1e6), FIGURES)).fits


@pytest.mark.parametrize(("batch", "shards", "measured"), MEASURED)
def test_memory_is_what_was_measured(batch, shards, measured):
    figures, _ = gather_figures(None)
    assert need_memory(figures, batch, shards) - figures.base == pytest.approx(measured * 2**20, rel=0.07)


def test_bytes_of_a_step_by_what_they_are_for():
    alone = count_moved(Layout(1, 1, 1, 1, 1), 50, FIGURES)
    assert set(alone.values()) == {0.0}
    moved = count_moved(Layout(1, 1, 2, 4, 2), 50, FIGURES)
    assert moved == {"ring": 2 * 3 / 4 * 4e6, "replicas": 2 * 2e6 / 5, "shards": 0.5 * 5e7}


def test_rings_that_leave_a_host_pass_the_network_and_share_it_between_shards():
    host, hosts = Allocation(5, 4, 4), Allocation(5, 2, 2)
    ring, sharded = Layout(1, 1, 1, 4, 1), Layout(1, 1, 1, 2, 2)
    assert predict(ring, WORK, hosts, FIGURES).step > predict(ring, WORK, host, FIGURES).step
    slow = [predict(sharded, WORK, hosts, FIGURES).step - predict(sharded, WORK, host, FIGURES).step]
    assert slow[0] == pytest.approx(2 * (2 * 5e-5 + 2e6 / 5e8))


def test_what_makes_no_step_is_refused():
    with pytest.raises(UsageError, match="do not make one step of 2 replicas x 4 shards"):
        compare_layouts(WORK, Allocation(8, 8, 8), FIGURES, replicas=2, shards=4)
    with pytest.raises(UsageError, match="smaller --batch-size"):
        compare_layouts(replace(WORK, events=40), Allocation(8, 8, 8), FIGURES)
