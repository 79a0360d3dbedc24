"""Hadronic showers in the layers: a track up to the first interaction, neutral pions, and everything else.

What a track loses on its way is missing in the shower. Not described: decays, back-scattered particles, late neutrons.
"""

import numpy as np
from numpy.typing import NDArray

from hvdgan.calo import gflash, hadron
from hvdgan.calo.axes import Axes
from hvdgan.calo.cloud import Cloud
from hvdgan.calo.electromagnetic import develop, draw_axes
from hvdgan.calo.shower import PARTICLES, Conditions
from hvdgan.calo.stack import Stack
from hvdgan.calo.track import draw_losses

GENERATIONS = (0.0, 1.0, 1.0, 2.0)
"""Interactions between the first one and those that make neutral pions, one electromagnetic shower each (assumed)."""

DIVISION = (3.0, 1.0, 1.0, 1.0)
"""How they share the electromagnetic energy: Dirichlet-distributed, half of it from the first interaction (assumed)."""

TRANSVERSE_MOMENTUM = 0.28
"""Spread of a neutral pion's transverse momentum in GeV, along x and y each: 0.35 GeV on average (assumed)."""


def shower_hadrons(conditions: Conditions, stack: Stack, generator: np.random.Generator) -> list[Cloud]:
    """Shower charged and neutral hadrons.

    Returns:
        The track of charged ones, the electromagnetic showers, and the rest.
    """
    energy = conditions.energy.astype(np.float64)
    axes = draw_axes(conditions, stack, generator)
    start = hadron.draw_first_interaction(len(axes), generator)
    onset = np.array([hadron.ONSET_GEV[int(pdg)] for pdg in conditions.particle])
    fraction = hadron.draw_em_fraction(energy, onset, generator)
    charged = conditions.particle == PARTICLES["charged_hadron"]
    lost = np.interp(start * axes.cosine, stack.depth_lambda, stack.depth_mip) / axes.cosine
    left = np.maximum(energy - lost * charged, 0.0)
    tracks = np.flatnonzero(charged)
    return [
        leave_tracks(energy[tracks], start[tracks], tracks, axes[tracks], stack, generator),
        *_shower_neutral_pions(left * fraction, start, axes, stack, generator),
        _shower_rest(energy, left * (1.0 - fraction), start, axes, stack, generator),
    ]


def leave_tracks(
    energy: NDArray, start: NDArray, events: NDArray, axes: Axes, stack: Stack, generator: np.random.Generator
) -> Cloud:
    """Leave tracks of minimum ionising particles in all layers up to the first interaction or the end of the energy.

    Args:
        energy: Incident energy in GeV, shape (n,).
        start: Where they interact, in interaction lengths along the path, shape (n,).
        events: Event that each belongs to, shape (n,).
        axes: Their n lines.
        stack: The calorimeters.
        generator: Source of random numbers.
    """
    losses = []
    for geometry in stack.detectors.values():
        path = np.array(geometry.thickness_mm)[:, 1] / axes.cosine[:, None]
        losses.append(draw_losses(geometry.materials[1], path, generator))
    before = stack.depth_lambda[1:] / axes.cosine[:, None] <= start[:, None]
    crossed = before & (stack.depth_mip[1:] / axes.cosine[:, None] <= energy[:, None])
    counts = crossed[..., None].astype(np.int64)
    return Cloud(events, axes, np.concatenate(losses, axis=1) * crossed, counts, np.zeros(counts.shape))


def _shower_neutral_pions(
    energy: NDArray, start: NDArray, axes: Axes, stack: Stack, generator: np.random.Generator
) -> list[Cloud]:
    """Shower the electromagnetic part in GeV, (n,), of hadrons that interact first at depths in interaction lengths."""
    count, parts = len(axes), len(GENERATIONS)
    rows = np.repeat(np.arange(count), parts)
    shares = (energy[:, None] * generator.dirichlet(DIVISION, count)).ravel()
    later = generator.standard_gamma(np.tile(GENERATIONS, count))
    depth = (start[rows] + later) * axes.cosine[rows]
    flight = np.interp(depth, stack.depth_lambda, stack.depth_mm) - np.interp(
        depth - later * axes.cosine[rows], stack.depth_lambda, stack.depth_mm
    )
    momentum = generator.normal(0.0, TRANSVERSE_MOMENTUM, (2, len(rows)))
    angle = momentum / np.sqrt(shares**2 + (momentum**2).sum(axis=0))
    moved = axes[rows].moved(angle * flight / axes.cosine[rows])
    begin = np.interp(depth, stack.depth_lambda, stack.depth_x0) / axes.cosine[rows]
    begin += generator.exponential(gflash.PHOTON_CONVERSION_X0, len(rows))
    clouds = []
    for name, layers in stack.layers.items():
        inside = (depth >= stack.depth_lambda[layers.start]) & (depth < stack.depth_lambda[layers.stop])
        medium = stack.detectors[name].medium
        clouds.append(develop(shares[inside], begin[inside], rows[inside], moved[inside], stack, medium, generator))
    return clouds


def _shower_rest(
    energy: NDArray, rest: NDArray, start: NDArray, axes: Axes, stack: Stack, generator: np.random.Generator
) -> Cloud:
    """Shower what is not electromagnetic, with the shape that belongs to the incident energy; both in GeV, (n,)."""
    depth = stack.depth_lambda / axes.cosine[:, None] - start[:, None]
    share = rest[:, None] * hadron.share_hadronic(energy, depth)
    lost = gflash.draw_sampling(share, np.array([hadron.HADRON_RESOLUTION]), generator)
    response = stack.mip_response * stack.e_over_mip * stack.per_layer(lambda name: hadron.HADRON_OVER_E[name])
    counts = generator.poisson(hadron.SPOTS_PER_GEV * share)
    counts = np.maximum(counts, share > 0)[..., None]
    wide = np.exp(generator.normal(0.0, hadron.RADIUS_SPREAD, len(axes)))
    centres = 0.5 * (depth[:, 1:] + depth[:, :-1])
    radii = hadron.median_radius(energy, centres) * stack.interaction_mm * wide[:, None]
    return Cloud(np.arange(len(axes)), axes, lost * response, counts, radii[..., None])
