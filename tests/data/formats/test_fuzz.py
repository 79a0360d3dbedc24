"""Whatever is done to a file of whatever layout, reading it gives right numbers or one of our errors."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hvdgan.calo.shower import Showers
from hvdgan.data.inspect import inspect_file
from hvdgan.data.source import open_source
from hvdgan.errors import DataError

COUNT = 3
ENERGY = np.array([10.0, 20.0, 50.0])
RNG = np.random.default_rng(7)


def grid(*cells: int) -> np.ndarray:
    """Return cells that take 2 % of the incident energy."""
    images = RNG.random((COUNT, *cells))
    return (
        images
        / images.reshape(COUNT, -1).sum(axis=1).reshape(-1, *[1] * len(cells))
        * 0.02
        * ENERGY.reshape(-1, *[1] * len(cells))
    )


GOOD: dict[str, dict[str, np.ndarray]] = {
    "lcd_v1": {"ECAL": grid(2, 3, 2), "target": np.stack([[11, energy, energy, 0, 0] for energy in ENERGY])[:, None]},
    "lcd_window": {
        "ECAL": grid(2, 3, 2) * 50,
        "HCAL": grid(1, 1, 2) * 50,
        "energy": ENERGY,
        "pdgID": np.array([11, 22, -11]),
        "theta": np.full(COUNT, 1.5),
        "phi": np.zeros(COUNT),
    },
    "threedgan": {"X": grid(2, 3, 2, 1), "y/a": np.ones(COUNT), "y/b": ENERGY / 100, "y/c": 0.02 * ENERGY},
    "calochallenge": {"incident_energies": ENERGY[:, None] * 1000, "showers": grid(368) * 1000},
    "calogan": {
        "energy": ENERGY[:, None],
        "layer_0": grid(3, 96) * 1000,
        "layer_1": grid(12, 12) * 1000,
        "layer_2": grid(12, 6) * 1000,
    },
}
VALUES = [np.nan, np.inf, -np.inf, -1.0, 0.0, 1e300, 1e-300, 11.5, 3e9]
TYPES = ["f2", "i8", "u1", "?", "c8", "S4", [("x", "f4")], "g", h5py.string_dtype(), h5py.enum_dtype({"A": 0})]


def store_reordered(draw, file: h5py.File, key: str, array: np.ndarray) -> None:
    chunks = draw(st.sampled_from([None, (2, *array.shape[1:])]))
    file.create_dataset(key, data=array.astype(draw(st.sampled_from(["f4", ">f4", ">f8"]))), chunks=chunks)


def store_attributes(draw, file: h5py.File, key: str, array: np.ndarray) -> None:
    file.create_dataset(key, data=array, chunks=array.shape, compression="gzip", fletcher32=True)
    for owner in (file, file[key]):
        owner.attrs.create("x" * 200, np.zeros(2**12))


def store_as(draw, file: h5py.File, key: str, array: np.ndarray) -> None:
    kind = draw(st.sampled_from(TYPES))
    values = np.full(array.shape, b"x", object) if kind == h5py.string_dtype() else np.zeros(array.shape, kind)
    file.create_dataset(key, data=values, dtype=kind)


def store_value(draw, file: h5py.File, key: str, array: np.ndarray) -> None:
    values = array.astype(np.float64)
    values.flat[draw(st.integers(0, array.size - 1))] = draw(st.sampled_from(VALUES))
    file[key] = values


def store_reshaped(draw, file: h5py.File, key: str, array: np.ndarray) -> None:
    axis = draw(st.integers(0, array.ndim - 1))
    ways = [array[..., None], array.take(0, axis), array.take([], axis), np.concatenate([array, array], axis)]
    file[key] = draw(st.sampled_from([*ways, array.swapaxes(0, axis), array.ravel()]))


def store_link(draw, file: h5py.File, key: str, array: np.ndarray) -> None:
    file[key] = draw(st.sampled_from([h5py.SoftLink("/nowhere"), h5py.ExternalLink("nowhere.h5", "/x")]))


def store_huge(draw, file: h5py.File, key: str, array: np.ndarray) -> None:
    shape = draw(st.sampled_from([(10**12, *array.shape[1:]), (*array.shape[:-1], 2**40)]))
    huge = file.create_dataset(key, shape, "f4", chunks=(1,) * array.ndim)
    if draw(st.booleans()):
        huge[(0,) * array.ndim] = 1


HARMLESS = {
    "nothing": lambda draw, file, key, array: file.create_dataset(key, data=array),
    "reordered": store_reordered,
    "attributes": store_attributes,
}
HARMFUL = {
    "missing": lambda draw, file, key, array: None,
    "type": store_as,
    "value": store_value,
    "shape": store_reshaped,
    "link": store_link,
    "huge": store_huge,
    "group": lambda draw, file, key, array: file.create_dataset(f"{key}/x", data=array),
    "scalar": lambda draw, file, key, array: file.create_dataset(key, data=1.0),
    "null": lambda draw, file, key, array: file.create_dataset(key, data=h5py.Empty("f4")),
}


def write(path: Path, layout: str, done: dict[str, str], draw) -> None:
    """Write a file of a layout with something done to some of its arrays."""
    with h5py.File(path, "w") as file:
        file["another/one"] = np.zeros(2)
        for key, array in GOOD[layout].items():
            (HARMLESS | HARMFUL)[done.get(key, "nothing")](draw, file, key, array)


def choose(layout: str, ways: dict) -> st.SearchStrategy[dict[str, str]]:
    """Draw which arrays something is done to, and what."""
    keys = [key for key in GOOD[layout] if key not in ("y/a", "y/c")]
    return st.dictionaries(st.sampled_from(keys), st.sampled_from(sorted(ways)), min_size=1, max_size=2)


def read(path: Path) -> Showers:
    """Read everything of a file."""
    source = open_source(path)
    try:
        conditions = source.format.read_conditions(source.reader, 0, len(source))
        images = {
            name: source.format.read_images(source.reader, name, 0, len(source)) for name in source.contents.shapes
        }
        assert {name: image.shape[1:] for name, image in images.items()} == source.contents.shapes
        return Showers(conditions, images)
    finally:
        source.reader.close()


@pytest.mark.parametrize("layout", GOOD)
@settings(max_examples=10)
@given(data=st.data())
def test_what_does_not_matter_changes_nothing(tmp_path_factory, layout: str, data) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "a.h5"
    write(path, layout, data.draw(choose(layout, HARMLESS)), data.draw)
    showers = read(path)
    assert np.allclose(showers.conditions.energy, ENERGY, rtol=1e-6)
    for image in showers.images.values() if layout != "calochallenge" else ():
        assert np.allclose(image.reshape(COUNT, -1).sum(axis=1), 0.02 * ENERGY, rtol=1e-5)
    assert inspect_file(path)["problems"] == []


@pytest.mark.parametrize("layout", GOOD)
@settings(max_examples=40)
@given(data=st.data())
def test_a_damaged_file_gives_good_numbers_or_our_error(tmp_path_factory, layout: str, data) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "a.h5"
    write(path, layout, data.draw(choose(layout, HARMFUL)), data.draw)
    problems, showers = inspect_file(path)["problems"], read_or_none(path)
    if showers is None:
        assert str(path) in problems[0]
        return
    assert [problem for problem in problems if "in another unit" not in problem] == []
    assert len(showers) > 0
    assert np.isfinite(showers.conditions.theta).all()
    for image in showers.images.values():
        assert image.dtype == np.float32
        assert 0 <= image.min() <= image.max() < np.inf


@settings(max_examples=20)
@given(kept=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_an_error(tmp_path_factory, kept: float) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "a.h5"
    write(path, "lcd_window", {}, None)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    assert read_or_none(path) is None


def read_or_none(path: Path) -> Showers | None:
    """Read everything of a file, unless one of our errors says why not."""
    try:
        return read(path)
    except DataError:
        return None
