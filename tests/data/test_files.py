"""Many files read as one sequence, in any order, filtered and merged."""

import re
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hvdgan.calo.shower import Conditions, Showers
from hvdgan.data import files as rooms
from hvdgan.data.files import expand, open_files
from hvdgan.data.formats import LcdV1
from hvdgan.data.source import find_runs
from hvdgan.errors import DataError


@pytest.fixture
def uneven(tmp_path: Path, write_file) -> str:
    """Three files of 1, 7 and 100 events; energies count from 1 GeV on over all of them."""
    for number, (count, first) in enumerate([(1, 0), (7, 1), (100, 8)]):
        write_file(count, f"part_{number}.h5", first)
    return str(tmp_path / "part_*.h5")


def test_uneven_files_are_one_sequence(uneven: str) -> None:
    with open_files([uneven]) as files:
        assert (files.count, files.counts, files.image_shape) == (108, (1, 7, 100), (4, 4, 3))
        assert [path.name for path in files.paths] == ["part_0.h5", "part_1.h5", "part_2.h5"]
        assert files.energy_range() == (1.0, 108.0)
        assert np.array_equal(files.conditions(np.arange(108)).energy, np.arange(1, 109))


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.integers(0, 107), max_size=60))
@example([9, 9, 11])
def test_events_come_in_the_order_asked_for(uneven: str, indices: list[int]) -> None:
    with open_files([uneven]) as files:
        showers = files.read(np.array(indices, dtype=np.int64))
    assert showers.conditions.energy.tolist() == [index + 1 for index in indices]
    assert np.allclose(showers.images["ECAL"][:, 0, 0, 0], np.array(indices) / 1000)
    assert showers.images["ECAL"].shape == (len(indices), 4, 4, 3)


def test_more_files_than_stay_open_are_read(uneven: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "OPEN_FILES", 1)
    with open_files([uneven]) as files:
        assert files.read(np.array([50, 0, 3])).conditions.energy.tolist() == [51, 1, 4]


def test_events_outside_are_refused(uneven: str) -> None:
    with open_files([uneven]) as files, pytest.raises(IndexError, match="events 0 to 108 of 108"):
        files.read(np.array([0, 108]))


@given(st.sets(st.integers(0, 500)), st.integers(1, 30), st.integers(1, 64))
def test_runs_cover_all_events_and_stay_short(numbers: set[int], near: int, longest: int) -> None:
    events = np.array(sorted(numbers), dtype=np.int64)
    runs = find_runs(events, near, longest)
    assert [number for run in runs for number in events[run].tolist()] == events.tolist()
    for run in runs:
        assert events[run][-1] - events[run][0] < longest
        assert (np.diff(events[run]) <= near).all()


def test_patterns_are_sorted_and_no_file_comes_twice(tmp_path: Path, uneven: str) -> None:
    last = str(tmp_path / "part_2.h5")
    assert [path.name for path in expand([last, uneven])] == ["part_2.h5", "part_0.h5", "part_1.h5"]
    with pytest.raises(DataError, match=r"other_\*\.h5 matches no file"):
        expand([uneven, str(tmp_path / "other_*.h5")])
    with pytest.raises(DataError, match="no files are given"):
        expand([])


def test_files_of_different_shapes_are_named(write_file) -> None:
    paths = [str(write_file(name="a.h5")), str(write_file(name="b.h5", cells=(4, 4, 6)))]
    with pytest.raises(
        DataError, match=re.escape(f"{paths[1]}: ECAL has cells (4, 4, 6) but {paths[0]} has (4, 4, 3)")
    ):
        open_files(paths)


def test_cells_are_merged(write_file) -> None:
    path = str(write_file(5))
    with open_files([path], grid=[2, 1, 3]) as files:
        assert files.image_shape == (2, 1, 3)
        images = files.read(np.arange(5)).images["ECAL"]
    assert np.allclose(images[:, 0, 0, 0], np.arange(5) / 1000)
    assert np.allclose(images[:, 1, 0, 2], 0.25)
    with pytest.raises(DataError, match=re.escape(f"{path}: ECAL: ")):
        open_files([path], grid=[3, 1, 3])


