"""The data sets of the Fast Calorimeter Simulation Challenge 2022: cylindrical voxels in MeV."""

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
from hvdgan.data.formats.binning import KNOWN, Binning, choose_binning
from hvdgan.data.formats.interface import Contents, Stated
from hvdgan.data.hdf5 import Reader
from hvdgan.errors import DataError


@dataclass(frozen=True)
class CaloChallenge:
    """CaloChallenge: `incident_energies` (N, 1) and `showers` (N, voxels), both in MeV, r fastest, then alpha, then z.

    Data sets 2 and 3 become one image with x the angle alpha, y the radius r and z the layer: 16 x 9 x 45 and
    50 x 18 x 45 cells. The layers of data set 1 differ; each is an image of its own, (n, alpha, r). Particles go along
    the axis of the cylinder. Their class is not stored: what is stated counts, else the data set's own (electron in 2
    and 3, photon for 368 and charged hadron for 533 voxels of 1) or the `pid` of the binning file.

    Args:
        binning: The voxels; None can only write.
        particle: PDG id of all events.
    """

    binning: Binning | None = None
    particle: int = UNKNOWN

    name = "calochallenge"
    keys = ("incident_energies", "showers")
    summary = "incident_energies (N, 1) and showers (N, voxels), both in MeV"
    open_to = ("particle", "binning")
    in_gev = False

    @classmethod
    def bind(cls, file: Reader, stated: Stated) -> Self:
        """Return the layout with the binning that fits the file."""
        shape = check_numbers(file, "showers").shape
        if len(shape) != 2:
            raise DataError(f"{file.path}: showers has shape {shape}; (N, voxels) is needed")
        binning = choose_binning(file.path, shape[1], stated.binning, stated.pdg(UNKNOWN))
        return cls(binning, stated.pdg(binning.particle))

    def detectors(self, file: Reader) -> tuple[str, ...]:
        """Return ECAL for equal layers, else one name for each layer."""
        return tuple(self.binning.shapes)

    def key(self, detector: str) -> str:
        """Return showers."""
        return "showers"

    def check(self, file: Reader, detectors: tuple[str, ...]) -> Contents:
        """Check keys, shapes, types and counts, without reading an event."""
        count = count_events(file, "incident_energies")
        check_count(file, "showers", check_numbers(file, "showers").shape[0], count, "incident_energies")
        return Contents(count, {detector: self.binning.shapes[detector] for detector in detectors})

    def read_conditions(self, file: Reader, start: int, stop: int) -> Conditions:
        """Return the conditions of events start to stop (excluded)."""
        energy = read_energies(file, "incident_energies", start, stop, MEV)
        return Conditions.perpendicular(energy, self.particle)

    def read_images(self, file: Reader, detector: str, start: int, stop: int) -> NDArray[np.float32]:
        """Return the deposits in GeV, (n, alpha, r, z) or (n, alpha, r), of events start to stop (excluded)."""
        cells = self.binning.cut(file.read("showers", start, stop), detector)
        return to_gev(file, "showers", cells, start, MEV)

    def write_blocks(self, path: Path | str, blocks: Iterable[Showers]) -> None:
        """Write showers in one of the challenge's own binnings, block after block, atomically.

        Raises:
            DataError: The images fit none of the binnings, an event enters at an angle, or a cell is not finite or
                negative; the disk is not writable.
        """
        hdf5.write(path, (_arrays(path, block) for block in blocks))


def _arrays(path: Path | str, showers: Showers) -> dict[str, NDArray]:
    """Return the arrays of a file in this layout."""
    shapes = {detector: image.shape[1:] for detector, image in showers.images.items()}
    fitting = [binning for binning in KNOWN if binning.shapes == shapes]
    if not fitting:
        legal = "; ".join(str(binning.shapes) for binning in KNOWN)
        raise DataError(f"{path}: images {shapes} are not those of a CaloChallenge data set: {legal}")
    check_straight(path, showers.conditions)
    energy = (showers.conditions.energy / np.float64(MEV)).astype(np.float32)
    return {"incident_energies": energy[:, None], "showers": fitting[0].flatten(from_gev(path, showers, MEV))}
