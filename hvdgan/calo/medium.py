"""What showers need to know of matter: materials, and the uniform medium that stands for a stack of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SCALE_ENERGY_MEV = 21.2
"""Multiple-scattering energy of the Moliere radius (Particle Data Group)."""


@dataclass(frozen=True)
class Material:
    """A material of a calorimeter.

    Args:
        z: Atomic number, averaged by mass.
        a: Mass number, averaged by mass.
        density: Density in g/cm3.
        x0_mm: Radiation length in mm.
        mip_mev_per_mm: Mean loss of a minimum ionising particle in MeV/mm.
    """

    z: float
    a: float
    density: float
    x0_mm: float
    mip_mev_per_mm: float

    @property
    def critical_energy(self) -> float:
        """Return the critical energy in MeV: 2.66 (X0 Z / A)^1.1 with X0 in g/cm2 (hep-ex/0001020).

        >>> round(Material(74, 183.84, 19.3, 3.504, 2.21).critical_energy, 1)
        8.0
        """
        x0 = 0.1 * self.x0_mm * self.density
        return 2.66 * (x0 * self.z / self.a) ** 1.1

    @property
    def interaction_mm(self) -> float:
        """Return the nuclear interaction length in mm: 39.6 A^0.302 g/cm2.

        That is a fit to the table of the Particle Data Group, which it follows within 1.5 % from beryllium to uranium.

        >>> round(Material(26, 55.85, 7.874, 17.57, 1.143).interaction_mm)
        169
        """
        return 10.0 * 39.6 * self.a**0.302 / self.density


@dataclass(frozen=True)
class Medium:
    """A uniform medium with the shower scales of a sampling calorimeter.

    Args:
        z: Atomic number, averaged by mass.
        critical_energy: Critical energy Ec in MeV.
        moliere_mm: Moliere radius R_M in mm.
        sampling_frequency: Fs, radiation length over the thickness of a layer.
        e_over_mip: Response to electromagnetic showers over that to minimum ionising particles.
    """

    z: float
    critical_energy: float
    moliere_mm: float
    sampling_frequency: float
    e_over_mip: float

    @classmethod
    def mix(cls, materials: Sequence[Material], thickness_mm: NDArray, layers: int) -> "Medium":
        """Average the materials of a stack (Grindhammer and Peters, hep-ex/0001020).

        Args:
            materials: Absorber, active material and others, in this order.
            thickness_mm: Total thickness of each material in the stack in mm, shape (materials,).
            layers: Number of layers of the stack.
        """
        thickness = np.asarray(thickness_mm, dtype=np.float64)
        mass = thickness * [material.density for material in materials]
        lengths = thickness / [material.x0_mm for material in materials]
        losses = lengths * [material.critical_energy for material in materials]
        absorber, active = materials[0], materials[1]
        return cls(
            z=float(np.average([material.z for material in materials], weights=mass)),
            critical_energy=float(losses.sum() / lengths.sum()),
            moliere_mm=float(SCALE_ENERGY_MEV * thickness.sum() / losses.sum()),
            sampling_frequency=float(layers / lengths.sum()),
            e_over_mip=1.0 / (1.0 + 0.007 * (absorber.z - active.z)),
        )
