"""Signs that a generator has failed, which the figure of merit, a comparison of means, does not name."""

import numpy as np
from numpy.typing import NDArray

from hvdgan.calo.observables import AXES, AxisProfiles

DARK = 1e-3
"""A shower with less than this share of the mean sampling fraction of the reference has no energy to speak of."""

COLLAPSED = 0.1
"""Showers that vary less than this, relative to the reference, are all the same."""


def find_ailment(generated: AxisProfiles, reference: AxisProfiles, energy: NDArray) -> str:
    """Name what is wrong with a generator, or nothing.

    Args:
        generated: Profiles of n generated events.
        reference: Profiles of n reference events, on the same grid.
        energy: Incident energy of both in GeV, shape (n,).

    Returns:
        "no energy: ..." where more than half of the showers are dark, "mode collapse: ..." where showers of the same
        energy are nearly equal, or an empty text.
    """
    got, wanted = generated.total / energy, reference.total / energy
    dark = float(np.mean(got < DARK * wanted.mean()))
    if dark > 0.5:
        return f"no energy: {dark:.0%} of the generated showers are empty"
    variety = measure_variety(generated, reference, energy)
    if variety < COLLAPSED:
        return f"mode collapse: generated showers vary {variety:.1%} as much as the reference"
    return ""


def measure_variety(generated: AxisProfiles, reference: AxisProfiles, energy: NDArray) -> float:
    """Return how much generated showers of one energy vary in shape, relative to the reference; 1 is as it should be.

    Neighbours in energy are compared: the mean square of the differences of their profiles, per incident energy.
    """
    order = np.argsort(energy, kind="stable")
    got, wanted = (_vary(profiles[order], energy[order]) for profiles in (generated, reference))
    return float(np.sqrt(got / wanted)) if wanted > 0 else 1.0


def _vary(profiles: AxisProfiles, energy: NDArray) -> float:
    """Return the summed mean square differences between one event and the next."""
    shares = [getattr(profiles, axis) / energy[:, None] for axis in AXES]
    return (
        float(sum(np.mean(np.diff(share, axis=0) ** 2, axis=0).sum() for share in shares)) if len(energy) > 1 else 0.0
    )
