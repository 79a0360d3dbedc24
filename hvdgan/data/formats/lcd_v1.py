"""The fixed window of the LCD/CLIC samples, in which hvdgan also writes its own showers."""

from collections.abc import Iterable
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hvdgan.calo.shower import Conditions, Showers
from hvdgan.data import hdf5
from hvdgan.data.checks import target_problem
from hvdgan.data.formats.arrays import check, check_grid, check_known, check_numbers, from_gev, image_shape, to_gev
from hvdgan.data.formats.interface import Contents, Stated
from hvdgan.data.hdf5 import Reader
from hvdgan.errors import DataError


class LcdV1:
    """Fixed window of the LCD/CLIC samples: `ECAL`, optionally `HCAL`, and `target`.

    Images are (N, x, y, z) in GeV. `target` is (N, 1, 5) or (N, 5): PDG id, energy and momentum px, py, pz in GeV.
    The polar angle theta is counted from the z axis of the momentum; perpendicular incidence (theta = pi/2) at phi = 0
    has its momentum along x. Momenta are written in the limit of vanishing mass, p = E; only directions are read back.
    """

    name = "lcd_v1"
    keys = ("ECAL", "target")
    summary = "ECAL (N, x, y, z) in GeV and target (N, 1, 5) = PDG id, E, px, py, pz"
    open_to: tuple[str, ...] = ()
    in_gev = True

    @classmethod
    def bind(cls, file: Reader, stated: Stated) -> Self:
        """Return the layout; a file in it tells everything itself."""
        return cls()

    def detectors(self, file: Reader) -> tuple[str, ...]:
        """Return ECAL, and HCAL where it is stored."""
        return tuple(key for key in ("ECAL", "HCAL") if file.has(key))

    def key(self, detector: str) -> str:
        """Return the detector's own name."""
        return detector

    def check(self, file: Reader, detectors: tuple[str, ...]) -> Contents:
        """Check keys, shapes, types and counts, without reading an event."""
        shape = check_numbers(file, "target").shape
        if shape[1:] not in ((1, 5), (5,)):
            raise DataError(f"{file.path}: target has shape {shape}; (N, 1, 5) or (N, 5) is needed")
        if shape[0] == 0:
            raise DataError(f"{file.path}: target holds zero events")
        return Contents(shape[0], {name: image_shape(file, name, shape[0], "target") for name in detectors})

    def read_conditions(self, file: Reader, start: int, stop: int) -> Conditions:
        """Return the conditions of events start to stop (excluded)."""
        rows = file.read("target", start, stop).reshape(stop - start, 5).astype(np.float64)
        check(file, "target", target_problem(rows, start))
        return _conditions(rows)

    def read_images(self, file: Reader, detector: str, start: int, stop: int) -> NDArray[np.float32]:
        """Return the deposits in GeV, (n, x, y, z), of events start to stop (excluded)."""
        return to_gev(file, detector, file.read(detector, start, stop), start)

    def write(self, path: Path | str, showers: Showers) -> None:
        """Write showers, atomically."""
        self.write_blocks(path, [showers])

    def write_blocks(self, path: Path | str, blocks: Iterable[Showers]) -> None:
        """Write showers, block after block, atomically.

        Raises:
            DataError: A block has no ECAL image, a particle of unknown class, or a cell that is not finite or
                negative; the disk is not writable.
        """
        hdf5.write(path, (_arrays(path, block) for block in blocks))


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
    check_grid(path, showers)
    check_known(path, showers.conditions)
    return {**from_gev(path, showers), "target": _rows(showers.conditions)[:, None, :]}
