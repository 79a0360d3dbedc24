"""The samples of CaloGAN: three layers, each with cells of its own."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hvdgan.calo.shower import UNKNOWN, Conditions, Showers
from hvdgan.data import hdf5
from hvdgan.data.formats.arrays import (
    MEV,
    check_count,
    check_numbers,
    check_straight,
    count_events,
    from_gev,
    read_energies,
    to_gev,
)
from hvdgan.data.formats.interface import Contents, Stated
from hvdgan.data.hdf5 import Reader
from hvdgan.errors import DataError

CELLS = {"layer_0": (3, 96), "layer_1": (12, 12), "layer_2": (12, 6), "overflow": (3,)}
"""Cells of each layer along phi and eta; `overflow`, which not all files have, is the energy beside those cells."""


@dataclass(frozen=True)
class CaloGan:
    """CaloGAN's lead and liquid argon: `layer_0` (N, 3, 96), `layer_1` (N, 12, 12), `layer_2` (N, 12, 6) in MeV.

    `energy` is (N, 1) in GeV, `overflow` (N, 3) in MeV. Particles enter perpendicularly; their class is one of three,
    by file, and is not stored: it is unknown until it is stated. The layers stay images of their own, in GeV.

    Args:
        particle: PDG id of all events.
    """

    particle: int = UNKNOWN

    name = "calogan"
    keys = ("energy", "layer_0", "layer_1", "layer_2")
    summary = "energy (N, 1) in GeV, layer_0 (N, 3, 96), layer_1 (N, 12, 12) and layer_2 (N, 12, 6) in MeV"
    open_to = ("particle",)
    in_gev = False

    @classmethod
    def bind(cls, file: Reader, stated: Stated) -> Self:
        """Return the layout with the stated particle class."""
        return cls(stated.pdg(UNKNOWN))

    def detectors(self, file: Reader) -> tuple[str, ...]:
        """Return the layers, and the overflow where it is stored."""
        return tuple(key for key in CELLS if file.has(key))

    def key(self, detector: str) -> str:
        """Return the layer's own name."""
        return detector

    def check(self, file: Reader, detectors: tuple[str, ...]) -> Contents:
        """Check keys, shapes, types and counts, without reading an event."""
        count = count_events(file, "energy")
        for detector in detectors:
            shape = check_numbers(file, detector).shape
            if shape[1:] != CELLS[detector]:
                needed = ", ".join(map(str, CELLS[detector]))
                raise DataError(f"{file.path}: {detector} has shape {shape}; (N, {needed}) is needed")
            check_count(file, detector, shape[0], count, "energy")
        return Contents(count, {detector: CELLS[detector] for detector in detectors})

    def read_conditions(self, file: Reader, start: int, stop: int) -> Conditions:
        """Return the conditions of events start to stop (excluded)."""
        return Conditions.perpendicular(read_energies(file, "energy", start, stop), self.particle)

    def read_images(self, file: Reader, detector: str, start: int, stop: int) -> NDArray[np.float32]:
        """Return a layer's deposits in GeV, (n, phi, eta), of events start to stop (excluded)."""
        return to_gev(file, detector, file.read(detector, start, stop), start, MEV)

    def write_blocks(self, path: Path | str, blocks: Iterable[Showers]) -> None:
        """Write showers, block after block, atomically; their class is not stored.

        Raises:
            DataError: The images are not CaloGAN's layers, an event enters at an angle, or a cell is not finite or
                negative; the disk is not writable.
        """
        hdf5.write(path, (_arrays(path, block) for block in blocks))


def _arrays(path: Path | str, showers: Showers) -> dict[str, NDArray]:
    """Return the arrays of a file in this layout."""
    shapes = {detector: image.shape[1:] for detector, image in showers.images.items()}
    if shapes not in (CELLS, {key: cells for key, cells in CELLS.items() if key != "overflow"}):
        raise DataError(f"{path}: images {shapes} are not the layers of CaloGAN, {CELLS}")
    check_straight(path, showers.conditions)
    return {"energy": showers.conditions.energy[:, None], **from_gev(path, showers, MEV)}
