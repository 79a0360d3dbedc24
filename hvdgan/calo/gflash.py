"""The formulas of GFLASH for electromagnetic showers in sampling calorimeters.

G. Grindhammer and S. Peters, "The parameterized simulation of electromagnetic showers in homogeneous and sampling
calorimeters", hep-ex/0001020. Symbols are the paper's: E in GeV, y = E / Ec, t in radiation lengths, radii in Moliere
radii, Z of the medium, sampling frequency Fs and e/mip ratio (`ehat`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc

from hvdgan.calo.medium import Medium

PHOTON_CONVERSION_X0 = 9.0 / 7.0
"""Mean depth at which a photon converts, in radiation lengths."""

SMALLEST_ALPHA = 1.1
"""Fluctuations of the profile's shape stop here: at 1 the shower would have its maximum at its start."""


@dataclass(frozen=True)
class Longitudinal:
    """Gamma-distributed depth profiles, f(t) = (b t)^(a-1) b exp(-b t) / Gamma(a) with b = (a - 1) / T.

    Args:
        depth: Depth T of the maximum in radiation lengths, shape (n, 1).
        alpha: Shape a, shape (n, 1).
        mean_alpha: exp<ln a> of showers of this energy, without fluctuations, shape (n, 1).
    """

    depth: NDArray[np.float64]
    alpha: NDArray[np.float64]
    mean_alpha: NDArray[np.float64]

    def share(self, edges: NDArray) -> NDArray[np.float64]:
        """Return the share of the energy between neighbouring depths.

        Args:
            edges: Depths in radiation lengths after the shower's start, shape (n, layers + 1).

        Returns:
            Shares, shape (n, layers); a row adds up to less than 1 where the shower leaks.
        """
        rate = (self.alpha - 1.0) / self.depth
        return np.diff(gammainc(self.alpha, rate * np.maximum(edges, 0.0)), axis=1)

    def of_spots(self, z: float) -> "Longitudinal":
        """Return the profile that the number of spots follows in a sampling calorimeter."""
        alpha = np.maximum(self.alpha * (0.844 + 0.0026 * z), SMALLEST_ALPHA)
        return Longitudinal(self.depth * (0.813 + 0.0019 * z), alpha, self.mean_alpha)

    def age(self, t: NDArray) -> NDArray[np.float64]:
        """Return tau, the depth in units of the centre of gravity, corrected for the event's shape.

        Args:
            t: Depth in radiation lengths after the shower's start, shape (n, layers).
        """
        gravity = (self.alpha - 1.0) / self.alpha * self.mean_alpha / (self.mean_alpha - 1.0)
        return np.maximum(t, 0.0) / self.depth * gravity


def draw_longitudinal(energy: NDArray, medium: Medium, generator: np.random.Generator) -> Longitudinal:
    """Draw profiles with correlated, log-normal fluctuations of T and a.

    Args:
        energy: Incident energy in GeV, shape (n,).
        medium: The calorimeter.
        generator: Source of random numbers.
    """
    depth, alpha = mean_longitudinal(energy, medium)
    log_y = np.log(1000.0 * energy / medium.critical_energy)
    correlation = 0.784 - 0.023 * log_y
    plus, minus = np.sqrt(0.5 * (1.0 + correlation)), np.sqrt(0.5 * (1.0 - correlation))
    first, second = generator.standard_normal((2, len(energy)))
    fluctuated_depth = depth * np.exp((plus * first + minus * second) / (-2.5 + 1.25 * log_y))
    fluctuated_alpha = alpha * np.exp((plus * first - minus * second) / (-0.82 + 0.79 * log_y))
    shape = np.maximum(fluctuated_alpha, SMALLEST_ALPHA)
    return Longitudinal(fluctuated_depth[:, None], shape[:, None], alpha[:, None])


def mean_longitudinal(energy: NDArray, medium: Medium) -> tuple[NDArray, NDArray]:
    """Return exp<ln T> and exp<ln a> of a sampling calorimeter, each of shape (n,), for energies in GeV (n,)."""
    log_y = np.log(1000.0 * np.asarray(energy, dtype=np.float64) / medium.critical_energy)
    depth = log_y - 0.812 - 0.55 / medium.sampling_frequency - 0.69 * (1.0 - medium.e_over_mip)
    alpha = 0.81 + (0.458 + 2.26 / medium.z) * log_y - 0.476 / medium.sampling_frequency
    return depth, alpha


@dataclass(frozen=True)
class Radial:
    """Two-component lateral profiles, f(r) = p g(r, core) + (1 - p) g(r, tail), g(r, R) = 2 r R^2 / (r^2 + R^2)^2.

    Args:
        core: Core radius in Moliere radii, shape (n, layers).
        tail: Tail radius in Moliere radii, shape (n, layers).
        weight: Share p of the core, shape (n, layers), from 0 to 1.
    """

    core: NDArray[np.float64]
    tail: NDArray[np.float64]
    weight: NDArray[np.float64]


def mean_radial(energy: NDArray, tau: NDArray, medium: Medium) -> Radial:
    """Return the mean lateral profiles of a sampling calorimeter.

    Args:
        energy: Incident energy in GeV, shape (n,).
        tau: Age of the shower in each layer, shape (n, layers).
        medium: The calorimeter.
    """
    log_e, z = np.log(np.asarray(energy, dtype=np.float64))[:, None], medium.z
    loss, layer = 1.0 - medium.e_over_mip, 1.0 / medium.sampling_frequency
    core = 0.0251 + 0.00319 * log_e + (0.1162 - 0.000381 * z) * tau
    core += -0.0203 * loss + 0.0397 * layer * np.exp(-tau)
    tail = np.exp(-2.59 * (tau - 0.645)) + np.exp((0.3585 + 0.0421 * log_e) * (tau - 0.645))
    tail = (0.659 - 0.00309 * z) * tail - 0.14 * loss - 0.495 * layer * np.exp(-tau)
    x = (0.401 + 0.00187 * z - tau) / (1.313 - 0.0686 * log_e)
    weight = (2.632 - 0.00094 * z) * np.exp(x - np.exp(x))
    weight += loss * (0.348 - 0.642 * layer * np.exp(-((tau - 1.0) ** 2)))
    return Radial(np.maximum(core, 1e-3), np.maximum(tail, 1e-3), np.clip(weight, 0.0, 1.0))


def spot_count(energy: NDArray, resolution: float) -> NDArray[np.float64]:
    """Return the mean number of spots of a shower in a sampling calorimeter.

    Args:
        energy: Incident energy in GeV, shape (n,).
        resolution: Sampling resolution c in GeV^0.5.

    >>> spot_count(np.array([1.0]), 0.103).round().tolist()
    [100.0]
    """
    return 10.3 / resolution * np.asarray(energy, dtype=np.float64) ** 0.959


def draw_sampling(energy: NDArray, resolution: NDArray, generator: np.random.Generator) -> NDArray[np.float64]:
    """Draw the energy that a layer sees: Gamma(E / c^2, c^2), of mean E and standard deviation c sqrt(E).

    Args:
        energy: Energy lost in each layer in GeV, shape (n, layers).
        resolution: Sampling resolution c of each layer in GeV^0.5, shape (layers,).
        generator: Source of random numbers.
    """
    scale = np.square(resolution)
    return generator.standard_gamma(energy / scale) * scale
