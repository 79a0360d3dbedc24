"""How cells enter and leave the networks: their unit, their measure and the window that is kept."""

from dataclasses import dataclass
from typing import Any

import keras
from tensorflow import Tensor

from hvdgan.backends.published import SOFTENING, Cells


@dataclass(frozen=True)
class CellScale:
    """How cells are measured inside the networks: (energy / unit) ** power.

    Args:
        unit: Energy in GeV that counts as 1.
        power: Less than 1 brings faint and bright cells nearer to each other.
        softening: Added to cells, in their unit, before a root is taken.
    """

    unit: float
    power: float
    softening: float = SOFTENING

    def compress(self, image: Tensor) -> Tensor:
        """Bring cells from GeV to the networks' measure, empty cells to 0."""
        softening = self.softening if self.power < 1 else 0.0
        return (image / self.unit + softening) ** self.power - softening**self.power

    def expand(self, image: Tensor) -> Tensor:
        """Bring cells from the networks' measure to GeV."""
        return image ** (1 / self.power) * self.unit


class Cut(keras.Layer):
    """Keep the central cells of an image and bring them to GeV.

    Args:
        shape: Cells to keep.
        scale: How the network measured cells.
        settings: Of any Keras layer.
    """

    def __init__(self, shape: Cells, scale: CellScale, **settings: Any) -> None:
        super().__init__(**settings)
        self.shape, self.scale = shape, scale

    def call(self, image: Tensor) -> Tensor:
        """Cut images (n, ..., 1) to (n, x, y, z, 1), in GeV."""
        starts = [(whole - cells) // 2 for whole, cells in zip(image.shape[1:4], self.shape, strict=True)]
        x, y, z = (slice(start, start + cells) for start, cells in zip(starts, self.shape, strict=True))
        return self.scale.expand(image[:, x, y, z])
