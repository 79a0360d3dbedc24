"""Known layouts of shower files: one small class each, found by looking into the file, never at its name."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hvdgan.calo.shower import Conditions, Showers
from hvdgan.data import hdf5
from hvdgan.data.checks import cell_problem, target_problem
from hvdgan.data.hdf5 import Layout, Reader
from hvdgan.errors import DataError


@dataclass(frozen=True)
class Contents:
    """What a file holds, as far as keys, shapes and types tell.

    Args:
        count: Number of events.
        shapes: Cells along x, y, z, by detector.
    """

    count: int
    shapes: dict[str, tuple[int, int, int]]


class Format(Protocol):
    """One layout of a shower file."""

    name: str
    keys: tuple[str, ...]
    """The keys that tell this layout from the others."""
    summary: str

    def check(self, file: Reader, detectors: tuple[str, ...]) -> Contents:
        """Check keys, shapes, types and counts, without reading an event.

        Raises:
            DataError: Something does not fit; names the file and the key.
        """

    def read_conditions(self, file: Reader, start: int, stop: int) -> Conditions:
        """Return the conditions of events start to stop (excluded).

        Raises:
            DataError: A value cannot be; names the file, the key and the first bad event.
        """

    def read_images(self, file: Reader, detector: str, start: int, stop: int) -> NDArray[np.float32]:
        """Return the deposits in GeV, (n, x, y, z), of events start to stop (excluded).

        Raises:
            DataError: A cell cannot be; names the file, the key and the first bad event.
        """

    def write(self, path: Path | str, showers: Showers) -> None:
        """Write showers, atomically."""

    def write_blocks(self, path: Path | str, blocks: Iterable[Showers]) -> None:
        """Write showers that do not fit into memory at once, block after block, atomically."""

    def describe(self, file: Reader) -> dict[str, Any]:
        """Return format, detectors, events, compression and events per chunk as a plain row."""


class LcdV1:
    """Fixed window of the LCD/CLIC samples: `ECAL`, optionally `HCAL`, and `target`.

    Images are (N, x, y, z) in GeV. `target` is (N, 1, 5) or (N, 5): PDG id, energy and momentum px, py, pz in GeV.
    The polar angle theta is counted from the z axis of the momentum; perpendicular incidence (theta = pi/2) at phi = 0
    has its momentum along x. Momenta are written in the limit of vanishing mass, p = E; only directions are read back.
    """

    name = "lcd_v1"
    keys = ("ECAL", "target")
    summary = "ECAL (N, x, y, z) in GeV and target (N, 1, 5) = PDG id, E, px, py, pz"
    detectors = ("ECAL", "HCAL")

    def check(self, file: Reader, detectors: tuple[str, ...]) -> Contents:
        """Check keys, shapes, types and counts, without reading an event."""
        target = file.layout("target")
        _check_type(file, "target", target)
        if target.shape[1:] not in ((1, 5), (5,)):
            raise DataError(f"{file.path}: target has shape {target.shape}; (N, 1, 5) or (N, 5) is needed")
        if target.shape[0] == 0:
            raise DataError(f"{file.path}: target holds zero events")
        count = target.shape[0]
        return Contents(count, {detector: _image_shape(file, detector, count) for detector in detectors})

    def read_conditions(self, file: Reader, start: int, stop: int) -> Conditions:
        """Return the conditions of events start to stop (excluded)."""
        rows = file.read("target", start, stop).reshape(stop - start, 5).astype(np.float64)
        _check(file, "target", target_problem(rows, start))
        return _conditions(rows)

    def read_images(self, file: Reader, detector: str, start: int, stop: int) -> NDArray[np.float32]:
        """Return the deposits in GeV, (n, x, y, z), of events start to stop (excluded)."""
        with np.errstate(over="ignore"):
            images = file.read(detector, start, stop).astype(np.float32, copy=False)
        _check(file, detector, cell_problem(images, start))
        return images

    def write(self, path: Path | str, showers: Showers) -> None:
        """Write showers, atomically."""
        self.write_blocks(path, [showers])

    def write_blocks(self, path: Path | str, blocks: Iterable[Showers]) -> None:
        """Write showers, block after block, atomically.

        Raises:
            DataError: A block has no ECAL image, or a cell that is not finite or negative; the disk is not writable.
        """
        hdf5.write(path, (_arrays(path, block) for block in blocks))

    def describe(self, file: Reader) -> dict[str, Any]:
        """Return format, detectors, events, compression and events per chunk as a plain row."""
        present = tuple(key for key in self.detectors if key in file.keys())  # noqa: SIM118 - a method, no mapping
        contents = self.check(file, present)
        layout = file.layout("ECAL")
        return {
            "format": self.name,
            "detectors": {detector: list(shape) for detector, shape in contents.shapes.items()},
            "events": contents.count,
            "compression": layout.compression,
            "chunk": layout.chunk,
        }


FORMATS: dict[str, Format] = {LcdV1.name: LcdV1()}
"""The layouts by the names `data.format` knows."""


def find_format(file: Reader, name: str = "auto") -> Format:
    """Return the layout of a file.

    Args:
        file: The file.
        name: Name of a layout, or "auto" to look into the file.

    Raises:
        DataError: The name is unknown, or the file has none of the known layouts; says which keys it has.
    """
    if name != "auto":
        if name not in FORMATS:
            raise DataError(f"format {name} is unknown; legal are auto, {', '.join(FORMATS)}")
        return FORMATS[name]
    keys = set(file.keys())
    nearest = max(FORMATS.values(), key=lambda known: len(keys & set(known.keys)) / len(known.keys))
    if keys.issuperset(nearest.keys):
        return nearest
    missing = ", ".join(key for key in nearest.keys if key not in keys)
    raise DataError(
        f"{file.path}: missing key {missing}; keys are {', '.join(sorted(keys)) or '(none)'}; "
        f"the nearest known layout is {nearest.name}: {nearest.summary}"
    )


def _check(file: Reader, key: str, problem: str | None) -> None:
    """Raise a problem, if there is one."""
    if problem is not None:
        raise DataError(f"{file.path}: {key}: {problem}")


def _check_type(file: Reader, key: str, layout: Layout) -> None:
    """Raise unless the elements are real floating point numbers of a usual size."""
    if layout.dtype.kind != "f" or layout.dtype.itemsize not in (2, 4, 8):
        raise DataError(f"{file.path}: {key} has type {layout.dtype}; floating point numbers (float32) are needed")


def _image_shape(file: Reader, detector: str, count: int) -> tuple[int, int, int]:
    """Return the cells along x, y, z after checking the images' type, shape and number."""
    layout = file.layout(detector)
    _check_type(file, detector, layout)
    if len(layout.shape) != 4 or 0 in layout.shape[1:]:
        raise DataError(f"{file.path}: {detector} has shape {layout.shape}; (N, x, y, z) is needed")
    if layout.shape[0] != count:
        raise DataError(f"{file.path}: {detector} holds {layout.shape[0]} events but target holds {count}")
    return layout.shape[1:]


