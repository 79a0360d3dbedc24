"""CaloGAN's layers stay images of their own."""

import numpy as np
import pytest

from hvdgan.calo.shower import Conditions, Showers
from hvdgan.data.files import open_files
from hvdgan.data.formats import CaloGan, Stated
from hvdgan.data.inspect import inspect_file
from hvdgan.data.source import open_source
from hvdgan.errors import DataError


def layers(**changes) -> dict[str, np.ndarray]:
    """Return two events of 2 and 50 GeV; 1500 MeV in one cell, 250 MeV beside the cells."""
    content = {
        "energy": np.array([[2.0], [50.0]]),
        "layer_0": np.zeros((2, 3, 96)),
        "layer_1": np.zeros((2, 12, 12)),
        "layer_2": np.zeros((2, 12, 6)),
        "overflow": np.array([[0, 0, 0], [0, 250.0, 0]]),
        **changes,
    }
    content["layer_1"][1, 4, 7] = 1500
    return content


def test_mev_become_gev(write_h5) -> None:
    source = open_source(write_h5(layers()), stated=Stated("photon"))
    assert source.contents.shapes == {"layer_0": (3, 96), "layer_1": (12, 12), "layer_2": (12, 6), "overflow": (3,)}
    conditions = source.format.read_conditions(source.reader, 0, 2)
    assert conditions.energy.tolist() == [2, 50]
    assert conditions.particle.tolist() == [22, 22]
    image = source.format.read_images(source.reader, "layer_1", 0, 2)
    assert (image[1, 4, 7], image.sum()) == (1.5, 1.5)
    assert source.format.read_images(source.reader, "overflow", 1, 2).tolist() == [[0, 0.25, 0]]


def test_what_is_written_is_read(write_h5, tmp_path) -> None:
    content = layers()
    images = {name: content[name].astype("f4") for name in ("layer_0", "layer_1", "layer_2")}
    path = tmp_path / "a.h5"
    CaloGan().write_blocks(path, [Showers(Conditions.perpendicular([2.0, 50.0]), images)])
    back = open_source(path)
    for name, image in images.items():
        assert np.array_equal(back.format.read_images(back.reader, name, 0, 2), image)
    with pytest.raises(DataError, match="are not the layers of CaloGAN"):
        CaloGan().write_blocks(path, [Showers(Conditions.perpendicular([2.0, 50.0]), {"layer_0": images["layer_0"]})])


def test_it_is_inspected_but_not_learned_from(write_h5) -> None:
    path = write_h5(layers())
    row = inspect_file(path)
    assert (row["format"], row["problems"], row["particles"]) == ("calogan", [], {"unknown": 2})
    assert row["detectors"]["layer_0"] == [3, 96]
    for detector in ("ECAL", "layer_0"):
        with pytest.raises(
            DataError, match=r"layers of this calogan file have cells of their own .*3D convolutions need"
        ):
            open_files([str(path)], detector=detector)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"layer_2": np.zeros((2, 6, 12))}, r"layer_2 has shape \(2, 6, 12\); \(N, 12, 6\) is needed"),
        ({"layer_0": np.zeros((3, 3, 96))}, "layer_0 holds 3 events but energy holds 2"),
        ({"overflow": np.zeros(2)}, r"overflow has shape \(2,\)"),
    ],
)
def test_what_cannot_be_is_named(write_h5, changes, words) -> None:
    path = write_h5(layers(**changes))
    with pytest.raises(DataError, match=f"{path}: {words}"):
        open_source(path)
