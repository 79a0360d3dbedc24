"""Binning files: the challenge's own XML, read without trusting it."""

from pathlib import Path

import numpy as np
import pytest

from hvdgan.data.files import open_files
from hvdgan.data.formats import Stated
from hvdgan.data.formats.binning import Binning, Layer, read_binnings
from hvdgan.data.source import open_source
from hvdgan.errors import DataError


def layer(number: int, edges: str = "0,1,2,3", alpha: object = 2) -> str:
    return f'<Layer id="{number}" r_edges="{edges}" n_bin_alpha="{alpha}"/>'


def bins(*layers: str, pid: int = 22) -> str:
    return f'<Bin pid="{pid}" name="particle">{"".join(layers)}</Bin>'


def document(*content: str) -> str:
    return f"<Bins>{''.join(content)}</Bins>"


REGULAR = document(bins(*(layer(number) for number in range(4))))
LAYERED = document(bins(layer(0), layer(1, "0"), layer(2, "0,5,10", 1)), bins(layer(0), layer(1, "0,9", 6), pid=211))


@pytest.fixture
def write_file(write_h5, tmp_path: Path):
    """Give a function that writes showers of some voxels, and a binning by that name beside them."""

    def write(voxels: int, name: str = "", content: str = REGULAR) -> Path:
        if name:
            (tmp_path / name).write_text(content)
        energy = np.array([[10.0], [20.0]])
        return write_h5({"incident_energies": energy, "showers": np.ones((2, voxels)) * np.arange(voxels)})

    return write


def test_every_particle_has_a_binning(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(LAYERED)
    assert read_binnings(tmp_path / "a.xml") == (
        Binning(22, (Layer(0, 2, 3), Layer(2, 1, 2))),
        Binning(211, (Layer(0, 2, 3), Layer(1, 6, 1))),
    )


def test_a_binning_beside_the_file_or_a_given_one_is_used(write_file, tmp_path: Path) -> None:
    path = write_file(24, "binning_mine.xml")
    with open_files([str(path)]) as files:
        assert files.image_shape == (2, 3, 4)
        assert files.read(np.array([1])).images["ECAL"][0, 1, 2, 3] == np.float32(0.023)
    (tmp_path / "binning_mine.xml").rename(tmp_path / "other.xml")
    with pytest.raises(DataError, match=r"24 voxels fit 0 binnings; no binning\*\.xml lies beside it; give the XML"):
        open_files([str(path)])
    with open_files([str(path)], binning=str(tmp_path / "other.xml")) as files:
        assert files.image_shape == (2, 3, 4)
    with pytest.raises(DataError, match=r"6480 voxels fit 0 binnings; .*other\.xml has \[24\] voxels"):
        open_files([str(write_file(6480))], binning=str(tmp_path / "other.xml"))


def test_the_class_chooses_among_binnings_of_equal_size(write_file, tmp_path: Path) -> None:
    content = document(bins(layer(0), layer(1, "0,9")), bins(layer(0, "0,9"), layer(1), pid=211))
    path = write_file(8, "binning.xml", content)
    with pytest.raises(DataError, match="8 voxels fit 2 binnings"):
        open_source(path)
    source = open_source(path, stated=Stated("charged_hadron"))
    assert source.contents.shapes == {"layer_0": (2, 1), "layer_1": (2, 3)}


BOMB = '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;&b;">]>' + document(bins(layer(0, "&c;")))
OUTSIDE = '<!DOCTYPE a SYSTEM "file:///etc/hostname">' + REGULAR


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (BOMB, "a binning with a DOCTYPE is not read"),
        (OUTSIDE, "a binning with a DOCTYPE is not read"),
        (document(bins(layer(0, "&b;"))), "not the XML of a binning: undefined entity"),
        ("", "not the XML of a binning"),
        ("<Bins>", "not the XML of a binning"),
        ("<?xml version='1.0' encoding='no-such'?><Bins/>", "not the XML of a binning"),
        (document(layer(0)), "a Layer outside of a Bin"),
        (document(bins('<Layer r_edges="0,1" n_bin_alpha="1"/>')), "a Layer without id"),
        (document(bins(layer(0, "0,two"))), "not the XML of a binning: could not convert"),
        (document(bins(layer(0, "0,2,1"))), "ascending r_edges"),
        (document(bins(layer(0, "0,nan"))), "ascending r_edges"),
        (document(bins(layer(0, alpha=0))), "n_bin_alpha of at least 1"),
        (document(bins(layer(0, alpha="9" * 5000))), "not the XML of a binning"),
        (" " * 2**20 + REGULAR, "more than 1048576 bytes"),
    ],
)
def test_a_bad_binning_is_refused(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "binning.xml"
    path.write_text(content)
    with pytest.raises(DataError, match=words):
        read_binnings(path)


def test_a_missing_binning_is_named(write_file, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.xml: the binning cannot be read: No such file"):
        open_files([str(write_file(24))], binning=str(tmp_path / "gone.xml"))
