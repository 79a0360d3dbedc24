"""What every layout of a shower file can do, and what a person may say of a file that does not say it itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from hvdgan.calo.shower import PARTICLES, Conditions, Showers
from hvdgan.data.hdf5 import Reader
from hvdgan.errors import DataError


@dataclass(frozen=True)
class Contents:
    """What a file holds, as far as keys, shapes and types tell.

    Args:
        count: Number of events.
        shapes: Cells along the axes of an event, by detector; x, y, z for a regular grid.
    """

    count: int
    shapes: dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Stated:
    """What a person says of a file; it must not contradict the file.

    Args:
        particle: Class of all events, for a file that does not store it; None says nothing.
        binning: XML file with the layers of a cylindrical calorimeter; None says nothing.

    Raises:
        DataError: The particle class is unknown.
    """

    particle: str | None = None
    binning: Path | None = None

    def __post_init__(self) -> None:
        """Check the particle class."""
        if self.particle is not None and self.particle not in PARTICLES:
            raise DataError(f"particle {self.particle} is unknown; legal are {', '.join(PARTICLES)}")

    def pdg(self, implied: int) -> int:
        """Return the PDG id that stands for the stated class, or what the file implies when nothing is stated."""
        return implied if self.particle is None else PARTICLES[self.particle]


NOTHING = Stated()
"""Leaves everything to the file."""


class Format(Protocol):
    """One layout of a shower file; an object without arguments can write, one made by `bind` can read a file."""

    name: str
    keys: tuple[str, ...]
    """The keys that tell this layout from the others."""
    summary: str
    open_to: tuple[str, ...]
    """The fields of `Stated` that this layout leaves to a person."""
    in_gev: bool
    """Whether images are stored as they are wanted: cells along x, y, z in GeV."""

    @classmethod
    def bind(cls, file: Reader, stated: Stated) -> Self:
        """Return the layout as it is in one file: its units, its binning, its particle class.

        Raises:
            DataError: The file does not tell enough, or contradicts what is stated.
        """

    def detectors(self, file: Reader) -> tuple[str, ...]:
        """Return the names of the images that the file has."""

    def key(self, detector: str) -> str:
        """Return the array that holds an image."""

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
        """Return the deposits in GeV, (n, *cells), of events start to stop (excluded).

        Raises:
            DataError: A cell cannot be; names the file, the key and the first bad event.
        """

    def write_blocks(self, path: Path | str, blocks: Iterable[Showers]) -> None:
        """Write showers that do not fit into memory at once, block after block, atomically.

        Raises:
            DataError: The layout has no place for these showers, or the disk is not writable.
        """
