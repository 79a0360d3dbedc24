"""What all layouts ask of the arrays of a file, and of showers that are to be written."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hvdgan.calo.shower import UNKNOWN, Conditions, Showers
from hvdgan.data.checks import cell_problem, energy_problem
from hvdgan.data.hdf5 import Layout, Reader
from hvdgan.errors import DataError

MEV = 1e-3
"""One MeV in GeV."""
TILT = 0.02
"""Incidence counts as perpendicular up to this angle in radians."""


def check(file: Reader, key: str, problem: str | None) -> None:
    """Raise a problem, if there is one.

    Raises:
        DataError: It names the file and the key.
    """
    if problem is not None:
        raise DataError(f"{file.path}: {key}: {problem}")


def check_numbers(file: Reader, key: str, kinds: str = "f") -> Layout:
    """Return how an array lies in the file after checking that it holds real numbers of a usual size.

    Args:
        file: The file.
        key: The array.
        kinds: Legal kinds of numbers, as numpy abbreviates them: f floating point, i and u whole.

    Raises:
        DataError: The array is missing, has another type, or too little was ever stored in it.
    """
    layout = file.layout(key)
    if layout.dtype.kind not in kinds or layout.dtype.itemsize not in (2, 4, 8):
        raise DataError(f"{file.path}: {key} has type {layout.dtype}; floating point numbers (float32) are needed")
    if not layout.written:
        raise DataError(f"{file.path}: {key} has shape {layout.shape}, but too little was ever stored in it")
    return layout


def count_events(file: Reader, key: str, kinds: str = "f") -> int:
    """Return the number of events of an array that holds one number for each: (N, 1) or (N,).

    Raises:
        DataError: The array is something else, or empty.
    """
    shape = check_numbers(file, key, kinds).shape
    if shape[1:] not in ((), (1,)) or not shape:
        raise DataError(f"{file.path}: {key} has shape {shape}; (N, 1) or (N,) is needed")
    if shape[0] == 0:
        raise DataError(f"{file.path}: {key} holds zero events")
    return shape[0]


def check_count(file: Reader, key: str, count: int, needed: int, counted: str) -> None:
    """Raise unless two arrays hold equally many events."""
    if count != needed:
        raise DataError(f"{file.path}: {key} holds {count} events but {counted} holds {needed}")


def image_shape(file: Reader, key: str, count: int, counted: str) -> tuple[int, ...]:
    """Return the cells along x, y, z after checking the images' type, shape and number.

    Args:
        file: The file.
        key: The images.
        count: Events that the file should have.
        counted: The array that says so.

    Raises:
        DataError: Something does not fit.
    """
    shape = check_numbers(file, key).shape
    if len(shape) != 4 or 0 in shape[1:]:
        raise DataError(f"{file.path}: {key} has shape {shape}; (N, x, y, z) is needed")
    check_count(file, key, shape[0], count, counted)
    return shape[1:]


def read_column(file: Reader, key: str, start: int, stop: int) -> NDArray[np.float64]:
    """Return one number for each of the events start to stop (excluded), shape (n,)."""
    return file.read(key, start, stop).reshape(stop - start).astype(np.float64)


def read_energies(file: Reader, key: str, start: int, stop: int, unit: float = 1.0) -> NDArray[np.float32]:
    """Return the incident energies of events start to stop (excluded) in GeV, shape (n,).

    Args:
        file: The file.
        key: Where they are stored.
        start: The first event.
        stop: The event after the last.
        unit: Unit of the file in GeV.

    Raises:
        DataError: An energy is not positive and finite.
    """
    return to_energies(file, key, read_column(file, key, start, stop), start, unit)


def to_energies(file: Reader, key: str, values: NDArray, start: int, unit: float = 1.0) -> NDArray[np.float32]:
    """Return incident energies of a file in GeV.

    Args:
        file: The file.
        key: Where they are stored.
        values: As they are stored, (n,).
        start: Number of the first event.
        unit: Unit of the file in GeV.

    Raises:
        DataError: An energy is not positive and finite.
    """
    energy = values.astype(np.float64) * unit
    check(file, key, energy_problem(energy, start))
    return energy.astype(np.float32)


def to_gev(file: Reader, key: str, cells: NDArray, start: int, unit: float = 1.0) -> NDArray[np.float32]:
    """Return cells of a file in GeV.

    Args:
        file: The file.
        key: Where they are stored.
        cells: As they are stored, (n, *cells).
        start: Number of the first event.
        unit: Unit of the file in GeV.

    Raises:
        DataError: A cell is not finite, or negative.
    """
    images = cells if unit == 1.0 and cells.dtype == np.float32 else _scale(cells, unit)
    check(file, key, cell_problem(images, start))
    return images


def from_gev(path: Path | str, showers: Showers, unit: float = 1.0) -> dict[str, NDArray[np.float32]]:
    """Return the images of showers in a file's unit, by detector.

    Args:
        path: The file to write, for the error.
        showers: What to write.
        unit: Unit of the file in GeV.

    Raises:
        DataError: A cell is not finite, or negative.
    """
    for detector, image in showers.images.items():
        problem = cell_problem(image)
        if problem is not None:
            raise DataError(f"{path}: {detector} is not written: {problem}")
    return {detector: _scale(image, 1 / unit) for detector, image in showers.images.items()}


def _scale(cells: NDArray, factor: float) -> NDArray[np.float32]:
    """Return cells times a factor, in single precision but computed in double, without a second copy of them."""
    scaled = np.empty(cells.shape, dtype=np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.multiply(cells, factor, out=scaled, dtype=np.float64, casting="same_kind")


def check_grid(path: Path | str, showers: Showers) -> None:
    """Raise unless showers have an image ECAL, and all images are on a grid of x, y, z cells."""
    if "ECAL" not in showers.images or any(image.ndim != 4 for image in showers.images.values()):
        names = ", ".join(f"{name} {image.shape}" for name, image in showers.images.items())
        raise DataError(
            f"{path}: showers without an ECAL image (n, x, y, z) cannot be written; images are {names or '(none)'}"
        )


def check_known(path: Path | str, conditions: Conditions) -> None:
    """Raise unless the particle class of all events is known."""
    if (conditions.particle == UNKNOWN).any():
        raise DataError(
            f"{path} would store the particle class, but the source does not tell it; "
            "say it with `hvdgan convert --particle CLASS`"
        )


def check_straight(path: Path | str, conditions: Conditions) -> None:
    """Raise unless all particles enter perpendicularly: the layout has no place for angles."""
    tilt = np.abs(conditions.theta - np.pi / 2)
    if (tilt > TILT).any():
        raise DataError(
            f"{path}: this layout stores no angles, but event {int(np.argmax(tilt > TILT))} of a block enters at "
            f"theta = {conditions.theta[np.argmax(tilt > TILT)]:.3g}; write lcd_v1 or lcd_window instead"
        )
