"""The large LCD window: cells in 1/50 GeV, one array per condition."""

import numpy as np
import pytest

from hvdgan.calo.shower import Conditions, Showers
from hvdgan.data.files import open_files
from hvdgan.data.formats import LcdWindow, Stated
from hvdgan.data.source import open_source
from hvdgan.errors import DataError

ALL = np.arange(2)


def window(**changes) -> dict[str, np.ndarray]:
    """Return two events: 100 GeV at 90 degrees, 200 GeV at 60 degrees; 1 GeV in a cell of the first."""
    ecal = np.zeros((2, 51, 51, 25), dtype="f4")
    ecal[0, 25, 26, 10] = 50
    ecal[1, 25, 25, 12] = 100
    content = {
        "ECAL": ecal,
        "HCAL": np.full((2, 11, 11, 60), 0.5, dtype="f4"),
        "energy": np.array([100, 200], dtype="f4"),
        "pdgID": np.array([11, -11], dtype="f4"),
        "theta": np.array([np.pi / 2, np.pi / 3], dtype="f4"),
        "phi": np.array([0.0, 0.1], dtype="f4"),
        "nHits": np.array([1, 1]),
        **changes,
    }
    return {key: values for key, values in content.items() if values is not None}


def test_cells_become_gev(write_h5) -> None:
    path = str(write_h5(window()))
    with open_files([path]) as files:
        assert files.image_shape == (51, 51, 25)
        showers = files.read(ALL)
    assert showers.images["ECAL"][0, 25, 26, 10] == 1
    assert showers.images["ECAL"].sum() == 3
    assert showers.conditions.energy.tolist() == [100, 200]
    assert showers.conditions.particle.tolist() == [11, -11]
    assert np.allclose(showers.conditions.theta, [1.5708, 1.0472], atol=1e-4)
    with open_files([path], detector="HCAL") as files:
        assert np.allclose(files.read(ALL).images["HCAL"], 0.01)


def test_what_is_written_is_read(write_h5, tmp_path) -> None:
    source = open_source(write_h5(window()))
    conditions = source.format.read_conditions(source.reader, 0, 2)
    images = {name: source.format.read_images(source.reader, name, 0, 2) for name in ("ECAL", "HCAL")}
    path = tmp_path / "written.h5"
    LcdWindow().write_blocks(path, [Showers(conditions, images)[part] for part in (slice(0, 1), slice(1, 2))])
    back = open_source(path)
    assert isinstance(back.format, LcdWindow)
    assert back.reader.read("ECAL", 0, 2).max() == 100
    for name, image in images.items():
        assert np.allclose(back.format.read_images(back.reader, name, 0, 2), image, rtol=2e-7, atol=0)
    for name in ("energy", "particle", "theta", "phi"):
        assert np.array_equal(getattr(back.format.read_conditions(back.reader, 0, 2), name), getattr(conditions, name))


def test_fixed_angles_and_untold_particles(write_h5) -> None:
    path = write_h5(window(theta=None, phi=None, pdgID=None, energy=np.array([[100], [200]], dtype="f4")))
    plain, stated = open_source(path), open_source(path, stated=Stated("pi0"))
    assert plain.format.read_conditions(plain.reader, 0, 2).particle.tolist() == [0, 0]
    conditions = stated.format.read_conditions(stated.reader, 0, 2)
    assert conditions.particle.tolist() == [111, 111]
    assert np.array_equal(conditions.theta, Conditions.perpendicular([1.0, 1.0]).theta)
    with pytest.raises(DataError, match="does not tell the class of its particles"):
        open_files([str(path)], particles=["electron"])
    with pytest.raises(DataError, match="pdgID tells the particles; do not state"):
        open_source(write_h5(window(), "told.h5"), stated=Stated("pi0"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"theta": np.array([1.5, 90])}, "theta: event 1 has an angle of 90.0; it must lie from 0 to 3.14 radians"),
        ({"phi": np.array([np.nan, 0])}, "phi: event 0 has an angle of nan"),
        ({"pdgID": np.array([11, 0.5])}, "pdgID: event 1 has a PDG id of 0.5"),
        ({"energy": np.array([-1.0, 2])}, "energy: event 0 has an energy of -1"),
        ({"theta": np.zeros(3)}, "theta holds 3 events but energy holds 2"),
        ({"energy": np.zeros((2, 2))}, r"energy has shape \(2, 2\); \(N, 1\) or \(N,\) is needed"),
        ({"ECAL": np.zeros((3, 2, 2, 2))}, "ECAL holds 3 events but energy holds 2"),
    ],
)
def test_what_cannot_be_is_named(write_h5, changes, words) -> None:
    path = write_h5(window(HCAL=None, **changes))
    with pytest.raises(DataError, match=f"{path}: {words}"), open_files([str(path)]) as files:
        files.read(ALL)
