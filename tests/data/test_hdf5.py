"""Files are written whole or not at all, and every way of being broken has a message."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from hvdgan.data import hdf5
from hvdgan.data.hdf5 import Reader
from hvdgan.errors import DataError


def test_blocks_are_joined_in_chunks_of_a_few_events(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    images = np.arange(5 * 25**3, dtype=np.float32).reshape(5, 25, 25, 25)
    hdf5.write(path, ({"ECAL": images[start : start + 2]} for start in range(0, 5, 2)))
    reader = Reader(path)
    layout = reader.layout("ECAL")
    assert (layout.shape, layout.dtype, layout.chunk, layout.compression) == ((5, 25, 25, 25), np.float32, 2, "gzip")
    assert np.array_equal(reader.read("ECAL", 1, 4), images[1:4])
    reader.close()


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    for name in ("a.h5", "b.h5"):
        hdf5.write(tmp_path / name, [{"x": np.arange(10.0)}])
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_a_failure_leaves_the_previous_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    hdf5.write(path, [{"x": np.arange(10.0)}])
    before = path.read_bytes()

    def blocks():
        yield {"x": np.arange(3.0)}
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        hdf5.write(path, blocks())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        ([], "zero events"),
        ([{"x": np.zeros(0)}], "zero events"),
        ([{"x": np.zeros(2), "y": np.zeros(3)}], "different lengths"),
        ([{"x": np.zeros((2, 2))}, {"x": np.zeros((2, 3))}], "cannot be read or written"),
    ],
)
def test_blocks_that_make_no_file_are_refused(tmp_path: Path, blocks, words: str) -> None:
    with pytest.raises(DataError, match=words):
        hdf5.write(tmp_path / "a.h5", blocks)
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere/a\.h5: no such file or folder"):
        hdf5.write(tmp_path / "nowhere" / "a.h5", [{"x": np.zeros(2)}])


def test_broken_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with pytest.raises(DataError, match=r"a\.h5: no such file"):
        Reader(path).keys()
    path.write_text("no shower at all")
    with pytest.raises(DataError, match=r"a\.h5: not HDF5"):
        Reader(path).keys()
    with pytest.raises(DataError, match=tmp_path.name):
        Reader(tmp_path).keys()
    hdf5.write(path, [{"x": np.random.default_rng(0).random(10_000)}])
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(DataError, match=r"a\.h5: truncated"):
        Reader(path).keys()


def test_spoilt_bytes_name_the_key(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    hdf5.write(path, [{"x": np.random.default_rng(0).random(10_000)}])
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 512] = bytes(512)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.h5: x: cannot be read"):
        Reader(path).read("x", 0, 10_000)


def test_missing_keys_and_groups_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_group("ECAL")
        file["target"] = np.zeros(3)
    with pytest.raises(DataError, match=r"a\.h5: missing key HCAL; keys are ECAL, target"):
        Reader(path).layout("HCAL")
    with pytest.raises(DataError, match=r"a\.h5: ECAL is a group"):
        Reader(path).read("ECAL", 0, 1)
    with pytest.raises(DataError, match="target: events 1 to 5 were asked for, 2 of them exist"):
        Reader(path).read("target", 1, 5)


def test_closing_only_gives_the_handle_back(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    hdf5.write(path, [{"x": np.arange(10.0)}])
    reader = Reader(path)
    assert reader.keys() == ["x"]
    reader.close()
    reader.close()
    assert reader.read("x", 3, 4) == [3.0]


def test_a_forked_child_opens_its_own_handle(tmp_path: Path) -> None:
    path, other = tmp_path / "a.h5", tmp_path / "b.h5"
    hdf5.write(path, [{"x": np.arange(10.0)}])
    hdf5.write(other, [{"x": np.arange(100.0, 110.0)}])
    reader = Reader(path)
    assert reader.read("x", 3, 4) == [3.0]
    other.replace(path)
    child = os.fork()
    if child == 0:
        fresh = reader.read("x", 3, 4) == [103.0]
        os._exit(0 if fresh else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert reader.read("x", 4, 5) == [4.0]
