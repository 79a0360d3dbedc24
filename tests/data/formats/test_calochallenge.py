"""CaloChallenge voxels: r runs fastest, then alpha, then the layer; MeV."""

import numpy as np
import pytest

from hvdgan.calo.shower import Conditions, Showers
from hvdgan.data.files import open_files
from hvdgan.data.formats import CaloChallenge, Stated
from hvdgan.data.formats.binning import KNOWN
from hvdgan.data.source import open_source
from hvdgan.errors import DataError

ALL = np.arange(2)


def events(voxels: int) -> dict[str, np.ndarray]:
    """Return two events of 1 and 4 GeV whose voxels hold their own number in MeV."""
    showers = np.tile(np.arange(voxels, dtype=np.float64), (2, 1))
    return {"incident_energies": np.array([[1000.0], [4000.0]]), "showers": showers}


def test_data_set_2_is_a_grid_to_learn_from(write_h5) -> None:
    with open_files([str(write_h5(events(6480)))], particles=["electron"]) as files:
        assert files.image_shape == (16, 9, 45)
        showers = files.read(ALL)
    assert showers.conditions.energy.tolist() == [1, 4]
    assert showers.conditions.particle.tolist() == [11, 11]
    image = showers.images["ECAL"][1]
    for alpha, radius, layer in ((0, 0, 0), (0, 8, 0), (1, 0, 0), (0, 0, 1), (15, 8, 44), (7, 3, 20)):
        assert image[alpha, radius, layer] == np.float32((radius + 9 * (alpha + 16 * layer)) / 1000)
    with open_files([str(write_h5(events(6480)))], grid=[8, 3, 15]) as files:
        assert np.isclose(files.read(ALL).images["ECAL"][0].sum(), 6480 * 6479 / 2000)


def test_data_set_3_is_a_grid_too(write_h5) -> None:
    with open_files([str(write_h5(events(40500)))]) as files:
        assert files.image_shape == (50, 18, 45)
        assert files.read(ALL).images["ECAL"][0, 49, 17, 44] == np.float32(40.499)


@pytest.mark.parametrize(("voxels", "particle", "last"), [(368, 22, "layer_12"), (533, 211, "layer_14")])
def test_the_layers_of_data_set_1_stay_apart(write_h5, voxels, particle, last) -> None:
    path = write_h5(events(voxels))
    source = open_source(path)
    assert source.format.read_conditions(source.reader, 0, 2).particle.tolist() == [particle] * 2
    assert list(source.contents.shapes)[-1] == last
    second = source.format.read_images(source.reader, "layer_1", 0, 1)[0]
    assert second[0, 0] == np.float32(0.008)
    assert second[1, 0] == np.float32((8 + second.shape[1]) / 1000)
    assert source.format.read_images(source.reader, last, 1, 2).max() == np.float32((voxels - 1) / 1000)
    with pytest.raises(DataError, match="3D convolutions need one grid"):
        open_files([str(path)])


@pytest.mark.parametrize("binning", KNOWN, ids=lambda binning: str(binning.voxels))
def test_what_is_written_is_read(tmp_path, binning) -> None:
    path, voxels = tmp_path / "a.h5", np.random.default_rng(0).random((3, binning.voxels), dtype="f4")
    images = {name: np.ascontiguousarray(binning.cut(voxels, name)) for name in binning.shapes}
    CaloChallenge().write_blocks(path, [Showers(Conditions.perpendicular([1.0, 2.0, 3.0]), images)])
    source = open_source(path)
    assert source.format == CaloChallenge(binning, binning.particle)
    assert source.reader.read("incident_energies", 0, 3).tolist() == [[1000], [2000], [3000]]
    assert np.allclose(source.reader.read("showers", 0, 3), 1000 * voxels, rtol=1e-6)
    for name, image in images.items():
        assert np.allclose(source.format.read_images(source.reader, name, 0, 3), image, rtol=2e-7)


def test_a_stated_class_counts(write_h5) -> None:
    source = open_source(write_h5(events(6480)), stated=Stated("photon"))
    assert source.format.read_conditions(source.reader, 0, 1).particle == [22]


def test_other_images_are_not_written(tmp_path) -> None:
    showers = Showers(Conditions.perpendicular([1.0]), {"ECAL": np.zeros((1, 5, 5, 5), dtype="f4")})
    with pytest.raises(DataError, match="are not those of a CaloChallenge data set"):
        CaloChallenge().write_blocks(tmp_path / "a.h5", [showers])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"showers": np.zeros((3, 368))}, "showers holds 3 events but incident_energies holds 2"),
        ({"showers": np.zeros((2, 45, 144))}, r"showers has shape \(2, 45, 144\); \(N, voxels\) is needed"),
        ({"showers": np.full((2, 368), -1.0)}, "showers: event 0 has a cell of -0.001"),
        ({"incident_energies": np.array([1000.0, -5.0])}, "incident_energies: event 1 has an energy of -0.005"),
    ],
)
def test_what_cannot_be_is_named(write_h5, changes, words) -> None:
    path = write_h5(events(368) | changes)
    with pytest.raises(DataError, match=f"{path}: {words}"):
        read_all(path)


def read_all(path) -> None:
    source = open_source(path)
    source.format.read_conditions(source.reader, 0, 2)
    source.format.read_images(source.reader, "layer_0", 0, 2)
