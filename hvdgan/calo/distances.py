"""Distances between distributions of feature vectors: Frechet (FPD) and kernel (KPD) physics distance.

Defined in Kansal et al., "Evaluating generative models in high energy physics", arXiv:2211.10295, and its public
implementation JetNet. One thing differs: subsets are drawn without replacement. Drawn with it, the values at infinite
size are those of the samples, which noise keeps apart, and not those of the distributions behind them.
"""

import numpy as np
from numpy.typing import NDArray

from hvdgan.errors import DataError

MIN_EVENTS = 10
"""Fewer events cannot be divided into subsets."""

ROWS = 1000
"""Rows of a kernel matrix that are in memory at a time."""


def scale_features(generated: NDArray, reference: NDArray) -> tuple[NDArray, NDArray]:
    """Divide each feature by the reference's largest absolute value, where that is not 0.

    Args:
        generated: Shape (n, features).
        reference: Shape (m, features).
    """
    largest = np.abs(reference).max(axis=0)
    largest = np.where(largest > 0, largest, 1.0)
    return generated / largest, reference / largest


def frechet(mean: NDArray, covariance: NDArray, other_mean: NDArray, other_covariance: NDArray) -> float:
    """Return the squared Frechet distance of two normal distributions: |m1 - m2|^2 + Tr(C1 + C2 - 2 (C1 C2)^(1/2)).

    The trace of the root is that of the symmetric matrix (R C2 R)^(1/2), where R = C1^(1/2). Dowson and Landau,
    Journal of Multivariate Analysis 12 (1982) 450.

    Args:
        mean: Shape (features,).
        covariance: Shape (features, features).
        other_mean: Shape (features,).
        other_covariance: Shape (features, features).

    >>> round(frechet(np.zeros(2), np.eye(2), np.array([3.0, 4.0]), 4 * np.eye(2)), 9)
    27.0
    """
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ other_covariance @ root), 0.0)).sum()
    distance = np.sum((mean - other_mean) ** 2)
    return float(distance + np.trace(covariance) + np.trace(other_covariance) - 2.0 * shared)


def choose_sizes(events: int, sizes: tuple[int, int], points: int) -> NDArray[np.int64]:
    """Return sizes equally spaced in 1 / size, smallest first, scaled down to the number of events.

    Args:
        events: On the smaller side.
        sizes: The smallest and the largest.
        points: How many.

    >>> choose_sizes(100_000, (20_000, 50_000), 4).tolist(), choose_sizes(1000, (20_000, 50_000), 3).tolist()
    ([20000, 25000, 33333, 50000], [400, 571, 1000])
    """
    largest = min(events, sizes[1])
    smallest = max(round(largest * sizes[0] / sizes[1]), 2)
    return np.round(1.0 / np.linspace(1.0 / smallest, 1.0 / largest, points)).astype(np.int64)


