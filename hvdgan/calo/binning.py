"""Bins of incident energy: showers change with energy, so samples are compared bin by bin."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hvdgan.errors import DataError

MIN_IN_BIN = 2
"""Fewer events have no spread."""

RAREST = 1e-6
"""Samples that differ by such a rare chance are taken for different."""


def choose_bins(energy: NDArray, bins: int | Sequence[float]) -> NDArray[np.float64]:
    """Return the edges of the bins of incident energy.

    Args:
        energy: Incident energies in GeV of all events that are compared, shape (n,).
        bins: Number of bins of equal population, fewer when there are fewer energies; or the edges themselves, in GeV.

    Returns:
        Rising edges in GeV, shape (bins + 1,); the last bin includes its upper edge.

    Raises:
        DataError: The edges do not rise, or are fewer than two.

    >>> choose_bins(np.array([10.0, 20.0, 30.0, 40.0, 50.0]), 2).tolist()
    [10.0, 30.0, 50.0]
    >>> choose_bins(np.array([10.0, 10.0]), 4).tolist()
    [10.0, 10.0]
    """
    if isinstance(bins, int):
        if bins < 1 or len(energy) == 0:
            raise DataError(f"{len(energy)} events cannot be compared in {bins} bins; at least one of each is needed")
        edges = np.unique(np.quantile(np.asarray(energy, dtype=np.float64), np.linspace(0.0, 1.0, bins + 1)))
        return edges if len(edges) > 1 else np.repeat(edges, 2)
    edges = np.asarray(bins, dtype=np.float64)
    if len(edges) < 2 or not (np.isfinite(edges).all() and (np.diff(edges) > 0).all()):
        raise DataError(f"energy bins {list(bins)} have no rising edges; give at least two, in GeV, such as 10 100 500")
    return edges


def lies_within(energy: NDArray, edges: NDArray) -> NDArray[np.bool_]:
    """Tell which events lie in any of the bins."""
    return (energy >= edges[0]) & (energy <= edges[-1])


def split_bins(energy: NDArray, edges: NDArray) -> list[NDArray[np.int64]]:
    """Return the events of each bin.

    Args:
        energy: Incident energies in GeV, shape (n,).
        edges: From `choose_bins`.

    Raises:
        DataError: A bin holds fewer than two events.

    >>> [events.tolist() for events in split_bins(np.array([30.0, 10.0, 50.0, 10.0]), np.array([10.0, 30.0, 50.0]))]
    [[1, 3], [0, 2]]
    """
    place = np.clip(np.searchsorted(edges, energy, side="right") - 1, 0, len(edges) - 2)
    place = np.where(lies_within(energy, edges), place, -1)
    parts = [np.flatnonzero(place == number) for number in range(len(edges) - 1)]
    for part, low, high in zip(parts, edges[:-1], edges[1:], strict=True):
        if len(part) < MIN_IN_BIN:
            raise DataError(
                f"{len(part)} events lie between {low:g} and {high:g} GeV; give more events, or other energy bins"
            )
    return parts


def are_spread_alike(first: NDArray, second: NDArray) -> bool:
    """Tell whether two samples of energies can be of one distribution, by the test of Kolmogorov and Smirnov.

    Args:
        first: Incident energies in GeV, shape (n,).
        second: The same, shape (m,).

    Returns:
        False where the largest difference of their cumulative distributions has a chance below one in a million.

    >>> are_spread_alike(np.linspace(10, 500, 90), np.linspace(11, 499, 70))
    True
    >>> are_spread_alike(np.linspace(10, 500, 90), np.linspace(10, 100, 90))
    False
    """
    energies = np.concatenate([first, second])
    below = [np.searchsorted(np.sort(side), energies, side="right") / len(side) for side in (first, second)]
    limit = np.sqrt(-np.log(RAREST / 2) / 2 * (1 / len(first) + 1 / len(second)))
    return bool(np.abs(below[0] - below[1]).max() <= limit)
