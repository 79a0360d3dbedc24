"""Batches come in order and in bounded memory; the reading thread never outlives its consumer."""

import gc
import threading
import time
import tracemalloc
from itertools import islice

import numpy as np
import pytest

from hvdgan.calo.shower import Conditions, Showers
from hvdgan.data.files import open_files
from hvdgan.data.split import Part, fold
from hvdgan.data.stream import stream
from hvdgan.errors import DataError


class Memory:
    """Events made on request: energies are 1 GeV plus the event's number."""

    def __init__(self, bad: int = -1) -> None:
        self.bad = bad
        self.reads = 0

    def read_parts(self, indices: np.ndarray, size: int) -> list[Showers]:
        """Return events in the order asked for, in parts."""
        showers = self.read(indices)
        return [showers[start : start + size] for start in range(0, len(showers), size)]

    def read(self, indices: np.ndarray) -> Showers:
        """Return events in the order asked for."""
        self.reads += 1
        if self.bad in indices:
            raise DataError(f"event {self.bad} is bad")
        images = {"ECAL": np.zeros((len(indices), 5, 5, 5), dtype=np.float32)}
        return Showers(Conditions.perpendicular(indices + 1.0), images)


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "hvdgan-reader"]


def wait_until_gone() -> None:
    for thread in readers():
        thread.join(10)
    assert not readers()


def numbers(batches) -> list[int]:
    return [int(energy) - 1 for batch in batches for energy in batch.conditions.energy]


def test_uneven_files_give_equal_steps_on_two_ranks(tmp_path, write_file) -> None:
    for number, (count, first) in enumerate([(1, 0), (7, 1), (100, 8)]):
        write_file(count, f"{number}.h5", first)
    with open_files([str(tmp_path / "*.h5")]) as files:
        training, validation = fold(files.count, 4, 1, seed=0)
        seen = []
        for rank in (0, 1):
            with stream(files, training, rank, 2, 8, seed=3, epoch=0, block=16) as batches:
                assert batches.steps == 5
                seen.append(numbers(batches))
    assert [len(rank) for rank in seen] == [40, 40]
    assert len(set(seen[0] + seen[1])) == 80
    assert not set(seen[0] + seen[1]) & set(validation.indices(0, len(validation)).tolist())
    wait_until_gone()


def test_resuming_in_mid_epoch_gives_the_same_batches() -> None:
    arguments = {"rank": 1, "size": 2, "batch_size": 6, "seed": 1, "epoch": 2, "block": 8}
    whole = list(stream(Memory(), Part(500), **arguments))
    tail = list(stream(Memory(), Part(500), **arguments, first_step=17))
    assert len(whole) == 41
    assert len(tail) == 24
    for one, other in zip(whole[17:], tail, strict=True):
        assert np.array_equal(one.conditions.energy, other.conditions.energy)


def test_the_thread_ends_after_the_last_batch_and_after_an_early_stop() -> None:
    assert len(list(stream(Memory(), Part(500), 0, 1, 10, 0, 0, 8))) == 50
    wait_until_gone()
    with stream(Memory(), Part(10**9), 0, 1, 10, 0, 0, 8) as batches:
        next(batches)
    assert not readers()
    assert list(batches) == []


def test_the_thread_ends_when_the_stream_is_dropped() -> None:
    for _ in stream(Memory(), Part(10**9), 0, 1, 10, 0, 0, 8):
        break
    gc.collect()
    wait_until_gone()


def test_the_thread_ends_when_the_consumer_fails() -> None:
    with pytest.raises(ZeroDivisionError), stream(Memory(), Part(10**9), 0, 1, 10, 0, 0, 8):
        raise ZeroDivisionError
    assert not readers()


def test_an_error_of_the_reader_reaches_the_consumer_after_the_good_batches() -> None:
    good = numbers(stream(Memory(), Part(500), 0, 1, 10, 0, 0, 8))
    batches = stream(Memory(bad=good[200]), Part(500), 0, 1, 10, 0, 0, 8)
    seen = []
    with pytest.raises(DataError, match=f"event {good[200]} is bad"):
        seen.extend(batches)
    assert numbers(seen) == good[: len(seen) * 10]
    assert 15 <= len(seen) <= 20
    assert list(batches) == []
    wait_until_gone()


def test_a_bad_cell_in_a_file_reaches_the_consumer(write_arrays) -> None:
    images = np.zeros((10, 2, 2, 2), dtype=np.float32)
    images[4, 0, 0, 0] = np.nan
    path = write_arrays(ECAL=images)
    with (
        open_files([str(path)]) as files,
        stream(files, Part(10), 0, 1, 2, 0, 0, 2) as batches,
        pytest.raises(DataError, match=r"made\.h5: ECAL: event 4 has a cell of nan"),
    ):
        list(batches)


def test_reading_stays_a_bounded_way_ahead() -> None:
    files = Memory()
    with stream(files, Part(10**9), 0, 1, 10, 0, 0, 25) as batches:
        list(islice(batches, 30))
        time.sleep(0.05)
        assert files.reads <= 3 + 3


def test_memory_does_not_grow_with_the_number_of_events() -> None:
    def peak(count: int) -> int:
        with stream(Memory(), Part(count), 0, 1, 10, 0, 0, 50) as batches:
            list(islice(batches, 1))
            tracemalloc.start()
            for _ in batches:
                pass
            highest = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        return highest

    small, large = peak(2_000), peak(20_000)
    assert large < 3 * small  # not ten times as much; how full the queue is depends on who is faster
    assert large < 5 * 200 * 5**3 * 4


def test_waiting_for_data_is_counted() -> None:
    batches = stream(Memory(), Part(400), 0, 1, 10, 0, 0, 50)
    assert batches.waited == 0
    next(batches)
    first = batches.waited
    list(batches)
    assert 0 < first < batches.waited


def test_impossible_ranks_and_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="rank 2 of 2"):
        stream(Memory(), Part(100), 2, 2, 10, 0, 0, 8)
    with pytest.raises(ValueError, match="step 6 does not exist in an epoch of 5 steps"):
        stream(Memory(), Part(100), 0, 2, 10, 0, 0, 8, first_step=6)
    assert not readers()
