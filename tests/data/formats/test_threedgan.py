"""3DGAN's merged samples: the unit of the energies is told by the deposits."""

import numpy as np
import pytest

from hvdgan.calo.shower import Conditions, Showers
from hvdgan.data.files import open_files
from hvdgan.data.formats import Stated, ThreeDGan
from hvdgan.data.hdf5 import Reader
from hvdgan.data.source import open_source
from hvdgan.errors import DataError

ENERGY = np.array([100, 250], dtype="f4")
ALL = np.arange(2)


def cells(fraction: float = 0.02) -> np.ndarray:
    images = np.zeros((2, 5, 5, 4, 1), dtype="f4")
    images[:, 2, 3, 1, 0] = fraction * ENERGY
    return images


def labels(energy: np.ndarray) -> dict[str, np.ndarray]:
    return {"y/a": np.ones(2), "y/b": energy, "y/c": cells().sum(axis=(1, 2, 3, 4))}


@pytest.mark.parametrize(
    "y", [labels(ENERGY), labels(ENERGY / 100), {"y": np.stack([np.ones(2), ENERGY / 100, 0.02 * ENERGY], axis=1)}]
)
@pytest.mark.parametrize("images", [cells(), cells()[..., 0]])
def test_all_variants_are_the_same_showers(write_h5, y, images) -> None:
    with open_files([str(write_h5({"X": images, **y}))]) as files:
        assert files.image_shape == (5, 5, 4)
        showers = files.read(ALL)
    assert np.allclose(showers.conditions.energy, ENERGY)
    assert showers.conditions.particle.tolist() == [11, 11]
    assert np.allclose(showers.images["ECAL"][:, 2, 3, 1], [2, 5])


def test_what_is_written_is_read(tmp_path) -> None:
    showers = Showers(Conditions.perpendicular(ENERGY, 22), {"ECAL": cells()[..., 0]})
    path = tmp_path / "a.h5"
    ThreeDGan().write_blocks(path, [showers[slice(0, 1)], showers[slice(1, 2)]])
    reader = Reader(path)
    assert reader.layout("X").shape == (2, 5, 5, 4, 1)
    assert reader.read("y/a", 0, 2).tolist() == [1, 1]
    assert np.allclose(reader.read("y/b", 0, 2), ENERGY / 100)
    assert np.allclose(reader.read("y/c", 0, 2), 0.02 * ENERGY)
    source = open_source(path, stated=Stated("photon"))
    assert source.format == ThreeDGan(100.0, 22)
    assert np.array_equal(source.format.read_images(reader, "ECAL", 0, 2), cells()[..., 0])
    tilted = Conditions(ENERGY, showers.conditions.particle, showers.conditions.theta - 0.3, showers.conditions.phi)
    with pytest.raises(DataError, match=r"stores no angles, but event 0 of a block enters at theta = 1\.27"):
        ThreeDGan().write_blocks(path, [Showers(tilted, showers.images)])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"X": cells(0), **labels(ENERGY)}, "the unit of y cannot be told"),
        ({"X": cells(0.2), **labels(ENERGY)}, "sum up to 0.2 times the energies in y"),
        ({"X": cells()[:1], **labels(ENERGY)}, "X holds 1 events but y holds 2"),
        ({"X": np.zeros((2, 5, 5, 4, 3)), **labels(ENERGY)}, r"X has shape \(2, 5, 5, 4, 3\)"),
        ({"X": cells(), "y": np.ones(2)}, r"y has shape \(2,\); a group with an array b"),
        ({"X": cells(), "y/a": np.ones(2)}, "y is a group; an array is needed"),
        ({"X": cells(), **labels(np.array([1, -1.0]))}, "y/b: event 1 has an energy of -1"),
    ],
)
def test_what_cannot_be_is_named(write_h5, content, words) -> None:
    path = write_h5(content)
    with pytest.raises(DataError, match=f"{path}: .*{words}"):
        open_files([str(path)])
