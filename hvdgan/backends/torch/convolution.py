"""Convolutions that compute what `nn.Conv3d` does, faster where channels are few; see `backends.phases`.

Weights are those of `nn.Conv3d`, with its names and shapes. Images leave channels-last.
"""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional

from hvdgan.backends.phases import Axis, collapse, combine, group

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
        axes: What happens along x, y, z; cells are read together along z alone.

    Returns:
        Images, (n, out, x, y, z), channels-last.
    """
    many = prod(axis.made for axis in axes)
    large = _enlarge(kernel, axes)
    biases = bias if bias is None else bias.repeat(many)
    groups = _convolve_last(_join(_pad(image, axes), axes[2].read), large, biases, [axis.padding for axis in axes])
    return _part(groups, axes)


def _convolve_last(image: Tensor, kernel: Tensor, bias: Tensor | None, padding: Sequence[int]) -> Tensor:
    """Convolve channels-last."""
    images, kernels = (one.contiguous(memory_format=torch.channels_last_3d) for one in (image, kernel))
    return functional.conv3d(images, kernels, bias, padding=tuple(padding))


def _enlarge(kernel: Tensor, axes: Sequence[Axis]) -> Tensor:
    """Return the larger kernel, (cells made together * out, cells read together * in, taps along x, y, z)."""
    out, into = kernel.shape[:2]
    matrix = torch.from_numpy(combine(tuple(axes))).to(kernel)
    with torch.autocast(kernel.device.type, enabled=False):
        large = matrix.flatten(0, 2) @ kernel.flatten(2).permute(2, 0, 1).flatten(1)
    split = large.view(*matrix.shape[:3], out, into).permute(2, 3, 1, 4, 0)
    return split.reshape(matrix.shape[2] * out, matrix.shape[1] * into, *[axis.taps for axis in axes])


def _pad(image: Tensor, axes: Sequence[Axis]) -> Tensor:
    """Put the zeros around images (n, channels, x, y, z) that the convolution does not."""
    cells = image.permute(LAST)
    for number, axis in enumerate(axes, start=1):
        if axis.before or axis.after:
            shapes = [[*cells.shape[:number], many, *cells.shape[number + 1 :]] for many in (axis.before, axis.after)]
            before, after = map(cells.new_zeros, shapes)
            cells = torch.cat((before, cells, after), dim=number)
    return cells.permute(FIRST)


def _join(image: Tensor, read: int) -> Tensor:
    """Turn groups of cells along z into channels: (n, channels, x, y, z) to (n, read * channels, x, y, z / read)."""
    return image if read == 1 else image.permute(LAST).unflatten(3, (-1, read)).flatten(4).permute(FIRST)


def _part(groups: Tensor, axes: Sequence[Axis]) -> Tensor:
    """Turn channels back into groups of cells, and leave out those that were too many."""
    count, _, *blocks = groups.shape
    first, second, _ = (axis.made for axis in axes)
    split = groups.permute(LAST).reshape(count, *blocks, first, second, -1).permute(0, 1, 4, 2, 5, 3, 6)
    x, y, z = (many * axis.made for many, axis in zip(blocks, axes, strict=True))
    cells = split.reshape(count, x, y, z, -1)
    return cells[:, : axes[0].cells, : axes[1].cells, : axes[2].cells].permute(FIRST)
