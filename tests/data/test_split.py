"""Folds, hold-outs and shards are exact for any numbers, and cost nothing for huge ones."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hvdgan.data.permute import permute, scramble
from hvdgan.data.split import Part, Shard, fold, hold_out, steps_per_epoch
from hvdgan.errors import DataError

SEEDS = st.integers(0, 2**63)


def events(part: Part) -> np.ndarray:
    return part.indices(0, len(part))


def visited(shard: Shard, first_step: int = 0) -> np.ndarray:
    return np.concatenate([np.zeros(0, dtype=np.int64), *shard.positions(first_step)])


@given(st.integers(2, 12), st.integers(0, 300), SEEDS)
def test_folds_are_disjoint_exhaustive_and_balanced(folds: int, more: int, seed: int) -> None:
    count = folds + more
    parts = [fold(count, folds, number, seed) for number in range(folds)]
    held = [events(validation) for _, validation in parts]
    assert np.array_equal(np.sort(np.concatenate(held)), np.arange(count))
    assert {len(part) for part in held} <= {count // folds, -(-count // folds)}
    for (training, _), validation in zip(parts, held, strict=True):
        assert np.array_equal(np.sort(np.concatenate([events(training), validation])), np.arange(count))


@given(st.integers(1, 500), st.floats(0, 0.99), SEEDS)
def test_hold_out_takes_its_fraction_and_nothing_is_lost(count: int, fraction: float, seed: int) -> None:
    try:
        training, validation = hold_out(count, fraction, seed)
    except DataError as error:
        assert f"{count} events cannot be split" in str(error)  # noqa: PT017 - most draws do not raise
        return
    assert np.array_equal(np.sort(np.concatenate([events(training), events(validation)])), np.arange(count))
    groups = -(-count // validation.folds)
    assert abs(len(validation) - count * fraction) <= 0.025 * count + groups + validation.width


@given(st.integers(1, 20), st.integers(0, 20), st.integers(1, 200), SEEDS)
def test_a_part_is_ascending_and_spreads_evenly(folds: int, width: int, count: int, seed: int) -> None:
    part = Part(count, folds, 3, min(width, folds), seed)
    numbers = events(part)
    assert np.all(np.diff(numbers) > 0)
    some = part.spread(7)
    assert len(some) == min(7, len(part))
    assert np.isin(some, numbers).all()


def test_folds_do_not_follow_a_pattern_of_the_file() -> None:
    _, validation = fold(100_000, 4, 0, seed=3)
    shares = np.bincount(events(validation) % 4) / len(validation)
    assert np.allclose(shares, 0.25, atol=0.02)


def test_another_seed_gives_another_split() -> None:
    assert not np.array_equal(events(fold(1000, 5, 0, 1)[1]), events(fold(1000, 5, 0, 2)[1]))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fold(3, 5, 0, 0), "3 events cannot be split into 5 folds"),
        (lambda: fold(30, 1, 0, 0), "at least 2 folds"),
        (lambda: fold(30, 5, 5, 0), "fold 5 of 5 does not exist"),
        (lambda: hold_out(30, 1.0, 0), "fraction of 1.0"),
        (lambda: hold_out(8, 0.1, 0), "8 events cannot be split into 10 folds"),
    ],
)
def test_impossible_splits_are_named(call, words: str) -> None:
    with pytest.raises(DataError, match=words):
        call()


def test_positions_outside_a_part_are_refused() -> None:
    with pytest.raises(IndexError):
        Part(10).indices(5, 11)
    with pytest.raises(IndexError):
        Part(10, width=0).indices(0, 1)


@given(st.integers(1, 2000), SEEDS)
def test_a_permutation_meets_every_number_once(count: int, seed: int) -> None:
    assert np.array_equal(np.sort(permute(np.arange(count), count, seed)), np.arange(count))


def test_small_permutations_come_equally_often() -> None:
    seen = [tuple(permute(np.arange(3), 3, seed)) for seed in range(1200)]
    counts = [seen.count(order) for order in set(seen)]
    assert len(counts) == 6
    assert min(counts) > 150


def test_hashes_are_the_same_on_every_machine() -> None:
    assert scramble(np.array([0, 1]), 2, 3).tolist() == [2544517249099315098, 9534703034299598650]


@given(
    count=st.integers(0, 400),
    size=st.integers(1, 5),
    batch=st.integers(1, 40),
    block=st.integers(1, 50),
    seed=SEEDS,
    epoch=st.integers(0, 5),
)
def test_shards_are_disjoint_and_take_equal_steps(
    count: int, size: int, batch: int, block: int, seed: int, epoch: int
) -> None:
    shards = [visited(Shard(count, rank, size, batch, block, seed, epoch)) for rank in range(size)]
    steps = steps_per_epoch(count, size, batch)
    assert [len(shard) for shard in shards] == [steps * batch] * size
    together = np.concatenate(shards)
    assert len(np.unique(together)) == len(together)
    assert ((together >= 0) & (together < count)).all()


@given(st.integers(1, 400), st.integers(1, 3), st.integers(1, 20), st.integers(1, 50), st.data())
def test_resuming_gives_the_tail_of_the_epoch(count: int, size: int, batch: int, block: int, data) -> None:
    shard = Shard(count, size - 1, size, batch, block, 1, 2)
    first = data.draw(st.integers(0, shard.steps))
    assert np.array_equal(visited(shard, first), visited(shard)[first * batch :])


def test_epochs_and_seeds_differ_and_repeat() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return visited(Shard(1000, 0, 2, 10, 20, seed, epoch)).tolist()

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1)
    assert order(1, 0) != order(2, 0)


def test_every_event_is_visited_in_some_epoch() -> None:
    seen = {p for epoch in range(20) for rank in (0, 1) for p in visited(Shard(108, rank, 2, 10, 16, 0, epoch))}
    assert seen == set(range(108))


def test_most_blocks_are_read_by_one_rank() -> None:
    owner = np.zeros(64_000, dtype=np.int64)
    for rank in range(4):
        owner[visited(Shard(64_000, rank, 4, 16, 64, 0, 0))] = rank
    assert np.mean(owner[1:] == owner[:-1]) > 0.96


def test_a_batch_mixes_blocks() -> None:
    first = visited(Shard(64_000, 0, 1, 64, 256, 0, 0))[:64]
    assert len(np.unique(first // 256)) >= 4


def test_a_thousand_million_events_cost_nothing() -> None:
    tracemalloc.start()
    training, validation = fold(10**9, 10, 3, 0)
    assert len(training) + len(validation) == 10**9
    shard = Shard(len(training), 2, 4, 64, 256, 0, 7)
    numbers = training.events(next(shard.positions(shard.steps - 5)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0 < len(numbers) <= 5 * 64
    assert peak < 2**20


def test_steps_outside_an_epoch_are_refused() -> None:
    with pytest.raises(ValueError, match="step 6 does not exist in an epoch of 5 steps"):
        next(Shard(108, 0, 2, 10, 16, 0, 0).positions(6))
