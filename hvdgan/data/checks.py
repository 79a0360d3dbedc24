"""What is wrong with the numbers of a block of events: pure functions that answer with a text, or None."""

import numpy as np
from numpy.typing import NDArray

INFINITY = np.float32(np.inf).view(np.uint32)
"""Its bits, as an unsigned integer."""


def cell_problem(images: NDArray, first: int = 0) -> str | None:
    """Say which event first has a cell that is not a deposited energy.

    Args:
        images: Deposited energy in GeV, (n, *cells).
        first: Number of the block's first event.

    Returns:
        The problem, or None when all cells are finite and not negative.

    >>> cell_problem(np.array([[0.0, 1.0], [0.5, -2.0]]), first=10)
    'event 11 has a cell of -2.0 GeV; cells must be finite and not negative'
    """
    if not images.size or _are_energies(images):
        return None
    cells = images.reshape(len(images), -1)
    good = np.isfinite(cells) & (cells >= 0)
    event = int(np.argmin(good.all(axis=1)))
    value = cells[event, np.argmin(good[event])]
    return f"event {first + event} has a cell of {value} GeV; cells must be finite and not negative"


def _are_energies(images: NDArray) -> bool:
    """Return whether all cells are finite and not negative, in one pass over single precision.

    As unsigned integers, numbers of single precision lie in their own order, then infinity, NaN, and negative ones.
    """
    if images.dtype == np.float32 and images.view(np.uint32).max() < INFINITY:
        return True
    return bool(images.min() >= 0 and images.max() < np.inf)


def target_problem(rows: NDArray[np.float64], first: int = 0) -> str | None:
    """Say which event first has a particle, an energy or a momentum that cannot be.

    Args:
        rows: PDG id, energy and the three components of the momentum in GeV, (n, 5).
        first: Number of the block's first event.

    Returns:
        The problem, or None.

    >>> target_problem(np.array([[11, 50, 50, 0, 0], [11, -3, 3, 0, 0]]), first=10)
    'event 11 has an energy (column 1) of -3; it must be positive and finite, in GeV'
    """
    momentum = rows[:, 2:]
    directed = np.isfinite(momentum).all(axis=1) & (momentum != 0).any(axis=1)
    need = "it must be finite and not zero, to have a direction"
    return (
        particle_problem(rows[:, 0], first, "a PDG id (column 0)")
        or energy_problem(rows[:, 1], first, "an energy (column 1)")
        or _problem(directed, momentum, first, "a momentum (columns 2 to 4)", need)
    )


def particle_problem(particle: NDArray, first: int = 0, what: str = "a PDG id") -> str | None:
    """Say which event first has a PDG id that cannot be.

    Args:
        particle: PDG ids, (n,).
        first: Number of the block's first event.
        what: Name of the value in the text.
    """
    with np.errstate(invalid="ignore"):
        known = np.isfinite(particle) & (np.round(particle) == particle) & (np.abs(particle) < 2**31)
    return _problem(known, particle, first, what, "it must be a whole number")


def energy_problem(energy: NDArray[np.float64], first: int = 0, what: str = "an energy") -> str | None:
    """Say which event first has an incident energy that cannot be.

    Args:
        energy: Incident energies in GeV, (n,).
        first: Number of the block's first event.
        what: Name of the value in the text.

    >>> energy_problem(np.array([1.0, np.nan]))
    'event 1 has an energy of nan; it must be positive and finite, in GeV'
    """
    with np.errstate(over="ignore", invalid="ignore"):
        single = energy.astype(np.float32)
        positive = np.isfinite(single) & (single > 0)
    return _problem(positive, energy, first, what, "it must be positive and finite, in GeV")


def angle_problem(angle: NDArray, low: float, high: float, first: int = 0) -> str | None:
    """Say which event first has an angle outside of a range in radians, ends included.

    >>> angle_problem(np.array([1.5, 90.0]), 0, 3.1416)
    'event 1 has an angle of 90.0; it must lie from 0 to 3.14 radians'
    """
    inside = np.isfinite(angle) & (angle >= low) & (angle <= np.float32(high))
    return _problem(inside, angle, first, "an angle", f"it must lie from {low:.3g} to {high:.3g} radians")


def unit_problem(deposited: float, incident: float) -> str | None:
    """Say whether more energy is deposited than came in: a sign of another unit.

    Args:
        deposited: Sum of all cells of some events in GeV.
        incident: Sum of their incident energies in GeV.

    >>> unit_problem(3000.0, 150.0)
    "the cells sum up to 20 times the incident energy; one of them is in another unit than this layout's"
    """
    if deposited <= incident:
        return None
    ratio = deposited / incident
    return (
        f"the cells sum up to {ratio:.3g} times the incident energy; one of them is in another unit than this layout's"
    )


def _problem(good: NDArray[np.bool_], values: NDArray, first: int, what: str, need: str) -> str | None:
    """Put the first value that is not good into words."""
    if good.all():
        return None
    event = int(np.argmin(good))
    return f"event {first + event} has {what} of {values[event]}; {need}"
