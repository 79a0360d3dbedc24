"""The samples that 3DGAN was trained on with MPI: images `X` and labels `y`."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hvdgan.calo.shower import PARTICLES, Conditions, Showers
from hvdgan.data import hdf5
from hvdgan.data.formats.arrays import (
    check_count,
    check_grid,
    check_numbers,
    check_straight,
    count_events,
    from_gev,
    read_energies,
    to_energies,
    to_gev,
)
from hvdgan.data.formats.interface import Contents, Stated
from hvdgan.data.hdf5 import Reader
from hvdgan.errors import DataError

HUNDRED = 100.0
"""Unit of the energies in GeV, in the newer samples."""
SAMPLE = 64
"""Events that tell the unit."""
AS_GEV, AS_HUNDRED = 0.1, 0.4
"""Deposits over `y` are 0.02 for electrons where `y` is in GeV and 2 where it is in 100 GeV; between these two values
neither is plausible."""


@dataclass(frozen=True)
class ThreeDGan:
    """3DGAN's merged samples: `X` (N, 25, 25, 25, 1) and the group `y` of arrays `a`, `b`, `c`, each (N,).

    Known from the programs that made them: `X` is the ECAL of electron files of lcd_v1 in GeV with small cells set to
    zero; `a` is one, `b` the incident energy, `c` the sum of the cells. Older samples have `b` in GeV, newer ones in
    100 GeV: which, the deposits in the file tell. Assumed: where `y` is one array (N, k), its column 1 is `b`. The
    particle class is electron unless another one is stated. Any number of cells is read, with or without the last axis.
    Written are energies in 100 GeV; classes are not stored.

    Args:
        unit: Unit of the energies in GeV.
        particle: PDG id of all events.
    """

    unit: float = HUNDRED
    particle: int = PARTICLES["electron"]

    name = "threedgan"
    keys = ("X", "y")
    summary = "X (N, x, y, z, 1) in GeV and the group y: a = 1, b = energy in GeV or 100 GeV, c = sum of X"
    open_to = ("particle",)
    in_gev = False

    @classmethod
    def bind(cls, file: Reader, stated: Stated) -> Self:
        """Return the layout in the unit that the first events show."""
        layout = cls(1.0, stated.pdg(PARTICLES["electron"]))
        count = min(SAMPLE, layout.check(file, ("ECAL",)).count)
        deposited = float(layout.read_images(file, "ECAL", 0, count).sum(dtype=np.float64))
        ratio = deposited / float(layout.read_conditions(file, 0, count).energy.sum(dtype=np.float64))
        if not 0 < ratio <= AS_GEV and not ratio >= AS_HUNDRED:
            raise DataError(
                f"{file.path}: the cells of the first {count} events sum up to {ratio:.3g} times the energies in y, so "
                f"that the unit of y cannot be told: up to {AS_GEV} is GeV, from {AS_HUNDRED} on 100 GeV"
            )
        return cls(1.0 if ratio <= AS_GEV else HUNDRED, layout.particle)

    def detectors(self, file: Reader) -> tuple[str, ...]:
        """Return ECAL."""
        return ("ECAL",)

    def key(self, detector: str) -> str:
        """Return X."""
        return "X"

    def check(self, file: Reader, detectors: tuple[str, ...]) -> Contents:
        """Check keys, shapes, types and counts, without reading an event."""
        count = _count_labels(file)
        shape = check_numbers(file, "X").shape
        if not (len(shape) == 4 or (len(shape) == 5 and shape[4] == 1)) or 0 in shape[1:]:
            raise DataError(f"{file.path}: X has shape {shape}; (N, x, y, z, 1) or (N, x, y, z) is needed")
        check_count(file, "X", shape[0], count, "y")
        return Contents(count, dict.fromkeys(detectors, shape[1:4]))

    def read_conditions(self, file: Reader, start: int, stop: int) -> Conditions:
        """Return the conditions of events start to stop (excluded)."""
        if file.has("y/b"):
            energy = read_energies(file, "y/b", start, stop, self.unit)
        else:
            energy = to_energies(file, "y", file.read("y", start, stop)[:, 1], start, self.unit)
        return Conditions.perpendicular(energy, self.particle)

    def read_images(self, file: Reader, detector: str, start: int, stop: int) -> NDArray[np.float32]:
        """Return the deposits in GeV, (n, x, y, z), of events start to stop (excluded)."""
        images = file.read("X", start, stop)
        return to_gev(file, "X", images.reshape(images.shape[:4]), start)

    def write_blocks(self, path: Path | str, blocks: Iterable[Showers]) -> None:
        """Write showers, block after block, atomically.

        Raises:
            DataError: A block has no ECAL image, an angle, or a cell that is not finite or negative; the disk is not
                writable.
        """
        hdf5.write(path, (_arrays(path, block) for block in blocks))


def _count_labels(file: Reader) -> int:
    """Return the number of events of y, whichever of its two forms it has."""
    if file.has("y/b"):
        return count_events(file, "y/b")
    shape = check_numbers(file, "y").shape
    if len(shape) != 2 or shape[0] == 0 or shape[1] < 2:
        raise DataError(f"{file.path}: y has shape {shape}; a group with an array b, or (N, k) of at least 2 columns")
    return shape[0]


def _arrays(path: Path | str, showers: Showers) -> dict[str, NDArray]:
    """Return the arrays of a file in this layout."""
    check_grid(path, showers)
    check_straight(path, showers.conditions)
    images = from_gev(path, showers)["ECAL"]
    total = images.sum(axis=(1, 2, 3), dtype=np.float64).astype(np.float32)
    energy = (showers.conditions.energy / np.float64(HUNDRED)).astype(np.float32)
    return {"X": images[..., None], "y/a": np.ones_like(energy), "y/b": energy, "y/c": total}
