"""Showers go from any layout into another, block by block."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from hvdgan.calo.shower import Conditions, Showers
from hvdgan.data import source
from hvdgan.data.convert import Conversion, convert_files
from hvdgan.data.files import open_files
from hvdgan.data.formats import CaloChallenge, LcdV1, LcdWindow, Stated, ThreeDGan
from hvdgan.data.source import open_source
from hvdgan.errors import DataError


@pytest.fixture
def cylinder(tmp_path: Path) -> str:
    """Two files of 3 and 4 events of CaloChallenge 2, as a pattern; energies count from 1 GeV on."""
    rng = np.random.default_rng(1)
    for number, count in enumerate((3, 4)):
        images = rng.random((count, 16, 9, 45), dtype="f4") * 1e-5
        conditions = Conditions.perpendicular(np.arange(count) + 1.0 + 3 * number)
        CaloChallenge().write_blocks(tmp_path / f"set_{number}.h5", [Showers(conditions, {"ECAL": images})])
    return str(tmp_path / "set_*.h5")


@pytest.mark.parametrize("block", [2**25, 2 * 4 * 6480])
def test_files_become_one_file_of_another_layout(cylinder, tmp_path, monkeypatch, block) -> None:
    monkeypatch.setattr(source, "BLOCK_BYTES", block)
    out = tmp_path / "out.h5"
    assert convert_files(Conversion([cylinder], "lcd_v1"), out) == 7
    with open_files([str(out)]) as files, open_files([cylinder]) as expected:
        assert files.image_shape == (16, 9, 45)
        made, real = files.read(np.arange(7)), expected.read(np.arange(7))
    assert np.array_equal(made.images["ECAL"], real.images["ECAL"])
    assert made.conditions.energy.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert made.conditions.particle.tolist() == [11] * 7


def test_cells_are_merged_and_detectors_kept(tmp_path) -> None:
    images = {"ECAL": np.ones((2, 4, 4, 6), dtype="f4"), "HCAL": np.ones((2, 1, 1, 2), dtype="f4")}
    LcdWindow().write_blocks(tmp_path / "a.h5", [Showers(Conditions.perpendicular([50.0, 90.0], 211), images)])
    convert_files(Conversion([str(tmp_path / "a.h5")], "lcd_v1", grid=(2, 4, 3)), tmp_path / "b.h5")
    made = open_source(tmp_path / "b.h5")
    assert isinstance(made.format, LcdV1)
    assert made.contents.shapes == {"ECAL": (2, 4, 3), "HCAL": (1, 1, 2)}
    assert np.allclose(made.format.read_images(made.reader, "ECAL", 0, 2), 4)
    assert made.format.read_conditions(made.reader, 0, 2).particle.tolist() == [211, 211]


def test_round_the_layouts_and_back(tmp_path, small_showers) -> None:
    paths = [small_showers / "showers_2.h5", *(tmp_path / f"{name}.h5" for name in "abc")]
    for (start, stop), layout in zip(itertools.pairwise(paths), ("threedgan", "lcd_window", "lcd_v1"), strict=True):
        assert convert_files(Conversion([str(start)], layout), stop) == 40
    with open_files([str(paths[0])]) as first, open_files([str(paths[3])]) as last:
        real, made = first.read(np.arange(40)), last.read(np.arange(40))
    assert np.allclose(made.images["ECAL"], real.images["ECAL"], rtol=1e-6)
    assert np.allclose(made.conditions.energy, real.conditions.energy, rtol=1e-6)
    assert np.array_equal(made.conditions.particle, real.conditions.particle)


def test_a_class_nobody_tells_is_not_made_up(tmp_path, write_h5) -> None:
    path = str(write_h5({"ECAL": np.ones((1, 2, 2, 2)), "energy": np.array([50.0])}))
    with pytest.raises(DataError, match="the source does not tell it; say it with `hvdgan convert --particle CLASS`"):
        convert_files(Conversion([path], "lcd_v1"), tmp_path / "out.h5")
    convert_files(Conversion([path], "lcd_v1", stated=Stated("pi0")), tmp_path / "out.h5")
    with open_files([str(tmp_path / "out.h5")], particles=["pi0"]) as files:
        assert files.count == 1


def test_what_does_not_fit_is_refused_and_leaves_nothing(tmp_path, cylinder, write_h5) -> None:
    layers = str(write_h5({"incident_energies": np.ones(2), "showers": np.zeros((2, 368))}))
    lcd = str(tmp_path / "lcd.h5")
    ThreeDGan().write_blocks(lcd, [Showers(Conditions.perpendicular([1.0]), {"ECAL": np.ones((1, 2, 2, 2), "f4")})])
    before = sorted(tmp_path.iterdir())
    for conversion, words in (
        (Conversion([layers], "lcd_v1"), "showers without an ECAL image"),
        (Conversion([layers], "calogan"), "are not the layers of CaloGAN"),
        (Conversion([layers], "calochallenge", grid=(1, 1, 1)), "only ECAL can be merged"),
        (Conversion([cylinder], "lcd_v1", grid=(5, 9, 45)), "set_0.h5: ECAL: .*legal numbers are"),
        (Conversion([cylinder, lcd], "lcd_v1"), "convert files of equal images together"),
        (Conversion([lcd], "root"), "layout root is unknown; legal are lcd_v1"),
        (Conversion([lcd], "lcd_v1", format="calogan"), "missing key"),
    ):
        with pytest.raises(DataError, match=words):
            convert_files(conversion, tmp_path / "out.h5")
    assert sorted(tmp_path.iterdir()) == before
