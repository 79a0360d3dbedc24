"""A sample of showers, reduced to what the metrics need: a few hundred numbers for each event instead of its cells.

Images are reduced block by block, so that a sample of any length fits in memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hvdgan.calo.observables import (
    AxisProfiles,
    cell_spectrum,
    layer_moments,
    moments,
    sampling_fraction,
    sparsity,
    widths,
)
from hvdgan.errors import DataError

BLOCK = 128
"""Events reduced at a time."""


@dataclass(frozen=True)
class Sample:
    """What the metrics look at, for n events in Z layers.

    Args:
        energy: Incident energy in GeV, shape (n,).
        profiles: Energy in slices along the axes.
        layers: Centre in x, centre in y, width in x and width in y of each layer, in cells, shape (n, Z, 4).
        hits: Fraction of cells above the hit threshold, shape (n,).
        spectrum: Number of cells in each bin of `observables.CELL_EDGES`, shape (n, bins).

    Raises:
        DataError: A part holds another number of events.
    """

    energy: NDArray[np.float64]
    profiles: AxisProfiles
    layers: NDArray[np.float32]
    hits: NDArray[np.float64]
    spectrum: NDArray[np.int32]

    def __post_init__(self) -> None:
        """Check lengths."""
        lengths = [len(part) for part in (self.energy, self.profiles, self.layers, self.hits, self.spectrum)]
        if len(set(lengths)) > 1:
            raise DataError(f"the parts of a sample hold {lengths} events; as many of each are needed")

    @classmethod
    def of(cls, images: NDArray, energy: NDArray) -> "Sample":
        """Reduce images.

        Args:
            images: Deposits in GeV, shape (n, x, y, z); n may be 0.
            energy: Incident energy in GeV, shape (n,).

        Raises:
            DataError: Shapes differ.
        """
        starts = range(0, max(len(images), 1), BLOCK)
        return cls.join([_reduce(images[start : start + BLOCK], energy[start : start + BLOCK]) for start in starts])

    @classmethod
    def join(cls, parts: Sequence["Sample"]) -> "Sample":
        """Put the events of several samples behind one another."""
        rest = [np.concatenate([getattr(part, name) for part in parts]) for name in ("layers", "hits", "spectrum")]
        energy = np.concatenate([part.energy for part in parts])
        return cls(energy, AxisProfiles.join([part.profiles for part in parts]), *rest)

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.energy)

    def __getitem__(self, events: slice | NDArray) -> "Sample":
        """Return some of the events."""
        parts = (self.energy, self.profiles, self.layers, self.hits, self.spectrum)
        return Sample(*(part[events] for part in parts))

    def is_finite(self) -> bool:
        """Return whether every event's energy is finite."""
        return bool(np.isfinite(self.profiles.total).all())


def observe(sample: Sample) -> dict[str, NDArray[np.float64]]:
    """Return the observables of each event, those of layers with one column for each.

    Args:
        sample: n events in Z layers.

    Returns:
        `sampling_fraction`, `depth` (centroid along z, layers), `depth_width` (layers) and `sparsity`, each of shape
        (n, 1); `layer_energy` (over the incident energy), (n, Z); `layer_centre` and `layer_width` (cells; all in x,
        then all in y), (n, 2 Z).
    """
    profiles, layers = sample.profiles, np.asarray(sample.layers, dtype=np.float64)
    return {
        "sampling_fraction": sampling_fraction(profiles.total, sample.energy)[:, None],
        "layer_energy": profiles.z / sample.energy[:, None],
        "layer_centre": np.concatenate([layers[:, :, 0], layers[:, :, 1]], axis=1),
        "layer_width": np.concatenate([layers[:, :, 2], layers[:, :, 3]], axis=1),
        "depth": moments(profiles.z)[:, :1],
        "depth_width": widths(profiles.z)[:, None],
        "sparsity": sample.hits[:, None],
    }


def features(sample: Sample) -> NDArray[np.float64]:
    """Return the vector of each event that multivariate metrics compare: log10 of its energy, then its observables.

    The incident energy is part of it, so that showers that are right on average but wrong for their energy are found.

    Args:
        sample: n events in Z layers.

    Returns:
        Shape (n, 5 + 5 Z), each column in a unit of its own.
    """
    return np.concatenate([np.log10(sample.energy)[:, None], *observe(sample).values()], axis=1)


def _reduce(images: NDArray, energy: NDArray) -> Sample:
    """Reduce one block."""
    profiles = AxisProfiles.of(images)
    layers = np.concatenate([layer_moments(images, axis) for axis in (1, 2)], axis=2)
    centres, spreads = layers[:, :, [0, 2]], np.sqrt(layers[:, :, [1, 3]])
    reduced = np.concatenate([centres, spreads], axis=2, dtype=np.float32)
    return Sample(np.asarray(energy, dtype=np.float64), profiles, reduced, sparsity(images), cell_spectrum(images))
