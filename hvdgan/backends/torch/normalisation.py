"""Batch normalisation, in the same arithmetic in both frameworks."""

import torch
from torch import Tensor, nn

from hvdgan.backends.torch.convolution import FIRST, LAST


class BatchNorm(nn.BatchNorm3d):
    """A batch normalisation whose sums are made event by event.

    torch's own, channels-last, adds up all cells of a batch one after the other and loses several digits in float32.
    """

    def forward(self, image: Tensor) -> Tensor:
        """Normalise images (n, c, x, y, z) by the batch in training, else by the running statistics."""
        if not self.training:
            return super().forward(image)
        cells = image.permute(LAST).to(self.weight.dtype)
        count = image.numel() // image.shape[1]
        mean = _add_up(cells) / count
        deviation = cells + mean.neg()  # has a cheaper gradient than cells - mean
        variance = _add_up(deviation * deviation) / count
        self._remember(self.running_mean, mean)
        self._remember(self.running_var, variance * (count / max(count - 1, 1)))
        cells = (deviation * (self.weight * (variance + self.eps).rsqrt())).add_(self.bias)
        return cells.to(image.dtype).permute(FIRST)

    @torch.no_grad()
    def _remember(self, running: Tensor, batch: Tensor) -> None:
        """Move a running statistic towards that of the batch."""
        running.lerp_(batch, self.momentum)


def _add_up(cells: Tensor) -> Tensor:
    """Return the sum of each channel of cells (n, x, y, z, c)."""
    return cells.sum(dim=(1, 2, 3)).sum(dim=0)