def measure_fpd(
    generated: NDArray,
    reference: NDArray,
    sizes: tuple[int, int] = (20_000, 50_000),
    points: int = 10,
    draws: int = 20,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the Frechet physics distance, extrapolated to samples of infinite size, and its standard error.

    The Frechet distance is measured at several sizes, averaged over random subsets, and fitted by a line in 1 / size;
    its intercept is the result, which noise can make negative. The error adds that of the fit, which is all that the
    definition has, and that of the samples: the spread s of subsets of the smallest size k stands for s^2 k / (n - k)
    of the n events (delete-d jackknife; Shao and Wu, Annals of Statistics 17, 1989). The subsets of one draw contain
    one another.

    Args:
        generated: Shape (n, features), any unit.
        reference: Shape (m, features).
        sizes: Smallest and largest subset, scaled down with the samples where these are smaller.
        points: Number of sizes.
        draws: Subsets of each size.
        seed: Seeds the subsets.

    Raises:
        DataError: There are too few events.
    """
    events = _count(generated, reference)
    chosen, generator = choose_sizes(events, sizes, points), np.random.default_rng(seed)
    made, real = scale_features(generated, reference)
    centre = real.mean(axis=0)
    distances = np.empty((draws, points))
    for draw in range(draws):
        sides = [_nested_moments(side - centre, chosen, generator) for side in (made, real)]
        distances[draw] = [frechet(*one, *other) for one, other in zip(*sides, strict=True)]
    fit, covariance = np.polyfit(1.0 / chosen, distances.mean(axis=0), 1, cov=True)
    spread = distances[:, 0].var(ddof=1) * chosen[0] / max(events - chosen[0], 1)
    return float(fit[1]), float(np.sqrt(max(covariance[1, 1], 0.0) + spread))


def measure_kpd(
    generated: NDArray, reference: NDArray, batch: int = 5000, batches: int = 10, seed: int = 0
) -> tuple[float, float]:
    """Return the kernel physics distance and its error: median, and half the range of the central 68 %, of batches.

    Each batch gives an unbiased MMD^2 with the kernel (x.y / features + 1)^4, which noise can make negative. Batches of
    half the events, drawn without replacement, spread as much as the events themselves would.

    Args:
        generated: Shape (n, features), any unit.
        reference: Shape (m, features).
        batch: Events of a batch; half of the events where these are fewer than two batches.
        batches: Number of batches.
        seed: Seeds them.

    Raises:
        DataError: There are too few events.
    """
    size, generator = min(batch, _count(generated, reference) // 2), np.random.default_rng(seed)
    sides = scale_features(generated, reference)
    values = []
    for _ in range(batches):
        made, real = (side[generator.permutation(len(side))[:size]] for side in sides)
        values.append(mmd(made, real))
    low, high = np.quantile(values, [0.16275, 0.83725])
    return float(np.median(values)), float((high - low) / 2)


def mmd(first: NDArray, second: NDArray) -> float:
    """Return the unbiased estimate of the squared maximum mean discrepancy with the kernel (x.y / features + 1)^4.

    Gretton et al., Journal of Machine Learning Research 13 (2012) 723, eq. 3.

    Args:
        first: Shape (n, features).
        second: Shape (m, features).
    """
    n, m = len(first), len(second)
    own = [
        (_kernel_sum(side, side) - _kernel_diagonal(side)) / (len(side) * (len(side) - 1)) for side in (first, second)
    ]
    return sum(own) - 2.0 * _kernel_sum(first, second) / (n * m)


def _count(generated: NDArray, reference: NDArray) -> int:
    """Return the events of the smaller side."""
    events = min(len(generated), len(reference))
    if events < MIN_EVENTS:
        raise DataError(f"{events} events have no Frechet or kernel distance; at least {MIN_EVENTS} are needed")
    return events


def _nested_moments(values: NDArray, sizes: NDArray, generator: np.random.Generator) -> list[tuple[NDArray, NDArray]]:
    """Return mean and covariance of the first k events in a random order, for each size k."""
    order = generator.permutation(len(values))
    total, products, start, moments = 0.0, 0.0, 0, []
    for size in sizes:
        part = values[order[start:size]]
        total, products, start = total + part.sum(axis=0), products + part.T @ part, size
        mean = total / size
        moments.append((mean, (products - size * np.outer(mean, mean)) / (size - 1)))
    return moments


def _kernel_sum(first: NDArray, second: NDArray) -> float:
    """Return the sum over a kernel matrix, computed a few rows at a time."""
    total = 0.0
    for start in range(0, len(first), ROWS):
        block = first[start : start + ROWS] @ second.T
        block /= first.shape[1]
        block += 1.0
        block *= block
        total += float(np.vdot(block, block))
    return total


def _kernel_diagonal(values: NDArray) -> float:
    """Return the sum over the diagonal of the kernel matrix of a sample with itself."""
    return float(np.sum((np.einsum("ij,ij->i", values, values) / values.shape[1] + 1.0) ** 4))
