"""Electromagnetic showers in the layers: electrons, photons, and neutral pions as their two photons."""

import numpy as np
from numpy.typing import NDArray

from hvdgan.calo import gflash
from hvdgan.calo.axes import Axes, slopes
from hvdgan.calo.cloud import Cloud
from hvdgan.calo.medium import Medium
from hvdgan.calo.shower import PARTICLES, Conditions
from hvdgan.calo.stack import Stack

PION_MASS = 0.1349768
"""Mass of the neutral pion in GeV (Particle Data Group)."""

VERTEX_MM = 1500.0
"""Distance from the vertex, where neutral pions decay, to the front of the calorimeter: CLIC_o2_v04's inner radius."""

SMALLEST_ENERGY = 0.5
"""Energy in GeV below which showers keep their shape: GFLASH's fluctuations diverge near 0.1 GeV."""


def shower_electrons(conditions: Conditions, stack: Stack, generator: np.random.Generator) -> list[Cloud]:
    """Shower electrons and photons; photons first convert."""
    conversion = generator.exponential(gflash.PHOTON_CONVERSION_X0, len(conditions))
    start = np.where(conditions.particle == PARTICLES["photon"], conversion, 0.0)
    axes = draw_axes(conditions, stack, generator)
    events, medium = np.arange(len(conditions)), stack.detectors["ECAL"].medium
    return [develop(conditions.energy.astype(np.float64), start, events, axes, stack, medium, generator)]


def shower_pions(conditions: Conditions, stack: Stack, generator: np.random.Generator) -> list[Cloud]:
    """Let neutral pions decay at the vertex, and shower their photons.

    The photons enter parallel to the pion, with the distance that they have reached half-way through the first
    calorimeter.
    """
    axes = draw_axes(conditions, stack, generator)
    energy, angle = decay(conditions.energy.astype(np.float64), generator)
    flight = (VERTEX_MM + 0.5 * stack.detectors["ECAL"].depth_mm[-1]) / axes.cosine
    azimuth = generator.uniform(0.0, 2.0 * np.pi, len(axes))
    events = np.tile(np.arange(len(axes)), 2)
    across = np.tile(flight, 2) * np.tan(angle.ravel()) * [np.tile(turn(azimuth), 2) for turn in (np.cos, np.sin)]
    start = generator.exponential(gflash.PHOTON_CONVERSION_X0, len(events))
    medium = stack.detectors["ECAL"].medium
    return [develop(energy.ravel(), start, events, axes[events].moved(across), stack, medium, generator)]


def decay(energy: NDArray, generator: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Let neutral pions decay isotropically in their rest frame into two photons.

    Args:
        energy: Energy of the pions in GeV, shape (n,), above their mass.
        generator: Source of random numbers.

    Returns:
        Energy of the photons in GeV, and their angle to the pion in radians, both (2, n). The second photon's angle is
        negative: it flies to the other side. Between them lie at least 2 arcsin(m / E).
    """
    gamma = energy / PION_MASS
    beta = np.sqrt(1.0 - 1.0 / gamma**2)
    forward = generator.uniform(-1.0, 1.0, len(energy)) * [[1.0], [-1.0]]
    photons = 0.5 * energy * (1.0 + beta * forward)
    across = 0.5 * PION_MASS * np.sqrt(1.0 - forward**2) * [[1.0], [-1.0]]
    return photons, np.arctan2(across, 0.5 * energy * (beta + forward))


def draw_axes(conditions: Conditions, stack: Stack, generator: np.random.Generator) -> Axes:
    """Draw where particles enter: uniformly within one cell around each window's centre."""
    shape = (2, len(conditions))
    impact = [
        np.repeat(generator.uniform(-0.5, 0.5, shape)[:, :, None] * geometry.impact_mm, len(geometry.thickness_mm), 2)
        for geometry in stack.detectors.values()
    ]
    return Axes(np.concatenate(impact, axis=2), slopes(conditions))


def develop(
    energy: NDArray,
    start: NDArray,
    events: NDArray,
    axes: Axes,
    stack: Stack,
    medium: Medium,
    generator: np.random.Generator,
) -> Cloud:
    """Develop electromagnetic showers with GFLASH: energy per layer, then spots around the line.

    Args:
        energy: Energy of the showers in GeV, shape (n,).
        start: Where they start, in radiation lengths along the line, shape (n,).
        events: Event that each belongs to, shape (n,).
        axes: n lines.
        stack: The calorimeters.
        medium: What they start in; their depth is measured in radiation lengths of whatever they cross.
        generator: Source of random numbers.
    """
    shape = np.maximum(energy, SMALLEST_ENERGY)
    profile = gflash.draw_longitudinal(shape, medium, generator)
    depth = stack.depth_x0 / axes.cosine[:, None] - start[:, None]
    resolution = stack.resolution / np.sqrt(axes.cosine)[:, None]
    lost = gflash.draw_sampling(energy[:, None] * profile.share(depth), resolution, generator)
    deposit = lost * stack.mip_response * stack.e_over_mip

    centres = 0.5 * (depth[:, 1:] + depth[:, :-1])
    radial = gflash.mean_radial(shape, profile.age(centres), medium)
    spots = gflash.spot_count(energy[:, None], stack.mean_resolution)
    counts = _draw_counts(spots * profile.of_spots(medium.z).share(depth), radial.weight, generator)
    radii = np.stack([radial.core, radial.tail], axis=-1) * stack.moliere_mm[:, None]
    return Cloud(events, axes, deposit, counts, radii)


def _draw_counts(wanted: NDArray, weight: NDArray, generator: np.random.Generator) -> NDArray[np.int64]:
    """Draw the number of spots of core and tail, at least one in each layer, shape (n, layers, 2)."""
    counts = generator.poisson(wanted[..., None] * np.stack([weight, 1.0 - weight], axis=-1))
    counts[..., 0] += counts.sum(axis=-1) == 0
    return counts
