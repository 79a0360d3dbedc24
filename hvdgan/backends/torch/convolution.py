"""Convolutions that compute what `nn.Conv3d` does, faster where channels are few; see `backends.phases`.

Weights are those of `nn.Conv3d`, with its names and shapes. Images leave channels-last.
"""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional

from hvdgan.backends.phases import Axis, collapse, group

LAST, FIRST = (0, 2, 3, 4, 1), (0, 4, 1, 2, 3)
"""Orders of axes that bring the channels to the end, and back."""


class Grouped(nn.Conv3d):
    """A convolution, computed for several cells along z at once; channels-last, their channels lie side by side.

    Args:
        channels: Of the images, before and after.
        kernel: Cells of the kernel along each axis.
        padding: Zeros on either side of the image.
        together: Cells along z that are computed at once.
    """

    def __init__(self, channels: tuple[int, int], kernel: int, padding: int, together: int) -> None:
        super().__init__(*channels, kernel, padding=padding)
        self.together = (1, 1, together)

    def forward(self, image: Tensor) -> Tensor:
        """Convolve images (n, channels, x, y, z)."""
        sizes = zip(image.shape[2:], self.kernel_size, self.padding, self.together, strict=True)
        return convolve(image, self.weight, self.bias, [group(*size) for size in sizes])


class Repeated(nn.Conv3d):
    """A convolution of an up-sampled image, computed from what was up-sampled.

    Args:
        channels: Of the images, before and after.
        kernel: Cells of the kernel along each axis.
        factor: How often each cell is repeated along each axis before the convolution.
        around: Zeros before and after the up-sampled image, along each axis.
    """

    def __init__(
        self,
        channels: tuple[int, int],
        kernel: Sequence[int],
        factor: Sequence[int],
        around: Sequence[tuple[int, int]],
    ) -> None:
        super().__init__(*channels, tuple(kernel))
        self.factor, self.around = tuple(factor), tuple(around)

    def forward(self, image: Tensor) -> Tensor:
        """Repeat the cells of images (n, channels, x, y, z), pad and convolve them."""
        sizes = zip(image.shape[2:], self.kernel_size, self.around, self.factor, strict=True)
        return convolve(image, self.weight, self.bias, [collapse(*size) for size in sizes])


class Unfolded(nn.Conv3d):
    """A convolution of images with one channel, which reads each cell's neighbours along z as channels of its own.

    Args:
        channels: Of the images after it.
        kernel: Cells of the kernel along each axis.
        padding: Zeros on either side of the image.
    """

    def __init__(self, channels: int, kernel: int, padding: int) -> None:
        super().__init__(1, channels, kernel, padding=padding)

    def forward(self, image: Tensor) -> Tensor:
        """Convolve images (n, 1, x, y, z)."""
        x, y, z = self.padding
        columns = functional.pad(image, (z, z))[:, 0].unfold(3, self.kernel_size[2], 1)
        kernel = self.weight[:, 0].permute(0, 3, 1, 2)[..., None]
        return _convolve_last(columns.contiguous().permute(FIRST), kernel, self.bias, (x, y, 0))


def convolve(image: Tensor, kernel: Tensor, bias: Tensor | None, axes: Sequence[Axis]) -> Tensor:
    """Convolve images by the larger kernel that some axes make of a kernel.

    Args:
        image: (n, channels, x, y, z).
        kernel: (out, in, x, y, z).
        bias: (out,).
        axes: What happens along x, y, z.

    Returns:
        Images, (n, out, x, y, z), channels-last.
    """
    many = prod(axis.made for axis in axes)
    groups = _convolve_last(
        _join(_pad(image, axes), [axis.read for axis in axes]),
        _enlarge(kernel, axes),
        bias if bias is None else bias.repeat(many),
        [axis.padding for axis in axes],
    )
    return _part(groups, axes)


def _convolve_last(image: Tensor, kernel: Tensor, bias: Tensor | None, padding: Sequence[int]) -> Tensor:
    """Convolve channels-last."""
    layout = torch.channels_last_3d
    return functional.conv3d(
        image.contiguous(memory_format=layout), kernel.contiguous(memory_format=layout), bias, padding=tuple(padding)
    )


def _enlarge(kernel: Tensor, axes: Sequence[Axis]) -> Tensor:
    """Return the larger kernel, (cells made together * out, cells read together * in, taps along x, y, z)."""
    with torch.autocast(kernel.device.type, enabled=False):
        spreads = [torch.from_numpy(axis.spread).to(kernel) for axis in axes]
        large = torch.einsum("oixyz,apsx,bqty,cruz->abcopqristu", kernel, *spreads)
    return large.reshape(
        prod(large.shape[:4]), prod(large.shape[4:8]), *large.shape[8:]
    )


def _pad(image: Tensor, axes: Sequence[Axis]) -> Tensor:
    """Put the zeros around images (n, channels, x, y, z) that the convolution does not; copies them at most once."""
    cells = image.permute(LAST)
    for number, axis in enumerate(axes, start=1):
        shape = list(cells.shape)
        parts = []
        for zeros in (axis.before, axis.after):
            shape[number] = zeros
            parts.append(cells.new_zeros(shape))
        if axis.before or axis.after:
            cells = torch.cat((parts[0], cells, parts[1]), dim=number)
    return cells.permute(FIRST)


def _join(image: Tensor, read: Sequence[int]) -> Tensor:
    """Turn groups of cells into channels: (n, channels, x, y, z) to (n, cells read together * channels, ...)."""
    if prod(read) == 1:
        return image
    count, channels, *cells = image.shape
    x, y, z = (whole // part for whole, part in zip(cells, read, strict=True))
    split = image.permute(LAST).reshape(count, x, read[0], y, read[1], z, read[2], channels)
    return split.permute(0, 1, 3, 5, 2, 4, 6, 7).reshape(count, x, y, z, -1).permute(FIRST)


def _part(groups: Tensor, axes: Sequence[Axis]) -> Tensor:
    """Turn channels back into groups of cells, and leave out those that were too many."""
    count, channels, x, y, z = groups.shape
    first, second, third = (axis.made for axis in axes)
    split = groups.permute(LAST).reshape(count, x, y, z, first, second, third, -1)
    cells = split.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(count, x * first, y * second, z * third, -1)
    return cells[:, : axes[0].cells, : axes[1].cells, : axes[2].cells].permute(FIRST)
