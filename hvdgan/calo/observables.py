"""What is measured on showers: pure functions of images and of their profiles along the axes.

Cells are counted from 0. Events without energy have moments, widths and sampling fractions of 0, never NaN; NaN in an
image stays NaN in whatever is made of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hvdgan.errors import DataError

HIT_THRESHOLD = 3e-4
"""Deposit in GeV above which 3DGAN counts a cell as hit."""

CELLS_PER_DECADE = 5
"""Bins of the cell spectrum."""

CELL_EDGES = np.logspace(-6, 2, 8 * CELLS_PER_DECADE + 1)
"""Edges of the cell spectrum in GeV; further bins take what lies below and above."""

AXES = ("x", "y", "z")


@dataclass(frozen=True)
class AxisProfiles:
    """Energy of each event in slices across the three axes: small, and all that the figure of merit needs.

    Args:
        x: Energy in GeV in slices across x, shape (n, X), float64.
        y: The same across y, shape (n, Y).
        z: The same in layers, shape (n, Z).

    Raises:
        DataError: A profile is not two-dimensional, or the numbers of events differ.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    z: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Check shapes."""
        shapes = [np.shape(getattr(self, axis)) for axis in AXES]
        if any(len(shape) != 2 or shape[0] != shapes[0][0] for shape in shapes):
            raise DataError(f"profiles of shapes {shapes}; (n, cells) along x, y and z is needed")

    @classmethod
    def of(cls, images: NDArray) -> "AxisProfiles":
        """Add up images in double precision.

        Args:
            images: Deposits in GeV, shape (n, x, y, z).

        Raises:
            DataError: The images are not four-dimensional.

        >>> AxisProfiles.of(np.arange(8.0).reshape(1, 2, 2, 2)).y.tolist()
        [[10.0, 18.0]]
        """
        if np.ndim(images) != 4:
            raise DataError(f"images have shape {np.shape(images)}; (n, x, y, z) in GeV is needed")
        with np.errstate(invalid="ignore", over="ignore"):
            across = np.sum(images, axis=3, dtype=np.float64)
            layers = np.sum(images, axis=(1, 2), dtype=np.float64)
            return cls(across.sum(axis=2), across.sum(axis=1), layers)

    @classmethod
    def join(cls, parts: Sequence["AxisProfiles"]) -> "AxisProfiles":
        """Put the events of several parts, such as those of several ranks, behind one another."""
        return cls(*(np.concatenate([getattr(part, axis) for part in parts]) for axis in AXES))

    @property
    def grid(self) -> tuple[int, int, int]:
        """Return the number of slices along x, y and z."""
        return self.x.shape[1], self.y.shape[1], self.z.shape[1]

    @property
    def total(self) -> NDArray[np.float64]:
        """Return the energy of each event in GeV, shape (n,)."""
        return self.z.sum(axis=1)

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.x)

    def __getitem__(self, events: slice | NDArray) -> "AxisProfiles":
        """Return the profiles of some of the events."""
        return AxisProfiles(self.x[events], self.y[events], self.z[events])


def totals(images: NDArray) -> NDArray[np.float64]:
    """Return the energy of each event in GeV, shape (n,), of images in GeV, shape (n, x, y, z).

    >>> totals(np.ones((2, 2, 3, 4), dtype=np.float32)).tolist()
    [24.0, 24.0]
    """
    return np.sum(images, axis=(1, 2, 3), dtype=np.float64)


def sampling_fraction(total: NDArray, energy: NDArray) -> NDArray[np.float64]:
    """Return deposited over incident energy, both in GeV and of shape (n,).

    >>> sampling_fraction(np.array([1.0, 0.0]), np.array([50.0, 20.0])).tolist()
    [0.02, 0.0]
    """
    return np.asarray(total, dtype=np.float64) / energy


def moments(profile: NDArray) -> NDArray[np.float64]:
    """Return the centroid and the second central moment of each event along one axis.

    Negative deposits, which no calorimeter has but a network can make, count as nothing.

    Args:
        profile: Energy in slices along the axis in GeV, shape (n, cells).

    Returns:
        Centroid in cells and second central moment in cells^2, shape (n, 2); both 0 for an event without energy.

    >>> moments(np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])).tolist()
    [[1.0, 1.0], [0.0, 0.0]]
    """
    energy = np.maximum(profile, 0.0)
    cells = np.arange(energy.shape[1])
    with np.errstate(invalid="ignore", over="ignore"):
        total = energy.sum(axis=1, keepdims=True)
        share = np.divide(energy, total, out=np.zeros(energy.shape), where=total != 0)
    centroid = share @ cells
    second = (share * (cells - centroid[:, None]) ** 2).sum(axis=1)
    return np.stack([centroid, second], axis=1)


def widths(profile: NDArray) -> NDArray[np.float64]:
    """Return the standard deviation of each event along one axis in cells, shape (n,); see `moments`.

    >>> widths(np.array([[2.0, 0.0, 0.0, 0.0, 2.0]])).tolist()
    [2.0]
    """
    return np.sqrt(moments(profile)[:, 1])


def sparsity(images: NDArray, threshold: float = HIT_THRESHOLD) -> NDArray[np.float64]:
    """Return the fraction of cells above a threshold, shape (n,), as CaloGAN does (CaloChallenge takes 1 minus it).

    Args:
        images: Deposits in GeV, shape (n, x, y, z).
        threshold: Deposit in GeV that a cell must exceed.

    >>> sparsity(np.array([0.0, 1e-4, 1e-3, 1.0]).reshape(1, 1, 2, 2)).tolist()
    [0.5]
    """
    return np.mean(np.asarray(images) > threshold, axis=(1, 2, 3))


def layer_moments(images: NDArray, axis: int) -> NDArray[np.float64]:
    """Return centroid and second central moment of each layer along one transverse axis; see `moments`.

    Args:
        images: Deposits in GeV, shape (n, x, y, z).
        axis: 1 for x, 2 for y.

    Returns:
        Centroid in cells and second central moment in cells^2, shape (n, z, 2).

    >>> layer_moments(np.array([[1.0, 0.0], [1.0, 4.0]]).reshape(1, 2, 1, 2), 1).tolist()
    [[[0.5, 0.25], [1.0, 0.0]]]
    """
    slices = np.swapaxes(np.sum(images, axis=3 - axis, dtype=np.float64), 1, 2)
    events, layers, cells = slices.shape
    return moments(slices.reshape(-1, cells)).reshape(events, layers, 2)


def cell_spectrum(images: NDArray) -> NDArray[np.int32]:
    """Count the cells with energy in bins of their energy.

    Args:
        images: Deposits in GeV, shape (n, x, y, z); cells without energy are not counted, nor is what is not finite.

    Returns:
        Shape (n, bins): below the first of `CELL_EDGES`, between them, above the last.

    >>> counts = cell_spectrum(np.array([0.0, 1e-9, 2e-3, 1e3]).reshape(1, 2, 2, 1))
    >>> counts.shape, np.flatnonzero(counts).tolist()
    ((1, 42), [0, 17, 41])
    """
    flat, bins = np.reshape(images, (len(images), int(np.prod(images.shape[1:])))), len(CELL_EDGES) + 1
    filled = (flat > 0) & np.isfinite(flat)
    decades = np.log10(flat, out=np.zeros(flat.shape, dtype=np.float32), where=filled) - np.log10(CELL_EDGES[0])
    place = np.clip(np.floor(decades * CELLS_PER_DECADE) + 1, 0, bins - 1)
    place = np.where(filled, place, bins).astype(np.int32) + (bins + 1) * np.arange(len(flat), dtype=np.int32)[:, None]
    counts = np.bincount(place.ravel(), minlength=(bins + 1) * len(flat)).reshape(-1, bins + 1)
    return counts[:, :bins].astype(np.int32)


def layer_correlation(profile: NDArray) -> NDArray[np.float64]:
    """Return Pearson's correlation between the energies of layers.

    Args:
        profile: Energy in layers in GeV, shape (n, layers).

    Returns:
        Correlations, shape (layers, layers). A layer whose energy never changes is correlated with itself alone.

    >>> layer_correlation(np.array([[1.0, 2.0, 5.0], [2.0, 1.0, 5.0]])).round(6).tolist()
    [[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    centred = profile - profile.mean(axis=0)
    spread = np.sqrt((centred**2).sum(axis=0))
    unit = np.divide(centred, spread, out=np.zeros(centred.shape), where=spread != 0)
    correlation = unit.T @ unit
    np.fill_diagonal(correlation, 1.0)
    return correlation
