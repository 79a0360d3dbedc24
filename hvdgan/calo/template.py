"""The template: the mean shower of every incident energy, cell by cell, fitted to data.

The mean deposit of a cell per incident energy is a polynomial in ln E. A network that is told the template of an event
has the means to begin with, and can spend its training on how showers differ from it; normalising cell by cell is
common practice among calorimeter models (for instance CaloFlow, arXiv:2106.05285, and CaloDiffusion, arXiv:2308.03876).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TERMS = 4
"""Coefficients of the polynomial."""

REFERENCE = 100.0
"""Incident energy in GeV whose logarithm counts as 0."""


@dataclass(frozen=True)
class TemplateSums:
    """What of many showers decides the fit; sums of parts add up to the sums of the whole.

    Args:
        normal: Normal matrix, (TERMS, TERMS).
        weighted: Sums of deposits per incident energy, times each term, (TERMS, x, y, z).
    """

    normal: NDArray[np.float64]
    weighted: NDArray[np.float64]

    @classmethod
    def of(cls, images: NDArray, energy: NDArray) -> "TemplateSums":
        """Add up showers.

        Args:
            images: Deposits in GeV, (n, x, y, z).
            energy: Incident energy in GeV, (n,).
        """
        terms = _terms(energy)
        return cls(terms.T @ terms, np.tensordot(terms, images / np.reshape(energy, (-1, 1, 1, 1)), (0, 0)))

    @classmethod
    def zero(cls, image_shape: tuple[int, int, int]) -> "TemplateSums":
        """Return the sums of no shower."""
        return cls(np.zeros((TERMS, TERMS)), np.zeros((TERMS, *image_shape)))

    def __add__(self, other: "TemplateSums") -> "TemplateSums":
        """Return the sums of both parts."""
        return TemplateSums(self.normal + other.normal, self.weighted + other.weighted)

    def fit(self) -> NDArray[np.float32]:
        """Return the coefficients, (TERMS, x, y, z): the smallest, where several fit, as they do for one energy."""
        flat = self.weighted.reshape(TERMS, -1)
        return (np.linalg.pinv(self.normal, hermitian=True) @ flat).reshape(self.weighted.shape).astype(np.float32)


def expected_images(coefficients: NDArray, energy: NDArray) -> NDArray[np.float32]:
    """Return the mean showers of some incident energies.

    Args:
        coefficients: Of a fit, (TERMS, x, y, z).
        energy: Incident energy in GeV, (n,).

    Returns:
        Deposits in GeV, never negative, (n, x, y, z).
    """
    shares = np.tensordot(_terms(energy).astype(np.float32), coefficients, 1)
    return np.maximum(shares, 0) * np.reshape(energy, (-1, 1, 1, 1)).astype(np.float32)


def _terms(energy: NDArray) -> NDArray[np.float64]:
    """Return the powers of ln E, (n, TERMS)."""
    return np.vander(np.log(np.asarray(energy, dtype=np.float64) / REFERENCE), TERMS, increasing=True)
