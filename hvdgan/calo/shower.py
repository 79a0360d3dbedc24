"""Showers and the conditions they were made under: the currency between all rooms.

Units are fixed here for the whole project: energies in GeV, angles in radians, particles as PDG ids.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hvdgan.errors import DataError

PARTICLES = {"electron": 11, "photon": 22, "pi0": 111, "charged_hadron": 211, "neutral_hadron": 130}
"""Names users give to particle classes, and the PDG id that stands for each."""
UNKNOWN = 0
"""Stands for the PDG id where a file does not tell it; no particle has it."""


def particle_name(pdg: int) -> str:
    """Return the class name of a PDG id, or the id as text when it has none.

    >>> particle_name(-11), particle_name(22), particle_name(13), particle_name(UNKNOWN)
    ('electron', 'photon', '13', 'unknown')
    """
    names = {number: name for name, number in PARTICLES.items()} | {UNKNOWN: "unknown"}
    return names.get(abs(int(pdg)), str(int(pdg)))


@dataclass(frozen=True)
class Conditions:
    """What entered the calorimeter, one entry per event.

    Args:
        energy: Incident energy in GeV, shape (n,), float32, positive and finite.
        particle: PDG id, shape (n,), int32; `UNKNOWN` where the source does not tell.
        theta: Polar angle of incidence in radians, shape (n,), float32; pi/2 is perpendicular.
        phi: Azimuthal angle in radians, shape (n,), float32.

    Raises:
        DataError: A column has another length than `energy`, or an energy is not positive and finite.
    """

    energy: NDArray[np.float32]
    particle: NDArray[np.int32]
    theta: NDArray[np.float32]
    phi: NDArray[np.float32]

    def __post_init__(self) -> None:
        """Check lengths and values."""
        for name in ("energy", "particle", "theta", "phi"):
            shape = np.shape(getattr(self, name))
            if shape != (len(self.energy),):
                raise DataError(f"{name} has shape {shape}; one value per event, ({len(self.energy)},), is needed")
        if not (np.isfinite(self.energy).all() and (self.energy > 0).all()):
            raise DataError("incident energies must be positive and finite, in GeV")

    @classmethod
    def perpendicular(cls, energy: NDArray, particle: int | NDArray = 11) -> "Conditions":
        """Build conditions of perpendicular incidence.

        Args:
            energy: Incident energies in GeV, shape (n,).
            particle: One PDG id for all events, or one per event, shape (n,).
        """
        energy = np.atleast_1d(np.asarray(energy, dtype=np.float32))
        particles = np.broadcast_to(np.asarray(particle, dtype=np.int32), energy.shape)
        return cls(energy, particles.copy(), np.full_like(energy, np.pi / 2), np.zeros_like(energy))

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.energy)

    def __getitem__(self, events: slice | NDArray) -> "Conditions":
        """Return the conditions of some of the events."""
        return Conditions(self.energy[events], self.particle[events], self.theta[events], self.phi[events])


@dataclass(frozen=True)
class Showers:
    """Energy deposits, with the conditions they came from.

    Args:
        conditions: n events.
        images: Deposited energy in GeV by detector, float32. A detector of one regular grid ("ECAL", "HCAL") is
            (n, x, y, z): x and y lie across the shower, z (the layer) along it; only these can be learned. Where layers
            have cells of their own, each is a detector ("layer_0", ...) with the axes its cells have, (n, ...).

    Raises:
        DataError: An image holds another number of events, or has no cells along any axis.
    """

    conditions: Conditions
    images: dict[str, NDArray[np.float32]]

    def __post_init__(self) -> None:
        """Check shapes."""
        for detector, image in self.images.items():
            if image.ndim < 2 or len(image) != len(self.conditions):
                raise DataError(
                    f"{detector} has shape {image.shape}; ({len(self.conditions)}, x, y, z) in GeV is needed, "
                    f"or ({len(self.conditions)}, ...) for one of several layers"
                )

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.conditions)

    def __getitem__(self, events: slice | NDArray) -> "Showers":
        """Return some of the events."""
        return Showers(self.conditions[events], {name: image[events] for name, image in self.images.items()})
