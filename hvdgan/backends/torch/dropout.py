"""Dropout whose random numbers cost little: four of a 64-bit word instead of one of each."""

import torch
from torch import Tensor, nn

from hvdgan.backends.published import dropped_of_words
from hvdgan.backends.torch.convolution import FIRST, LAST

WORD, PART = torch.int64, torch.int16


class Dropout(nn.Dropout):
    """Leave out a fraction of the numbers in training, and scale up the others, so that the mean stays.

    The fraction is rounded to a 65536th.
    """

    def forward(self, image: Tensor) -> Tensor:
        """Drop numbers of images (n, channels, x, y, z)."""
        return image * self._draw(image) if self.training and self.p > 0 else image

    def _draw(self, image: Tensor) -> Tensor:
        """Return what to multiply with, channels-last: 0 or a number above 1."""
        return self._choose(image).to(image.dtype).mul_(dropped_of_words(self.p)[1])

    def _choose(self, image: Tensor) -> Tensor:
        """Return 1 where a number stays and 0 elsewhere, in two bytes each, channels-last."""
        words = torch.empty(-(-image.numel() // 4), dtype=WORD, device=image.device).random_(-(2**63), None)
        kept = words.view(PART).ge_(dropped_of_words(self.p)[0] - 2**15)[: image.numel()]
        return kept.view(image.permute(LAST).shape).permute(FIRST)
