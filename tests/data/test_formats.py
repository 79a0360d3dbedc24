"""Layouts are told by content; what is wrong with a file is named with file, key and event."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hvdgan.calo.shower import Conditions, Showers
from hvdgan.config import Data
from hvdgan.data.files import open_files
from hvdgan.data.formats import FORMATS, LcdV1, Stated, find_format
from hvdgan.data.hdf5 import Reader
from hvdgan.data.source import open_source
from hvdgan.errors import DataError

CELLS = (4, 4, 3)


def target(column: int, value: float) -> np.ndarray:
    rows = np.tile(np.array([11, 50, 50, 0, 0], dtype=np.float32), (10, 1, 1))
    rows[3, 0, column] = value
    return rows


def cells(value: float) -> np.ndarray:
    images = np.zeros((10, *CELLS), dtype=np.float32)
    images[7, 1, 2, 0] = value
    return images


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_what_is_written_is_read(tmp_path_factory, data) -> None:
    count = data.draw(st.integers(1, 6))
    column = {"shape": count, "dtype": np.float32}
    conditions = Conditions(
        data.draw(arrays(elements=st.floats(0.125, 1000, width=32), **column)),
        data.draw(arrays(np.int32, count, elements=st.sampled_from([11, -11, 22, 111, 211, -211, 130]))),
        data.draw(arrays(elements=st.floats(0.125, 3, width=32), **column)),
        data.draw(arrays(elements=st.floats(-3, 3, width=32), **column)),
    )
    images = data.draw(arrays(np.float32, (count, 3, 2, 4), elements=st.floats(0, 100, width=32)))
    path = tmp_path_factory.mktemp("round") / "trip.h5"
    LcdV1().write(path, Showers(conditions, {"ECAL": images}))
    with open_files([str(path)]) as files:
        back = files.read(np.arange(count))
    assert np.array_equal(back.images["ECAL"], images)
    assert np.array_equal(back.conditions.energy, conditions.energy)
    assert np.array_equal(back.conditions.particle, conditions.particle)
    assert np.allclose(back.conditions.theta, conditions.theta, atol=1e-6)
    assert np.allclose(back.conditions.phi, conditions.phi, atol=1e-6)


def test_perpendicular_incidence_points_along_x(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    images = {"ECAL": np.zeros((1, 2, 2, 2), dtype=np.float32), "HCAL": np.ones((1, 1, 1, 3), dtype=np.float32)}
    LcdV1().write(path, Showers(Conditions.perpendicular([50.0]), images))
    reader = Reader(path)
    assert reader.layout("target").shape == (1, 1, 5)
    assert np.allclose(reader.read("target", 0, 1), [[[11, 50, 50, 0, 0]]], atol=1e-5)
    reader.close()
    assert open_source(path).contents.shapes == {"ECAL": (2, 2, 2), "HCAL": (1, 1, 3)}


def test_flat_targets_and_double_precision_are_read(write_arrays) -> None:
    path = write_arrays(target=target(1, 20)[:, 0].astype(np.float64), ECAL=cells(2).astype(np.float64))
    with open_files([str(path)], format="lcd_v1") as files:
        showers = files.read(np.array([3]))
    assert showers.conditions.energy == [20]
    assert showers.images["ECAL"].dtype == np.float32


def test_the_layout_is_told_by_content_not_by_name(write_file) -> None:
    reader = Reader(write_file(name="EleEscan.caloGAN.dat"))
    assert isinstance(find_format(reader), LcdV1)
    with pytest.raises(DataError, match="format lcd_v9 is unknown; legal are auto, lcd_v1, lcd_window"):
        find_format(reader, "lcd_v9")
    reader.close()


def test_a_file_that_fits_two_layouts_is_not_guessed(write_arrays) -> None:
    path = write_arrays(energy=np.full(10, 50, dtype=np.float32))
    with pytest.raises(DataError, match=r"fit lcd_v1 and lcd_window; say which: data\.format"):
        open_files([str(path)])
    with open_files([str(path)], format="lcd_v1") as files:
        assert files.count == 10


def test_what_the_file_tells_cannot_be_stated(write_arrays) -> None:
    reader = Reader(write_arrays())
    with pytest.raises(DataError, match="lcd_v1, which tells its particle itself"):
        find_format(reader, "auto", Stated("photon"))
    with pytest.raises(DataError, match="lcd_v1, which tells its binning itself"):
        find_format(reader, "auto", Stated(binning=Path("binning.xml")))
    with pytest.raises(DataError, match="particle muon is unknown; legal are electron"):
        Stated("muon")
    reader.close()


def test_the_configuration_knows_all_layouts() -> None:
    for name in ("auto", *FORMATS):
        assert Data(files=["a.h5"], format=name).format == name
    with pytest.raises(ValueError, match="'calogan'"):
        Data(files=["a.h5"], format="lcd_v9")


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("ECAL", None, "missing key ECAL; keys are target"),
        ("target", None, "missing key target; keys are ECAL"),
        ("ECAL", np.zeros((10, 4, 4), dtype=np.float32), "ECAL has shape (10, 4, 4); (N, x, y, z) is needed"),
        ("ECAL", np.zeros((10, 4, 0, 4), dtype=np.float32), "ECAL has shape (10, 4, 0, 4)"),
        ("ECAL", np.zeros((10, *CELLS), dtype=np.int64), "ECAL has type int64"),
        ("ECAL", np.full((10, *CELLS), b"text"), "ECAL has type |S4"),
        ("ECAL", np.float32(1), "ECAL has shape ()"),
        ("ECAL", np.zeros((9, *CELLS), dtype=np.float32), "ECAL holds 9 events but target holds 10"),
        ("target", np.zeros((10, 1, 4), dtype=np.float32), "target has shape (10, 1, 4)"),
        ("target", np.zeros((10, 1, 5), dtype=np.complex64), "target has type complex64"),
        ("target", np.zeros((0, 1, 5), dtype=np.float32), "target holds zero events"),
    ],
)
def test_a_wrong_structure_is_found_at_opening(write_arrays, key: str, value, words: str) -> None:
    path = write_arrays(**{key: value})
    with pytest.raises(DataError, match=re.escape(f"{path}: ") + ".*" + re.escape(words)):
        open_files([str(path)])


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("ECAL", cells(np.nan), "ECAL: event 7 has a cell of nan"),
        ("ECAL", cells(np.inf), "ECAL: event 7 has a cell of inf"),
        ("ECAL", cells(-0.5), "ECAL: event 7 has a cell of -0.5"),
        ("ECAL", cells(0).astype(np.float64) + 1e200, "ECAL: event 0 has a cell of inf"),
        ("target", target(0, np.nan), "target: event 3 has a PDG id (column 0) of nan"),
        ("target", target(0, 11.5), "target: event 3 has a PDG id (column 0) of 11.5"),
        ("target", target(1, 0), "target: event 3 has an energy (column 1) of 0"),
        ("target", target(1, np.nan), "target: event 3 has an energy (column 1) of nan"),
        ("target", target(2, 0), "target: event 3 has a momentum"),
        ("target", target(4, np.inf), "target: event 3 has a momentum"),
    ],
)
def test_a_wrong_value_is_found_at_reading(write_arrays, key: str, value: np.ndarray, words: str) -> None:
    path = write_arrays(**{key: value})
    with open_files([str(path)]) as files, pytest.raises(DataError, match=re.escape(f"{path}: {words}")):
        files.read(np.arange(1, 10) if words.find("event 0") < 0 else np.arange(10))


def test_what_could_not_be_read_back_is_not_written(tmp_path: Path) -> None:
    showers = Showers(Conditions.perpendicular(np.full(10, 50.0)), {"ECAL": cells(np.nan)})
    with pytest.raises(DataError, match=r"a\.h5: ECAL is not written: event 7 has a cell of nan"):
        LcdV1().write(tmp_path / "a.h5", showers)
    with pytest.raises(DataError, match="without an ECAL image"):
        LcdV1().write(tmp_path / "a.h5", Showers(showers.conditions, {}))
    with pytest.raises(DataError, match="the source does not tell it"):
        LcdV1().write(tmp_path / "a.h5", Showers(Conditions.perpendicular([50.0], 0), {"ECAL": cells(1)[:1]}))
    assert not list(tmp_path.iterdir())
