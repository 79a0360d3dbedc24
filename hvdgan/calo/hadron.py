"""The formulas of hadronic showers: how much becomes electromagnetic, and where the rest is deposited.

Longitudinal form: R. K. Bock et al., Nucl. Instrum. Meth. 186 (1981) 533, with the hadronic part's constants of
Y. A. Kulchitsky et al., hep-ex/9903019, for pions in iron. The tungsten calorimeter is taken to follow the same form
in units of its own interaction length. Electromagnetic fraction: R. Wigmans, "Calorimetry". Energies are in GeV, depths
and radii in interaction lengths.

Assumed, because no published number was at hand: `EM_CONCENTRATION`, `HADRON_OVER_E`, `HADRON_RESOLUTION` and the
constants of the lateral profile.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc

from hvdgan.calo.shower import PARTICLES

MULTIPLICITY_EXPONENT = 0.82
"""k of Wigmans' formula."""

ONSET_GEV: Mapping[int, float] = MappingProxyType({PARTICLES["charged_hadron"]: 1.0, PARTICLES["neutral_hadron"]: 2.6})
"""E0 by PDG id: pions; and hadrons whose baryon number or strangeness no neutral pion can carry on."""

EM_CONCENTRATION = 8.0
"""The electromagnetic fraction f fluctuates with the variance f (1 - f) / (1 + 8), 0.17^2 at one half (assumed)."""

HADRON_OVER_E: Mapping[str, float] = MappingProxyType({"ECAL": 1 / 1.5, "HCAL": 1 / 1.3})
"""Response to the non-electromagnetic part over that to the electromagnetic one (assumed)."""

HADRON_RESOLUTION = 0.5
"""Fluctuation of the non-electromagnetic part in GeV^0.5 (assumed)."""

SPOTS_PER_GEV = 40.0
"""Spots that the non-electromagnetic part is split into: about as many as it makes hits of charged particles."""

RADIUS_AT_START, RADIUS_GROWTH, RADIUS_SHRINKING = 0.08, 0.11, 0.012
RADIUS_SPREAD = 0.3
"""The median radius fluctuates log-normally from event to event (assumed)."""


def mean_em_fraction(energy: NDArray, onset: NDArray) -> NDArray[np.float64]:
    """Return the mean electromagnetic fraction, 1 - (E / E0)^(k - 1), and 0 below E0.

    Args:
        energy: Incident energy in GeV, shape (n,).
        onset: E0 in GeV, shape (n,).

    >>> mean_em_fraction(np.array([1.0, 100.0]), np.array([1.0, 1.0])).round(3).tolist()
    [0.0, 0.563]
    """
    return np.maximum(1.0 - (energy / onset) ** (MULTIPLICITY_EXPONENT - 1.0), 0.0)


def draw_em_fraction(energy: NDArray, onset: NDArray, generator: np.random.Generator) -> NDArray[np.float64]:
    """Draw electromagnetic fractions: beta-distributed around their mean, shape (n,)."""
    mean = mean_em_fraction(energy, onset)
    pair = generator.standard_gamma(EM_CONCENTRATION * np.stack([mean, 1.0 - mean]))
    return pair[0] / pair.sum(axis=0)


def draw_first_interaction(count: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Draw where hadrons interact first, in interaction lengths along their path, shape (count,)."""
    return generator.exponential(1.0, count)


def share_hadronic(energy: NDArray, edges: NDArray) -> NDArray[np.float64]:
    """Return the share of the non-electromagnetic part between depths: x^(a - 1) exp(-d x), normalised.

    Args:
        energy: Incident energy in GeV, shape (n,).
        edges: Depths in interaction lengths after the first interaction, shape (n, layers + 1).

    Returns:
        Shares, shape (n, layers); a row adds up to less than 1 where the shower leaks.
    """
    alpha = 0.786 + 0.427 * np.log(energy)[:, None]
    return np.diff(gammainc(alpha, 0.978 * np.maximum(edges, 0.0)), axis=1)


def median_radius(energy: NDArray, depth: NDArray) -> NDArray[np.float64]:
    """Return R of the lateral profile 2 r R^2 / (r^2 + R^2)^2, linear in depth; half of the energy lies within.

    Args:
        energy: Incident energy in GeV, shape (n,).
        depth: Depth in interaction lengths after the first interaction, shape (n, layers).

    Returns:
        Radii in interaction lengths, shape (n, layers).
    """
    growth = np.maximum(RADIUS_GROWTH - RADIUS_SHRINKING * np.log(energy), 0.01)
    return RADIUS_AT_START + growth[:, None] * np.maximum(depth, 0.0)
