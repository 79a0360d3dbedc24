"""Operations of a step of 3DGAN: 2 per multiply and add, output cells x kernel of every layer.

Activations, normalisations and optimizers are left out: they are small beside the convolutions. The gradient by a
layer's weights takes as many operations as its forward pass, and so does the one by its input, where it is needed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any

from hvdgan.backends.published import Cells, filters, seed_shape


@dataclass(frozen=True)
class Network:
    """Operations of one event's forward pass.

    Args:
        first: Of the layer that meets the input, whose gradient by its input nobody needs while it learns.
        rest: Of all the other layers.
    """

    first: int
    rest: int

    @property
    def forward(self) -> int:
        """Operations of the whole forward pass."""
        return self.first + self.rest

    @property
    def learning(self) -> int:
        """Operations of a forward pass and the gradients by all weights."""
        return 2 * self.first + 3 * self.rest


def count_step(model: str, grid: Cells, latent_size: int, model_args: Mapping[str, Any], classes: int) -> int | None:
    """Return the operations of a training step for one event; None for a model whose layers are not known here.

    Args:
        model: Name of the model.
        grid: Cells along x, y, z.
        latent_size: Length of the latent vector.
        model_args: The model's own hyper-parameters.
        classes: Number of particle classes.

    >>> round(count_step("3dgan", (25, 25, 25), 200, {}, 1) / 1e9, 1)
    19.0
    """
    if model != "3dgan":
        return None
    width = model_args.get("width", 1.0)
    generator = count_generator(grid, latent_size, width)
    discriminator = count_discriminator(grid, width, classes)
    fooling = generator.learning + 2 * discriminator.forward
    return 2 * discriminator.learning + generator.forward + 2 * fooling


def count_generator(grid: Cells, latent_size: int, width: float) -> Network:
    """Return the operations of the generator; its layers' cells follow from its paddings, see `seed_shape`.

    >>> round(count_generator((25, 25, 25), 200, 1.0).forward / 1e9, 2)
    0.51
    """
    first, wide, narrow = (filters(number, width) for number in (8, 64, 6))
    x, y, z = seed = seed_shape(grid)
    layers = [
        (seed, 6 * 6 * 8, first, wide),
        ((2 * x - 1, 2 * y, 2 * z - 7), 6 * 5 * 8, wide, narrow),
        ((4 * x - 2, 4 * y - 2, 6 * z - 22), 3 * 3 * 8, narrow, narrow),
        ((4 * x - 3, 4 * y - 3, 6 * z - 23), 2 * 2 * 2, narrow, 1),
    ]
    return Network(2 * latent_size * first * prod(seed), sum(_convolution(*layer) for layer in layers))


def count_discriminator(grid: Cells, width: float, classes: int) -> Network:
    """Return the operations of the discriminator.

    >>> round(count_discriminator((25, 25, 25), 1.0, 1).forward / 1e9, 2)
    1.57
    """
    channels = [1, *(filters(number, width) for number in (32, 8, 8, 8))]
    inner = tuple(cells - 2 for cells in grid)
    first, *rest = [
        _convolution(cells, 5**3, *pair)
        for cells, pair in zip((grid, grid, grid, inner), pairwise(channels), strict=True)
    ]
    heads = 2 + (classes if classes > 1 else 0)
    features = channels[-1] * prod(cells // 2 for cells in inner)
    return Network(first, sum(rest) + 2 * heads * features)


def _convolution(cells: Cells, kernel: int, inputs: int, outputs: int) -> int:
    """Return the operations of a convolution."""
    return 2 * prod(cells) * kernel * inputs * outputs
