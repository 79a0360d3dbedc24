"""What both frameworks share of the Wasserstein GAN: its numbers, and checks of its arguments.

Gulrajani et al., "Improved training of Wasserstein GANs", arXiv:1704.00028.
"""

from functools import cache
from math import prod

import numpy as np
from numpy.typing import NDArray

from hvdgan.backends.published import Cells
from hvdgan.errors import ConfigError

UNITS = 256
"""Of the dense layers, at width 1."""

GENTLE = 0.1
"""Gain of the generator's last layer, next to that of the others: showers begin as nearly what is known of them."""

STEADY = 0.1
"""Of the logarithm of a shower's sum, next to those of its cells: sums fluctuate less."""

SAMPLED = 2.0
"""Deposit in GeV of a shower of 100 GeV, about: what is known of a shower without a template."""

FAR = 12.0
"""Most that the logarithm of a cell's expectation departs from what is known of the shower."""

FLOOR = 0.03
"""Share of a shower that is added to each slice before slices are compared: faint ones matter less."""

LOUD = 5.0
"""Weight of the sum of cells, next to that of a slice."""

WAVES = 32
"""At most so many of a latent vector's numbers say how lucky cells are."""

TINY = 1e-12
"""Added to the square of a length before its root is taken: keeps the slope of no length finite."""

LUCKY = 1e-5
"""Nearest to 0 and 1 that a probability comes."""


def check_wgan_gp(
    image_shape: Cells, width: float, critic_steps: int, penalty: float, distance: float, hit: float, spread: float
) -> None:
    """Check the arguments of `build_wgan_gp`.

    Raises:
        ConfigError: The grid is too small, or a number is out of its range.
    """
    if min(image_shape) < 2:
        given = " x ".join(map(str, image_shape))
        raise ConfigError(f"wgan_gp cannot work on {given} cells; at least 2 along each axis are needed")
    for name, value, legal in (
        ("width", width, width > 0),
        ("critic_steps", critic_steps, critic_steps > 0),
        ("penalty", penalty, penalty >= 0),
        ("distance", distance, distance >= 0),
        ("hit_energy", hit, hit > 0),
        ("hit_spread", spread, 0.05 <= spread <= 2),
    ):
        if not legal:
            raise ConfigError(
                f"gan.model_args.{name}: {value} is out of range; hit_spread lies in [0.05, 2], penalty and distance "
                "are not below 0, width, critic_steps and hit_energy are above 0"
            )


@cache
def waves(image_shape: Cells, latent_size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the waves that turn a latent vector into luck for each cell: the same in every process, never trained.

    A cell's phase in turns is its wave's product with the first numbers of the latent vector. The waves are so short
    that phases of different cells, and of different noise, have nothing to do with one another: a few numbers make a
    shower's worth of independent ones.

    Args:
        image_shape: Cells along x, y, z.
        latent_size: Length of a latent vector.

    Returns:
        Wave numbers in turns, (m, cells) for at most `WAVES` = m numbers, and phases in turns, (cells,).
    """
    numbers, cells = min(WAVES, latent_size), prod(image_shape)
    random = np.random.default_rng((numbers, *image_shape))
    return random.normal(size=(numbers, cells)) * (WAVES / numbers) ** 0.5, random.random(cells)
