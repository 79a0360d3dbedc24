"""Small shower files for the tests of `data`."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from hvdgan.calo.shower import Conditions, Showers
from hvdgan.data.formats import LcdV1

CELLS = (4, 4, 3)


def make_showers(count: int, first: int = 0, cells: tuple[int, int, int] = CELLS) -> Showers:
    """Return showers whose incident energy is 1 GeV plus their number, which the first cell repeats in units of TeV."""
    number = np.arange(first, first + count, dtype=np.float32)
    images = np.zeros((count, *cells), dtype=np.float32)
    images[:, 0, 0, 0] = number / 1000
    images[:, -1, 1, 2] = 0.25
    return Showers(Conditions.perpendicular(number + 1), {"ECAL": images})


@pytest.fixture
def write_file(tmp_path: Path) -> Callable[..., Path]:
    """Give a function that writes a good file of some events."""

    def write(count: int = 10, name: str = "showers.h5", first: int = 0, cells: tuple[int, int, int] = CELLS) -> Path:
        path = tmp_path / name
        LcdV1().write(path, make_showers(count, first, cells))
        return path

    return write


@pytest.fixture
def write_h5(tmp_path: Path) -> Callable[..., Path]:
    """Give a function that writes arrays by key, and nothing else; `group/array` lies in a group."""

    def write(content: dict[str, np.ndarray], name: str = "made.h5") -> Path:
        path = tmp_path / name
        with h5py.File(path, "w") as file:
            for key, values in content.items():
                file.create_dataset(key, data=values)
        return path

    return write


@pytest.fixture
def write_arrays(tmp_path: Path) -> Callable[..., Path]:
    """Give a function that writes a good file of 10 events with some arrays exchanged, or left out when None."""

    def write(**arrays: np.ndarray | None) -> Path:
        target = np.tile(np.array([11, 50, 50, 0, 0], dtype=np.float32), (10, 1, 1))
        content = {"ECAL": np.zeros((10, *CELLS), dtype=np.float32), "target": target, **arrays}
        path = tmp_path / "made.h5"
        with h5py.File(path, "w") as file:
            for key, values in content.items():
                if values is not None:
                    file.create_dataset(key, data=values)
        return path

    return write
