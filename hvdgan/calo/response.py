"""The calorimeter's response: how much energy the cells are expected to hold for an incident energy.

3DGAN tells its discriminator what the sum of cells of a generated shower should be. The published code carries a
polynomial fitted to its electrons; here it is fitted to the training data, in the same form, and the published one
serves as a cross-check.
"""

import numpy as np
from numpy.typing import NDArray

from hvdgan.errors import DataError

PUBLISHED_ELECTRON_RESPONSE = (0.0018, -0.023, 0.11, -0.28, 2.21)
"""Coefficients of the public 3DGAN code (svalleco/3Dgan) for electrons of 10 to 500 GeV."""

EVENTS_PER_COEFFICIENT = 50


def expected_sum(coefficients: tuple[float, ...], energy: NDArray) -> NDArray[np.float64]:
    """Return the expected sum of cells, polyval(c, E / 100) * E / 100.

    Args:
        coefficients: Highest power first.
        energy: Incident energy in GeV, any shape.

    Returns:
        Deposited energy in GeV, shaped like `energy`.

    >>> round(float(expected_sum(PUBLISHED_ELECTRON_RESPONSE, np.array(100.0))), 4)
    2.0188
    """
    scaled = np.asarray(energy, dtype=np.float64) / 100.0
    return np.polyval(coefficients, scaled) * scaled


def fit_response(energy: NDArray, deposited: NDArray, particle: str = "particle", degree: int = 4) -> tuple[float, ...]:
    """Fit the polynomial of `expected_sum` to showers, each weighted by its relative deviation.

    Args:
        energy: Incident energies in GeV, (n,).
        deposited: Sums of cells in GeV, (n,).
        particle: What the showers are of, for the error.
        degree: Of the polynomial in E / 100; lowered when there are fewer than 50 events per coefficient.

    Returns:
        Coefficients, highest power first, `degree + 1` of them.

    Raises:
        DataError: There is no event, or no event deposited energy.
    """
    energy, deposited = np.asarray(energy, dtype=np.float64), np.asarray(deposited, dtype=np.float64)
    if not len(energy) or deposited.sum() <= 0:
        raise DataError(
            f"the response to {particle} cannot be fitted to {len(energy)} events that deposit {deposited.sum():g} GeV"
        )
    scaled = energy / 100.0
    distinct = min(len(np.unique(energy)), len(energy) // EVENTS_PER_COEFFICIENT)
    usable = int(np.clip(distinct - 1, 0, degree))
    coefficients = np.polynomial.Polynomial.fit(scaled, deposited / scaled, usable).convert().coef[::-1]
    return tuple([0.0] * (degree + 1 - len(coefficients)) + [float(c) for c in coefficients])
