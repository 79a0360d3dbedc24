"""Tracks of minimum ionising particles: Landau-distributed losses in thin active layers.

Most probable loss: Particle Data Group, "Passage of particles through matter", in the limit of high energies. Landau's
distribution has no mean; here it ends where its mean is the material's. The relativistic rise is left out.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import landau

from hvdgan.calo.medium import Material

ELECTRON_MASS_MEV = 0.511
MODE = -0.22278
"""Where Landau's distribution has its maximum."""


def width(material: Material, thickness_mm: NDArray) -> NDArray[np.float64]:
    """Return xi, the scale of Landau's distribution, in MeV.

    Args:
        material: What is crossed.
        thickness_mm: Length of the path in it in mm, any shape.
    """
    return 0.1535 * material.z / material.a * material.density * 0.1 * np.asarray(thickness_mm, dtype=np.float64)


def most_probable_loss(material: Material, thickness_mm: NDArray) -> NDArray[np.float64]:
    """Return the most probable loss in MeV, shaped like the thickness in mm.

    >>> silicon = Material(14.0, 28.09, 2.33, 93.7, 0.388)
    >>> round(float(most_probable_loss(silicon, 0.5)), 3)
    0.145
    """
    xi = width(material, thickness_mm)
    plasma_ev = 28.816 * np.sqrt(material.density * material.z / material.a)
    return xi * (np.log(2e12 * ELECTRON_MASS_MEV * xi / plasma_ev**2) + 0.2)


def draw_losses(material: Material, thickness_mm: NDArray, generator: np.random.Generator) -> NDArray[np.float64]:
    """Draw the losses of minimum ionising particles in GeV.

    Args:
        material: What is crossed.
        thickness_mm: Length of each path in it in mm, any shape.
        generator: Source of random numbers.

    Returns:
        Losses in GeV, shaped like `thickness_mm`; their mean is the material's `mip_mev_per_mm`.
    """
    xi, peak = width(material, thickness_mm), most_probable_loss(material, thickness_mm)
    wanted = (material.mip_mev_per_mm * thickness_mm - peak) / xi + MODE
    values, below, mean_below = _landau()
    uniform = generator.random(np.shape(thickness_mm)) * np.interp(wanted, mean_below, below)
    return 1e-3 * np.maximum(peak + xi * (np.interp(uniform, below, values) - MODE), 0.0)


@cache
def _landau() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return values of Landau's variable, the probability to be below them, and the mean of all that is below them.

    scipy's variable x is Landau's as pi / 2 x + ln(pi / 2).
    """
    values = np.concatenate([np.linspace(-4.0, 10.0, 1401), np.geomspace(10.05, 1e4, 600)])
    below = landau.cdf((values - np.log(0.5 * np.pi)) / (0.5 * np.pi))
    pieces, centres = np.diff(below), 0.5 * (values[1:] + values[:-1])
    mean_below = np.cumsum(pieces * centres) / np.cumsum(pieces)
    return values[1:], below[1:], mean_below
