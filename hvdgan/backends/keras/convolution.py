"""Convolutions that compute what `layers.Conv3D` does, faster where channels are few; see `backends.phases`.

Weights are those of `layers.Conv3D`, with its names and shapes.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import tensorflow as tf
from keras import layers
from tensorflow import Tensor

from hvdgan.backends.phases import Axis, collapse, combine, group

Cells = tuple[int | None, ...]

WIDE = 16
"""Channels before a convolution that fill a register: their gradient is faster the plain way, but in bfloat16."""


class Grouped(layers.Conv3D):
    """A convolution, computed for several cells along z at once; channels-last, their channels lie side by side.

    Args:
        channels: Of the images after it.
        kernel: Cells of the kernel along each axis.
        padding: Zeros on either side of the image.
        together: Cells along z that are computed at once.
        settings: Of any Keras layer.
    """

    def __init__(self, channels: int, kernel: int, padding: int, together: int, **settings: Any) -> None:
        super().__init__(channels, kernel, **settings)
        self.around, self.together = (padding,) * 3, (1, 1, together)

    def call(self, image: Tensor) -> Tensor:
        """Convolve images (n, x, y, z, channels)."""
        kernel, axes = self.kernel, self._axes(image.shape)
        if image.dtype == tf.bfloat16 or image.shape[4] < WIDE or 2 * self.around[0] + 1 != self.kernel_size[0]:
            return convolve(image, kernel, self.bias, axes)
        made = convolve(tf.stop_gradient(image), kernel, self.bias, axes)
        return _pass_plainly(made, image, kernel)

    def compute_output_shape(self, shape: Cells) -> Cells:
        """Return the shape of images after it."""
        return shape[0], *[axis.cells for axis in self._axes(shape)], self.filters

    def _axes(self, shape: Cells) -> list[Axis]:
        """Return what happens along each axis of images of a shape."""
        sizes = zip(shape[1:4], self.kernel_size, self.around, self.together, strict=True)
        return [group(*size) for size in sizes]


class Repeated(layers.Conv3D):
    """A convolution of an up-sampled image, computed from what was up-sampled.

    Args:
        channels: Of the images after it.
        kernel: Cells of the kernel along each axis.
        factor: How often each cell is repeated along each axis before the convolution.
        around: Zeros before and after the up-sampled image, along each axis.
        settings: Of any Keras layer.
    """

    def __init__(
        self,
        channels: int,
        kernel: Sequence[int],
        factor: Sequence[int],
        around: Sequence[tuple[int, int]],
        **settings: Any,
    ) -> None:
        super().__init__(channels, kernel, **settings)
        self.factor, self.around = factor, around

    def call(self, image: Tensor) -> Tensor:
        """Repeat the cells of images (n, x, y, z, channels), pad and convolve them."""
        return convolve(image, self.kernel, self.bias, self._axes(image.shape))

    def compute_output_shape(self, shape: Cells) -> Cells:
        """Return the shape of images after it."""
        return shape[0], *[axis.cells for axis in self._axes(shape)], self.filters

    def _axes(self, shape: Cells) -> list[Axis]:
        """Return what happens along each axis of images of a shape."""
        sizes = zip(shape[1:4], self.kernel_size, self.around, self.factor, strict=True)
        return [collapse(*size) for size in sizes]


class Unfolded(layers.Conv3D):
    """A convolution of images with one channel, which reads each cell's neighbours along z as channels of its own.

    Args:
        channels: Of the images after it.
        kernel: Cells of the kernel along each axis.
        padding: Zeros on either side of the image.
        settings: Of any Keras layer.
    """

    def __init__(self, channels: int, kernel: int, padding: int, **settings: Any) -> None:
        super().__init__(channels, kernel, **settings)
        self.around = padding

    def call(self, image: Tensor) -> Tensor:
        """Convolve images (n, x, y, z, 1)."""
        kernel, none, around = self.kernel[:, :, :, 0], (0, 0), (self.around, self.around)
        keeps = all(2 * self.around + 1 == many for many in self.kernel_size[:2])
        padded = tf.pad(image, (none, *[none if keeps else around] * 2, around, none))
        taps, last = self.kernel_size[2], padded.shape[3] - self.kernel_size[2] + 1
        columns = tf.concat([_keep(padded, 3, first, last) for first in range(taps)], axis=4)
        padding = "SAME" if keeps else "VALID"
        return tf.nn.conv3d(columns, kernel[:, :, None], strides=(1,) * 5, padding=padding) + self.bias

    def compute_output_shape(self, shape: Cells) -> Cells:
        """Return the shape of images after it."""
        cells = [whole + 2 * self.around - many + 1 for whole, many in zip(shape[1:4], self.kernel_size, strict=True)]
        return shape[0], *cells, self.filters


@tf.custom_gradient
def _pass_plainly(made: Tensor, image: Tensor, kernel: Tensor) -> tuple[Tensor, Callable[..., Any]]:
    """Return images as they are, whose gradient goes to those they were made of as through a plain convolution."""

    def find_slopes(slope: Tensor) -> tuple[Tensor, Tensor, None]:
        sizes = {"input_sizes": tf.shape(image), "strides": [1] * 5, "padding": "SAME"}
        return slope, tf.raw_ops.Conv3DBackpropInputV2(filter=kernel, out_backprop=slope, **sizes), None

    return tf.identity(made), find_slopes


def convolve(image: Tensor, kernel: Tensor, bias: Tensor | None, axes: Sequence[Axis]) -> Tensor:
    """Convolve images by the larger kernel that some axes make of a kernel.

    Args:
        image: (n, x, y, z, channels).
        kernel: (x, y, z, in, out).
        bias: (out,).
        axes: What happens along x, y, z; cells are read together along z alone.

    Returns:
        Images, (n, x, y, z, out).
    """
    large = _enlarge(tf.convert_to_tensor(kernel), axes)
    keeps = all(axis.taps == 2 * axis.padding + 1 for axis in axes)
    read = _join(_pad(image, axes, by_hand=not keeps), axes[2].read)
    groups = tf.nn.conv3d(read, large, strides=(1,) * 5, padding="SAME" if keeps else "VALID")
    if bias is not None:
        groups += tf.tile(bias, [prod(axis.made for axis in axes)])
    return _part(groups, axes)


def _enlarge(kernel: Tensor, axes: Sequence[Axis]) -> Tensor:
    """Return the larger kernel, (taps along x, y, z, cells read together * in, cells made together * out)."""
    into, out = kernel.shape[3:]
    matrix = combine(tuple(axes))
    taps, read, made, elements = matrix.shape
    flat = tf.constant(matrix.reshape(-1, elements), dtype=kernel.dtype)
    large = tf.reshape(flat @ tf.reshape(kernel, (elements, -1)), (taps, read, made, into, out))
    shape = (*[axis.taps for axis in axes], read * into, made * out)
    return tf.reshape(tf.transpose(large, (0, 1, 3, 2, 4)), shape)


def _pad(image: Tensor, axes: Sequence[Axis], by_hand: bool) -> Tensor:
    """Put zeros around images (n, x, y, z, channels); by hand also those that a convolution could put itself.

    TensorFlow's can put as many on either side as leave the number of cells as it is. Then the gradient of the zeros,
    which nobody wants, is not computed.
    """
    more = [axis.padding * axis.read if by_hand else 0 for axis in axes]
    around = [(axis.before + zeros, axis.after + zeros) for axis, zeros in zip(axes, more, strict=True)]
    return tf.pad(image, ((0, 0), *around, (0, 0))) if any(map(any, around)) else image


def _join(image: Tensor, read: int) -> Tensor:
    """Turn groups of cells along z into channels: (n, x, y, z, channels) to (n, x, y, z / read, read * channels)."""
    x, y, z, channels = image.shape[1:]
    return image if read == 1 else tf.reshape(image, (-1, x, y, z // read, read * channels))


def _part(groups: Tensor, axes: Sequence[Axis]) -> Tensor:
    """Turn channels back into groups of cells, and leave out those that were too many."""
    blocks, channels = groups.shape[1:4], groups.shape[4]
    first, second, third = (axis.made for axis in axes)
    split = groups
    if first * second > 1:
        split = tf.reshape(groups, (-1, *blocks, first, second, channels // (first * second)))
        split = tf.transpose(split, (0, 1, 4, 2, 5, 3, 6))
    x, y, z = (many * axis.made for many, axis in zip(blocks, axes, strict=True))
    cells = tf.reshape(split, (-1, x, y, z, channels // (first * second * third)))
    for number, axis in enumerate(axes, start=1):
        cells = _keep(cells, number, 0, axis.cells)
    return cells


def _keep(image: Tensor, axis: int, first: int, count: int) -> Tensor:
    """Keep some cells along an axis of images; the gradient of `tf.slice` costs a sixth of that of an index."""
    if image.shape[axis] == count:
        return image
    begin, size = [0] * 5, [-1] * 5
    begin[axis], size[axis] = first, count
    return tf.slice(image, begin, size)
