"""The verbs of files, through the command line of this process."""

import json
import sys

import h5py
import numpy as np
import pytest

from hvdgan.cli import main
from hvdgan.data.files import open_files


@pytest.fixture
def say(monkeypatch, capsys):
    """Give a function that runs the command line and returns its code, its output and its errors."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["hvdgan", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            main()
        shown = capsys.readouterr()
        return left.value.code, shown.out, shown.err

    return run


@pytest.fixture
def photons(tmp_path):
    """A file of CaloChallenge data set 2 with 5 events of 10 GeV."""
    path = tmp_path / "showers.hdf5"
    with h5py.File(path, "w") as file:
        file["incident_energies"] = np.full((5, 1), 1e4)
        file["showers"] = np.full((5, 6480), 0.5)
    return path


def test_convert_writes_a_file_to_train_on(say, photons, tmp_path) -> None:
    out = tmp_path / "out.h5"
    words = ["convert", photons, "--to", "lcd_v1", "--out", out, "--grid", 8, 3, 15, "--particle", "photon"]
    assert say(*words) == (0, f"{out}: 5 showers\n", "")
    with open_files([str(out)], particles=["photon"]) as files:
        assert (files.count, files.image_shape, files.energy_range()) == (5, (8, 3, 15), (10, 10))
        assert np.allclose(files.read(np.arange(5)).images["ECAL"], 18 * 0.0005)
    code, _, told = say(*words)
    assert code == 2
    assert told == f"hvdgan: {out} exists already; choose another --out or remove it\n"


def test_inspect_shows_what_is_stated(say, photons, tmp_path) -> None:
    code, shown, _ = say("inspect", photons, "--json", "--particle", "photon")
    (row,) = json.loads(shown)
    assert (code, row["format"], row["detectors"]) == (0, "calochallenge", {"ECAL": [16, 9, 45]})
    assert (row["particles"], row["energy"], row["problems"]) == ({"photon": 5}, [10, 10], [])
    code, shown, _ = say("inspect", photons, "--format", "calogan")
    assert code == 1
    assert "problem: " in shown
    assert "missing key" in shown


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--to", "root", "--out", "o.h5"], "'root' is not one of 'lcd_v1'"),
        (["--to", "lcd_v1"], "Missing option '--out'"),
        (["--to", "lcd_v1", "--out", "o.h5", "--particle", "muon"], "particle muon is unknown; legal are electron"),
        (["--to", "lcd_v1", "--out", "no/o.h5"], "no is no folder; make it first"),
    ],
)
def test_a_wrong_command_is_one_clear_message(say, photons, monkeypatch, tmp_path, words, says) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, told = say("convert", photons, *words)
    assert code == 2
    assert says in told
    assert sorted(path.name for path in tmp_path.iterdir()) == [photons.name]