def test_angles_differ_by_more_than_they_are_rounded(tmp_path: Path) -> None:
    energy, zeros = np.linspace(1, 500, 50, dtype=np.float32), np.zeros(50, dtype=np.float32)
    images = {"ECAL": np.zeros((50, 2, 2, 2), dtype=np.float32)}
    for name, theta in (("alike", np.linspace(1.2, 1.2005, 50)), ("spread", np.linspace(1.1, 1.9, 50))):
        conditions = Conditions(energy, np.full(50, 11, np.int32), theta.astype(np.float32), zeros + 0.1)
        LcdV1().write(tmp_path / f"{name}.h5", Showers(conditions, images))
    with open_files([str(tmp_path / "alike.h5")]) as files:
        assert files.angle_range() is None
    with open_files([str(tmp_path / "*.h5")]) as files:
        assert files.angle_range() == pytest.approx((1.1, 1.9), rel=1e-6)


def test_particles_are_kept_by_name(tmp_path: Path) -> None:
    for number, ids in enumerate([[11, 22, -11, 211], [22, 22], [11]]):
        energy = 10.0 * number + np.arange(1, len(ids) + 1)
        images = np.zeros((len(ids), 2, 2, 2), dtype=np.float32)
        LcdV1().write(tmp_path / f"{number}.h5", Showers(Conditions.perpendicular(energy, ids), {"ECAL": images}))
    pattern = str(tmp_path / "*.h5")
    with open_files([pattern], particles=["electron", "charged_hadron"]) as files:
        assert files.counts == (3, 0, 1)
        assert files.read(np.arange(3, -1, -1)).conditions.energy.tolist() == [21, 4, 3, 1]
        assert files.energy_range() == (1, 21)
    with pytest.raises(DataError, match="hold no neutral_hadron"):
        open_files([pattern], particles=["neutral_hadron"])
    with pytest.raises(DataError, match=r"\['muon'\] cannot be kept; legal are electron, photon"):
        open_files([pattern], particles=["electron", "muon"])


def test_another_detector_can_be_read(tmp_path: Path) -> None:
    images = {"ECAL": np.zeros((2, 2, 2, 2), np.float32), "HCAL": np.ones((2, 1, 1, 3), np.float32)}
    path = tmp_path / "a.h5"
    LcdV1().write(path, Showers(Conditions.perpendicular([1.0, 2.0]), images))
    with open_files([str(path)], detector="HCAL") as files:
        assert files.read(np.array([1])).images["HCAL"].tolist() == [[[[1, 1, 1]]]]


@pytest.mark.parametrize("chunks", [None, (7, 4, 4, 3), (100, 2, 2, 3)])
def test_any_storage_gives_the_same_events(tmp_path: Path, write_file, chunks) -> None:
    with open_files([str(write_file(700))]) as files:
        wanted = np.random.default_rng(0).permutation(700)[:500]
        expected = files.read(wanted)
        whole = files.read(np.arange(700))
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("ECAL", data=whole.images["ECAL"], chunks=chunks)
        file["target"] = np.stack([[11, energy, energy, 0, 0] for energy in whole.conditions.energy])
    with open_files([str(path)]) as files:
        showers = files.read(wanted)
    assert np.array_equal(showers.images["ECAL"], expected.images["ECAL"])
    assert np.array_equal(showers.conditions.energy, expected.conditions.energy)


def test_parts_are_the_whole_in_pieces_and_none_is_empty(small_showers):
    with open_files([str(small_showers / "*.h5")]) as files:
        wanted = np.array([150, 3, 99, 4, 180])
        whole, parts = files.read(wanted), files.read_parts(wanted, 2)
        assert [len(part) for part in parts] == [2, 2, 1]
        joined = np.concatenate([part.images["ECAL"] for part in parts])
        np.testing.assert_array_equal(joined, whole.images["ECAL"])
        assert files.read_parts(wanted[:0], 2) == []
        assert len(files.read(wanted[:0])) == 0
