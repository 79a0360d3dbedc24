"""Compressed images read chunk by chunk are those that HDF5 reads; what is stored in another way is left to it."""

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hvdgan.data.chunks import is_packed, unpack
from hvdgan.data.hdf5 import Reader
from hvdgan.errors import DataError

SHAPE = (5, 3, 2)


def store(path, count, **how):
    """Write images of every kind of bits; return them."""
    images = np.random.default_rng(count).integers(0, 2**32, (count, *SHAPE), dtype=np.uint32).view(np.float32)
    with h5py.File(path, "w") as file:
        file.create_dataset("ECAL", data=images, **{"compression": "gzip", "shuffle": True, **how})
    return images


def read(path, events):
    """Return events of a file, as bits, and whether they were unpacked chunk by chunk."""
    out = [np.empty(SHAPE, dtype=np.float32) for _ in events]
    Reader(path).read_into("ECAL", events, out)
    again = [np.empty(SHAPE, dtype=np.float32) for _ in events]
    with h5py.File(path) as file:
        array = file["ECAL"]
        ours = is_packed(array, int(events[-1] - events[0]) + 1, again[0]) and unpack(array, events, again)
    return np.stack(out).view(np.uint32), ours


@given(st.integers(1, 40), st.integers(1, 7), st.data())
def test_events_are_read_to_the_last_bit(tmp_path_factory, count, chunk, data):
    path = tmp_path_factory.mktemp("chunks") / "images.h5"
    images = store(path, count, chunks=(chunk, *SHAPE), maxshape=(None, *SHAPE))
    events = np.array(sorted(data.draw(st.sets(st.integers(0, count - 1), min_size=1))))
    bits, ours = read(path, events)
    assert np.array_equal(bits, images[events].view(np.uint32))
    assert ours == (chunk <= events[-1] - events[0] + 1)


@pytest.mark.parametrize(
    "how",
    [
        {"chunks": (2, 5, 1, 2)},
        {"chunks": (2, *SHAPE), "shuffle": False},
        {"chunks": (2, *SHAPE), "fletcher32": True},
        {"chunks": (2, *SHAPE), "compression": "lzf"},
        {"compression": None, "shuffle": False},
        {"chunks": (2, *SHAPE), "dtype": ">f4"},
    ],
    ids=["cut events", "not shuffled", "checked", "another filter", "in one piece", "another order of bytes"],
)
def test_what_is_stored_in_another_way_is_left_to_hdf5(tmp_path, how):
    images = store(tmp_path / "images.h5", 8, **how)
    bits, ours = read(tmp_path / "images.h5", np.array([1, 2, 5]))
    assert not ours
    with np.errstate(invalid="ignore"):
        assert np.array_equal(np.isnan(images[[1, 2, 5]]), np.isnan(bits.view(np.float32)))
        assert np.array_equal(np.nan_to_num(images[[1, 2, 5]]), np.nan_to_num(bits.view(np.float32)))


def test_a_chunk_that_was_never_written_holds_zeros(tmp_path):
    store(tmp_path / "images.h5", 4, chunks=(2, *SHAPE), maxshape=(None, *SHAPE))
    with h5py.File(tmp_path / "images.h5", "a") as file:
        file["ECAL"].resize(8, axis=0)
    bits, ours = read(tmp_path / "images.h5", np.arange(8))
    assert not ours
    assert not bits[4:].any()


def test_a_torn_chunk_names_its_file(tmp_path):
    path = tmp_path / "images.h5"
    store(path, 4, chunks=(2, *SHAPE))
    with h5py.File(path, "a") as file:
        file["ECAL"].id.write_direct_chunk((2, 0, 0, 0), b"no chunk")
    with pytest.raises(DataError, match=r"images\.h5: ECAL"):
        Reader(path).read_into("ECAL", np.arange(4), [np.empty(SHAPE, dtype=np.float32)] * 4)


def test_events_behind_the_end_are_refused(tmp_path):
    store(tmp_path / "images.h5", 3, chunks=(2, *SHAPE))
    with pytest.raises(DataError, match="events 2 to 4 were asked for, 1 of them exist"):
        Reader(tmp_path / "images.h5").read_into("ECAL", np.arange(2, 4), [np.empty(SHAPE, dtype=np.float32)] * 2)
