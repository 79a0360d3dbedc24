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
        rows, many = cells.flatten(3), cells.shape[3]  # long rows: numbers by channel are repeated along them
        count = image.numel() // image.shape[1]
        mean = _add_up(rows, many) / count
        deviation = rows + mean.neg().repeat(many)  # has a cheaper gradient than a difference
        variance = _add_up(deviation * deviation, many) / count
        self._remember(self.running_mean, mean)
        self._remember(self.running_var, variance * (count / max(count - 1, 1)))
        scale = self.weight * (variance + self.eps).rsqrt()
        made = (deviation * scale.repeat(many)).add_(self.bias.repeat(many))
        return made.to(image.dtype).view(cells.shape).permute(FIRST)

    @torch.no_grad()
    def _remember(self, running: Tensor, batch: Tensor) -> None:
        """Move a running statistic towards that of the batch."""
        running.lerp_(batch, self.momentum)


def _add_up(rows: Tensor, many: int) -> Tensor:
    """Return the sum of each channel of rows (n, x, y, many * channels), event by event."""
    return rows.sum(dim=(1, 2)).sum(dim=0).view(many, -1).sum(dim=0)
