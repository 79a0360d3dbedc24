"""Distances between distributions of one observable: separation power and Wasserstein-1, for many replicas at once.

All functions take weights of events with one row for the sample itself and one for each bootstrap replica; see
`resampling`. Columns of an observable, such as layers, are compared one by one.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

BINS = 32
"""Bins of a histogram over what holds 99 % of the reference; two further ones take what lies below and above."""

TAIL = 0.005
"""Share of the reference below, and above, the equal bins."""


def separate(first: NDArray, second: NDArray) -> NDArray[np.float64]:
    """Return the separation power S = 1/2 sum (h1 - h2)^2 / (h1 + h2), from 0 (equal) to 1 (disjoint).

    Defined in Diefenbacher et al., arXiv:2009.03796, eq. 15, for histograms that add up to 1.

    Args:
        first: Counts or shares, shape (..., bins).
        second: The same.

    Returns:
        Shape (...); 1/2 where one of the histograms has no entry.

    >>> separate(np.array([2.0, 2.0, 0.0]), np.array([0.0, 1.0, 1.0])).item()
    0.5
    >>> separate(np.array([3.0, 0.0]), np.array([0.0, 7.0])).item(), separate(np.ones(4), np.ones(4)).item()
    (1.0, 0.0)
    """
    one, other = _normalise(first), _normalise(second)
    both = one + other
    return 0.5 * np.divide((one - other) ** 2, both, out=np.zeros(both.shape), where=both > 0).sum(axis=-1)


def separate_events(generated: NDArray, reference: NDArray, weights: tuple[NDArray, NDArray]) -> NDArray[np.float64]:
    """Return the mean separation power over the columns of an observable.

    Args:
        generated: Observable of n events, shape (n, columns).
        reference: Of m events, shape (m, columns); decides over the bins.
        weights: Of generated and reference events, shapes (rows, n) and (rows, m).

    Returns:
        Shape (rows,).
    """
    low, high = np.quantile(reference, [TAIL, 1.0 - TAIL], axis=0)
    one, other = (
        weigh @ _indicate(values, low, high) for values, weigh in zip((generated, reference), weights, strict=True)
    )
    shape = (-1, reference.shape[1], BINS + 2)
    return separate(one.reshape(shape), other.reshape(shape)).mean(axis=1)


def transport(generated: NDArray, reference: NDArray, weights: tuple[NDArray, NDArray]) -> NDArray[np.float64]:
    """Return the mean Wasserstein-1 distance over the columns of an observable, in standard deviations.

    W1 = integral |F(x) - G(x)| dx over the two cumulative distributions, which is exact for weighted events; each
    column's is divided by the reference's standard deviation, unless the reference is constant.

    Args:
        generated: Observable of n events, shape (n, columns).
        reference: Of m events, shape (m, columns).
        weights: Of generated and reference events, shapes (rows, n) and (rows, m).

    Returns:
        Shape (rows,).
    """
    signed = np.concatenate([_normalise(weights[0]), -_normalise(weights[1])], axis=1)
    pooled = np.concatenate([generated, reference])
    total = np.zeros(len(signed))
    for column, scale in enumerate(_scales(reference)):
        order = np.argsort(pooled[:, column])
        steps = np.diff(pooled[order, column]) / scale
        total += np.abs(np.cumsum(signed[:, order], axis=1)[:, :-1]) @ steps
    return total / reference.shape[1]


def transport_counts(first: NDArray, second: NDArray) -> NDArray[np.float64]:
    """Return the Wasserstein-1 distance of histograms over the same equal bins, in standard deviations of the second.

    Args:
        first: Counts, shape (rows, bins).
        second: The same.

    Returns:
        Shape (rows,).

    >>> transport_counts(np.array([[0.0, 0.0, 1.0, 1.0]]), np.array([[1.0, 1.0, 0.0, 0.0]])).tolist()
    [4.0]
    """
    one, other = _normalise(first), _normalise(second)
    places = np.arange(first.shape[1])
    spread = np.sqrt(np.maximum(other @ places**2 - (other @ places) ** 2, 0.0))
    return np.abs(np.cumsum(one - other, axis=1)).sum(axis=1) / np.where(spread > 0, spread, 1.0)


def _normalise(counts: NDArray) -> NDArray[np.float64]:
    """Make the last axis add up to 1, where it holds anything."""
    total = np.sum(counts, axis=-1, keepdims=True, dtype=np.float64)
    return np.divide(counts, total, out=np.zeros(np.shape(counts)), where=total > 0)


def _indicate(values: NDArray, low: NDArray, high: NDArray) -> csr_array:
    """Return which bin each event lies in, as a sparse matrix of shape (n, columns * bins)."""
    width = high - low
    inside = np.divide(values - low, width, out=np.zeros(values.shape), where=width > 0)
    place = np.clip(np.floor(inside * BINS), 0, BINS - 1) + 1
    place = np.where(values < low, 0, np.where(values > high, BINS + 1, place)).astype(np.int64)
    events, columns = values.shape
    flat = place + (BINS + 2) * np.arange(columns)
    starts = np.arange(0, events * columns + 1, columns)
    return csr_array((np.ones(events * columns), flat.ravel(), starts), shape=(events, columns * (BINS + 2)))


def _scales(reference: NDArray) -> NDArray[np.float64]:
    """Return each column's standard deviation, or 1 where that is nothing but rounding."""
    spread = reference.std(axis=0)
    return np.where(spread > 1e-12 * np.abs(reference).max(axis=0), spread, 1.0)
