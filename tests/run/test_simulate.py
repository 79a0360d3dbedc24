"""`hvdgan simulate`: words become a mixture of classes, angles and detectors, and files that hold them."""

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from hvdgan.cli import app
from hvdgan.data.files import open_files
from hvdgan.errors import ConfigError
from hvdgan.run.simulate import Mix, Order, build_detector

SMALL = ["--files", "1", "--events", "60", "--energy", "10", "60"]


def simulate(folder, *words: str) -> str:
    """Run the verb in this process and return the first file's path."""
    result = CliRunner().invoke(app, ["simulate", *SMALL, *words, "--out", str(folder)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return str(folder / "showers_000.h5")


def test_the_four_classes_as_the_manual_writes_them(tmp_path):
    words = ["--particle", "electron", "photon", "charged_hadron:2", "neutral_hadron", "--theta", "60", "120"]
    path = simulate(tmp_path / "mixed", *words, "--phi", "-10", "10")
    with h5py.File(path) as file:
        shapes = {key: file[key].shape for key in file}
    assert shapes == {"ECAL": (60, 25, 25, 25), "HCAL": (60, 5, 5, 60), "target": (60, 1, 5)}
    with open_files([path]) as files:
        conditions = files.conditions(np.arange(60))
    assert set(conditions.particle) == {11, 22, 211, 130}
    assert (conditions.particle == 211).sum() > 15
    assert np.degrees([conditions.theta.min(), conditions.theta.max()]) == pytest.approx([60, 120], abs=8)
    assert np.degrees(np.abs(conditions.phi).max()) < 10.01


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        ([], {"ECAL", "target"}),
        (["--hcal"], {"ECAL", "HCAL", "target"}),
        (["--particle", "charged_hadron", "--no-hcal", "--grid", "5", "5", "5"], {"ECAL", "target"}),
        (["--particle", "pi0"], {"ECAL", "target"}),
    ],
)
def test_the_hadron_calorimeter_is_there_for_hadrons_or_when_asked_for(tmp_path, words, keys):
    with h5py.File(simulate(tmp_path / "made", *words)) as file:
        assert set(file) == keys


def test_a_mix_by_hand():
    assert Mix.parse(["electron", "photon:1"]) == Mix(("electron", "photon"), None)
    assert Mix.parse(["charged_hadron:0.25", "photon:.75"]) == Mix(("charged_hadron", "photon"), (0.25, 0.75))
    with pytest.raises(ConfigError, match="a number is needed after a colon"):
        Mix.parse(["electron:many"])


def test_an_unknown_layout_is_refused(tmp_path):
    order = Order(tmp_path, 1, 1, (10.0, 20.0), ("electron",), 0, layout="lcd_v9")
    with pytest.raises(ConfigError, match="layout 'lcd_v9' cannot be written; legal are lcd_v1"):
        build_detector(order, None, None)
