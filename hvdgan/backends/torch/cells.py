"""How cells enter and leave the networks: their unit, their measure and the window that is kept."""

from dataclasses import dataclass

from torch import Tensor, nn

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


class Cut(nn.Module):
    """Keep the central cells of an image and bring them to GeV.

    Args:
        shape: Cells to keep.
        scale: How the network measured cells.
    """

    def __init__(self, shape: Cells, scale: CellScale) -> None:
        super().__init__()
        self.shape, self.scale = shape, scale

    def forward(self, image: Tensor) -> Tensor:
        """Cut images (n, 1, ...) to (n, 1, x, y, z), in GeV."""
        for axis, cells in enumerate(self.shape, start=2):
            image = image.narrow(axis, (image.shape[axis] - cells) // 2, cells)
        return self.scale.expand(image)
