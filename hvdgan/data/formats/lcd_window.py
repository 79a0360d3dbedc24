"""The large window of the LCD/CLIC samples, with variable angles."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hvdgan.calo.shower import UNKNOWN, Conditions, Showers
from hvdgan.data import hdf5
from hvdgan.data.checks import angle_problem, particle_problem
from hvdgan.data.formats.arrays import (
    check,
    check_count,
    check_grid,
    check_known,
    count_events,
    from_gev,
    image_shape,
    read_column,
    read_energies,
    to_gev,
)
from hvdgan.data.formats.interface import Contents, Stated
from hvdgan.data.hdf5 import Reader
from hvdgan.errors import DataError

CELL_UNIT = 1 / 50
"""Unit of the cells in GeV."""
OPTIONAL = {"pdgID": "fiu", "theta": "f", "phi": "f"}
"""Columns that not all files have, and the kinds of numbers they hold."""


@dataclass(frozen=True)
class LcdWindow:
    """Large window of the LCD/CLIC samples: `ECAL` 51 x 51 x 25, `HCAL` 11 x 11 x 60, and one array per condition.

    Known from the program that made the samples: images are (N, x, y, z) in units of 1/50 GeV, ECAL and HCAL alike;
    `energy` is in GeV, (N,) or (N, 1), as are `pdgID`, and `theta` and `phi` in radians. Its many other columns are not
    read. Assumed: a sample without `theta` and `phi` is one of fixed angle, at perpendicular incidence (theta = pi/2,
    phi = 0). A sample without `pdgID` has no particle class until one is stated. Any number of cells is read.

    Args:
        particle: PDG id of all events of a file without `pdgID`.
    """

    particle: int = UNKNOWN

    name = "lcd_window"
    keys = ("ECAL", "energy")
    summary = "ECAL (N, x, y, z) in 1/50 GeV, energy (N,) in GeV, pdgID, theta, phi"
    open_to = ("particle",)
    in_gev = False

    @classmethod
    def bind(cls, file: Reader, stated: Stated) -> Self:
        """Return the layout with the stated particle class."""
        if stated.particle is not None and file.has("pdgID"):
            raise DataError(f"{file.path}: pdgID tells the particles; do not state a class for this file")
        return cls(stated.pdg(UNKNOWN))

    def detectors(self, file: Reader) -> tuple[str, ...]:
        """Return ECAL, and HCAL where it is stored."""
        return tuple(key for key in ("ECAL", "HCAL") if file.has(key))

    def key(self, detector: str) -> str:
        """Return the detector's own name."""
        return detector

    def check(self, file: Reader, detectors: tuple[str, ...]) -> Contents:
        """Check keys, shapes, types and counts, without reading an event."""
        count = count_events(file, "energy")
        for key, kinds in OPTIONAL.items():
            if file.has(key):
                check_count(file, key, count_events(file, key, kinds), count, "energy")
        return Contents(count, {name: image_shape(file, name, count, "energy") for name in detectors})

    def read_conditions(self, file: Reader, start: int, stop: int) -> Conditions:
        """Return the conditions of events start to stop (excluded)."""
        energy = read_energies(file, "energy", start, stop)
        plain = Conditions.perpendicular(energy, self.particle)
        particle, theta, phi = (
            read_column(file, key, start, stop) if file.has(key) else getattr(plain, name)
            for key, name in (("pdgID", "particle"), ("theta", "theta"), ("phi", "phi"))
        )
        check(file, "pdgID", particle_problem(particle, start))
        check(file, "theta", angle_problem(theta, 0, np.pi, start))
        check(file, "phi", angle_problem(phi, -2 * np.pi, 2 * np.pi, start))
        return Conditions(energy, particle.astype(np.int32), theta.astype(np.float32), phi.astype(np.float32))

    def read_images(self, file: Reader, detector: str, start: int, stop: int) -> NDArray[np.float32]:
        """Return the deposits in GeV, (n, x, y, z), of events start to stop (excluded)."""
        return to_gev(file, detector, file.read(detector, start, stop), start, CELL_UNIT)

    def write_blocks(self, path: Path | str, blocks: Iterable[Showers]) -> None:
        """Write showers, block after block, atomically.

        Raises:
            DataError: A block has no ECAL image, a particle of unknown class, or a cell that is not finite or
                negative; the disk is not writable.
        """
        hdf5.write(path, (_arrays(path, block) for block in blocks))


def _arrays(path: Path | str, showers: Showers) -> dict[str, NDArray]:
    """Return the arrays of a file in this layout."""
    check_grid(path, showers)
    check_known(path, showers.conditions)
    conditions = showers.conditions
    columns = {
        "energy": conditions.energy,
        "pdgID": conditions.particle,
        "theta": conditions.theta,
        "phi": conditions.phi,
    }
    return {**from_gev(path, showers, CELL_UNIT), **columns}
