"""Convolutions of few channels as convolutions of more: cells that lie next to each other become channels of one cell.

A processor multiplies best by matrices of 16 columns and more. A convolution of 8 output channels has 8; computed for
two neighbouring cells at once, from two neighbouring cells at once, it has 16, of which a sixth are zeros for a kernel
of 5 cells. A convolution of an up-sampled image reads every cell several times: computed for the cells that came of one
cell at once, from what they were made of, it needs no up-sampled image and a fifth of the products.

Either way it is the same sum in another order, with a kernel whose elements are those of the given kernel, or sums of
them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Axis:
    """What happens along one axis of an image.

    Args:
        spread: 0 or 1, (cells made together, cells read together, taps, kernel): which elements of the kernel each
            pair of a made and a read cell is multiplied by, at each tap of the larger kernel.
        cells: Cells that are made.
        before: Zeros that are put before the image by hand.
        after: Zeros that are put after it by hand.
        padding: Groups of zeros on either side that the convolution itself is to pad with.
    """

    spread: NDArray[np.float64]
    cells: int
    before: int
    after: int
    padding: int

    @property
    def made(self) -> int:
        """Number of cells that are made together."""
        return self.spread.shape[0]

    @property
    def read(self) -> int:
        """Number of cells that are read together."""
        return self.spread.shape[1]

    @property
    def taps(self) -> int:
        """Cells of the larger kernel."""
        return self.spread.shape[2]


@lru_cache
def group(cells: int, kernel: int, padding: int, together: int) -> Axis:
    """Return an axis along which neighbouring cells are read and made together.

    Args:
        cells: Of the image.
        kernel: Cells of the kernel.
        padding: Zeros on either side of the image.
        together: Number of neighbours; 1 is the plain convolution.

    >>> axis = group(25, 5, 2, 2)
    >>> axis.cells, axis.before, axis.after, axis.padding, axis.spread.shape
    (25, 0, 1, 1, (2, 2, 3, 5))
    >>> axis.spread[1, :, :, 0].tolist()  # the second cell begins with the second cell of the first pair
    [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    """
    made = cells + 2 * padding - kernel + 1
    taps = -(-(kernel + together - 1) // together)
    first, second, tap, element = np.ogrid[:together, :together, :taps, :kernel]
    spread = (together * tap + second - first == element).astype(np.float64)
    after = together * (-(-made // together) + taps - 1) - padding - cells
    return _share(spread, made, padding, after)


@lru_cache
def collapse(cells: int, kernel: int, padding: tuple[int, int], factor: int) -> Axis:
    """Return an axis along which every cell is repeated before it is padded and convolved.

    Args:
        cells: Of the image.
        kernel: Cells of the kernel.
        padding: Zeros before and after the repeated cells.
        factor: How often each is repeated.

    >>> axis = collapse(9, 8, (3, 3), 3)
    >>> axis.cells, axis.before, axis.after, axis.padding, axis.spread.sum(axis=3)[0].tolist()
    (26, 0, 1, 1, [[3.0, 3.0, 2.0, 0.0]])
    """
    made = factor * cells + sum(padding) - kernel + 1
    reads = (np.arange(factor)[:, None] + np.arange(kernel) - padding[0]) // factor
    first, last = int(reads.min()), int(reads.max())
    spread = (reads[:, None, None] == np.arange(first, last + 1)[None, None, :, None]).astype(np.float64)
    after = -(-made // factor) + last - cells
    return _share(spread, made, -first, after)


@lru_cache
def combine(axes: Sequence[Axis]) -> NDArray[np.float64]:
    """Return the matrix that makes the larger kernel of a kernel.

    Args:
        axes: What happens along x, y, z.

    Returns:
        0 or 1, (taps, cells read together, cells made together, elements of the kernel), each over x, y, z in order.
    """
    taps, read, made, kernel = (prod(axis.spread.shape[place] for axis in axes) for place in (2, 1, 0, 3))
    matrix = np.einsum("apsx,bqty,cruz->stupqrabcxyz", *[axis.spread for axis in axes])
    return matrix.reshape(taps, read, made, kernel)


def _share(spread: NDArray[np.float64], cells: int, before: int, after: int) -> Axis:
    """Let the convolution itself put as many of the zeros as it can."""
    read = spread.shape[1]
    padding = min(before, after) // read
    return Axis(spread, cells, before - padding * read, after - padding * read, padding)
