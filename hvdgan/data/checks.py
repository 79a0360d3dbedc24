"""What is wrong with the numbers of a block of events: pure functions that answer with a text, or None."""

import numpy as np
from numpy.typing import NDArray


def cell_problem(images: NDArray, first: int = 0) -> str | None:
    """Say which event first has a cell that is not a deposited energy.

    Args:
        images: Deposited energy in GeV, (n, x, y, z).
        first: Number of the block's first event.

    Returns:
        The problem, or None when all cells are finite and not negative.

    >>> cell_problem(np.array([[0.0, 1.0], [0.5, -2.0]]), first=10)
    'event 11 has a cell of -2.0 GeV; cells must be finite and not negative'
    """
    if not images.size or (images.min() >= 0 and images.max() < np.inf):
        return None
    cells = images.reshape(len(images), -1)
    good = np.isfinite(cells) & (cells >= 0)
    event = int(np.argmin(good.all(axis=1)))
    value = cells[event, np.argmin(good[event])]
    return f"event {first + event} has a cell of {value} GeV; cells must be finite and not negative"


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
    with np.errstate(over="ignore", invalid="ignore"):
        particle, energy, momentum = rows[:, 0], rows[:, 1].astype(np.float32), rows[:, 2:]
        known = np.isfinite(particle) & (np.round(particle) == particle) & (np.abs(particle) < 2**31)
        positive = np.isfinite(energy) & (energy > 0)
        directed = np.isfinite(momentum).all(axis=1) & (momentum != 0).any(axis=1)
    for good, column, values, need in (
        (known, "a PDG id (column 0)", particle, "it must be a whole number"),
        (positive, "an energy (column 1)", rows[:, 1], "it must be positive and finite, in GeV"),
        (directed, "a momentum (columns 2 to 4)", momentum, "it must be finite and not zero, to have a direction"),
    ):
        if not good.all():
            event = int(np.argmin(good))
            return f"event {first + event} has {column} of {values[event]}; {need}"
    return None


def unit_problem(deposited: float, incident: float) -> str | None:
    """Say whether more energy is deposited than came in: a sign of another unit.

    Args:
        deposited: Sum of all cells of some events in GeV.
        incident: Sum of their incident energies in GeV.

    >>> unit_problem(3000.0, 150.0)
    'the cells sum up to 20 times the incident energy; GeV are needed, are these MeV?'
    """
    if deposited <= incident:
        return None
    return f"the cells sum up to {deposited / incident:.3g} times the incident energy; GeV are needed, are these MeV?"
