"""A model whose networks sleep instead of computing, with gradients of given sizes; for scripts/benchmarks/knobs.

A backward pass leaves all gradients at once at its end, so that nothing of their all-reduce hides behind it.
"""

import time
from typing import Any

import torch
from torch import Tensor, nn

from hvdgan.backends.model import Events
from hvdgan.backends.torch.networks import build_3dgan
from hvdgan.bench.emulation import PUBLISHED
from hvdgan.bench.operations import count_discriminator, count_generator

LATENT = 200


class Sleep(torch.autograd.Function):
    """Sleeps as long as a pass computes: once for the output, once for each kind of gradient that is asked for."""

    @staticmethod
    def forward(context: Any, seconds: float, numbers: Tensor, *weights: Tensor) -> Tensor:
        """Return the numbers, (n,)."""
        context.seconds, context.shapes = seconds, [weight.shape for weight in weights]
        time.sleep(seconds)
        return numbers.clone()

    @staticmethod
    def backward(context: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        """Return gradients; those of the weights only while they are trained."""
        _, _, *trained = context.needs_input_grad
        time.sleep(context.seconds * (2 if any(trained) else 1))
        mean = slope.mean()
        return None, slope, *[mean.expand(shape).clone() if any(trained) else None for shape in context.shapes]


class Generator(nn.Module):
    """Makes images of one number each.

    Args:
        image_shape: Cells along x, y, z.
        shapes: Of the weights.
        seconds: Of a forward pass.
    """

    def __init__(self, image_shape: tuple[int, int, int], shapes: list[torch.Size], seconds: float) -> None:
        super().__init__()
        self.weights = nn.ParameterList(nn.Parameter(torch.ones(shape)) for shape in shapes)
        self.image_shape, self.seconds = image_shape, seconds

    def forward(self, events: Events) -> Tensor:
        """Make images in GeV, (n, 1, x, y, z)."""
        numbers = Sleep.apply(self.seconds, events["energy"] * self.weights[0].mean().abs(), *self.weights)
        return numbers[:, None, None, None, None].expand(-1, 1, *self.image_shape)


class Discriminator(nn.Module):
    """Says the same number of everything it is asked.

    Args:
        shapes: Of the weights.
        seconds: Of a forward pass.
    """

    def __init__(self, shapes: list[torch.Size], seconds: float) -> None:
        super().__init__()
        self.weights = nn.ParameterList(nn.Parameter(torch.ones(shape)) for shape in shapes)
        self.seconds = seconds

    def forward(self, events: Events) -> dict[str, Tensor]:
        """Judge images in GeV, (n, 1, x, y, z)."""
        numbers = events["images"].mean(dim=(1, 2, 3, 4)) * self.weights[0].mean()
        said = Sleep.apply(self.seconds, numbers, *self.weights)
        return dict.fromkeys(("generation", "auxiliary", "ecal"), said)


def build(
    image_shape: tuple[int, int, int],
    classes: int,
    latent_size: int,
    *,
    compute: float = 0.05,
    generator: int | None = None,
    discriminator: int | None = None,
) -> tuple[Generator, Discriminator]:
    """Build networks that sleep as 3DGAN computes.

    Args:
        image_shape: Cells along x, y, z.
        classes: Number of particle classes, which they are not told.
        latent_size: Length of the latent vector.
        compute: Seconds of a step of 3DGAN: 7 passes forward or back through the generator, 10 through the
            discriminator.
        generator: Numbers of its gradient; None takes those of the published one.
        discriminator: The same.
    """
    made, judge = count_generator(PUBLISHED, LATENT, 1.0).forward, count_discriminator(PUBLISHED, 1.0, 1).forward
    unit = compute / (7 * made + 10 * judge)
    shapes = [
        [torch.Size([size])] if size else [weight.shape for weight in network.parameters()]
        for size, network in zip((generator, discriminator), build_3dgan(PUBLISHED, 1, LATENT), strict=True)
    ]
    return Generator(image_shape, shapes[0], unit * made), Discriminator(shapes[1], unit * judge)
