"""Looking into a file answers for good and for bad files."""

from pathlib import Path

import numpy as np
import pytest

from hvdgan.data.inspect import inspect_file


def test_a_good_file_is_described(write_file) -> None:
    path = write_file(20)
    row = inspect_file(path)
    assert row == {
        "file": str(path),
        "format": "lcd_v1",
        "detectors": {"ECAL": [4, 4, 3]},
        "events": 20,
        "energy": [1.0, 20.0],
        "particles": {"electron": 20},
        "compression": "gzip",
        "chunk": 682,
        "bytes": path.stat().st_size,
        "problems": [],
    }


def test_missing_and_foreign_files_are_answers(tmp_path: Path) -> None:
    assert "no such file" in inspect_file(tmp_path / "a.h5")["problems"][0]
    (tmp_path / "a.h5").write_text("no shower at all")
    row = inspect_file(tmp_path / "a.h5")
    assert row["format"] is None
    assert "not HDF5" in row["problems"][0]


def test_bad_cells_and_bad_energies_are_found_side_by_side(write_arrays) -> None:
    images = np.zeros((10, 2, 2, 2), dtype=np.float32)
    images[4, 0, 0, 0], images[5, 0, 0, 0] = np.nan, -1
    target = np.tile(np.array([22, 50, 50, 0, 0], dtype=np.float32), (10, 1, 1))
    target[3, 0, 1] = -2
    problems = inspect_file(write_arrays(ECAL=images, target=target))["problems"]
    assert len(problems) == 2
    assert "target: event 3 has an energy (column 1) of -2" in problems[0]
    assert "ECAL: event 4 has a cell of nan" in problems[1]


@pytest.mark.parametrize("key", ["ECAL", "target"])
def test_a_missing_key_is_a_problem(write_arrays, key: str) -> None:
    assert f"missing key {key}" in inspect_file(write_arrays(**{key: None}))["problems"][0]


def test_cells_in_another_unit_are_suspected(write_arrays) -> None:
    row = inspect_file(write_arrays(ECAL=np.full((10, 2, 2, 2), 125, dtype=np.float32)))
    assert "the cells sum up to 20 times the incident energy" in row["problems"][0]