def _conditions(rows: NDArray[np.float64]) -> Conditions:
    """Return the conditions told by rows of PDG id, E, px, py, pz in GeV, (n, 5)."""
    particle, energy, px, py, pz = rows.T
    theta = np.arctan2(np.hypot(px, py), pz)
    phi = np.arctan2(py, px)
    return Conditions(
        energy.astype(np.float32), particle.astype(np.int32), theta.astype(np.float32), phi.astype(np.float32)
    )


def _rows(conditions: Conditions) -> NDArray[np.float32]:
    """Return PDG id, E, px, py, pz in GeV, (n, 5)."""
    energy, theta, phi = (getattr(conditions, name).astype(np.float64) for name in ("energy", "theta", "phi"))
    across = energy * np.sin(theta)
    momentum = (across * np.cos(phi), across * np.sin(phi), energy * np.cos(theta))
    return np.stack([conditions.particle, energy, *momentum], axis=1).astype(np.float32)


def _arrays(path: Path | str, showers: Showers) -> dict[str, NDArray]:
    """Return the arrays of a file in this layout."""
    if "ECAL" not in showers.images:
        raise DataError(f"{path}: showers without an ECAL image cannot be written; images are {list(showers.images)}")
    for detector, image in showers.images.items():
        problem = cell_problem(image)
        if problem is not None:
            raise DataError(f"{path}: {detector} is not written: {problem}")
    images = {detector: np.asarray(image, dtype=np.float32) for detector, image in showers.images.items()}
    return {**images, "target": _rows(showers.conditions)[:, None, :]}
