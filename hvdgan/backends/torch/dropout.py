"""Dropout whose random numbers cost little: four of a 64-bit word instead of one of each."""

from collections.abc import Sequence
from math import prod

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
        kept = self._choose(image.shape, image.device)
        return kept.to(image.dtype).mul_(dropped_of_words(self.p)[1])

    def _choose(self, shape: Sequence[int], device: torch.device) -> Tensor:
        """Return 1 for the numbers of images of a shape that stay, else 0, in two bytes each."""
        sizes = [shape[axis] for axis in LAST]
        words = torch.empty(-(-prod(sizes) // 4), dtype=WORD, device=device).random_(-(2**63), None)
        kept = words.view(PART).ge_(dropped_of_words(self.p)[0] - 2**15)[: prod(sizes)]
        return kept.view(sizes).permute(FIRST)
