"""What both frameworks share of the Wasserstein GAN: its numbers, and checks of its arguments.

Gulrajani et al., "Improved training of Wasserstein GANs", arXiv:1704.00028.
"""

from hvdgan.backends.published import Cells
from hvdgan.errors import ConfigError

GENERATOR_FILTERS = (32, 24, 16)
"""Of the dense seed and of the convolutions after each doubling of cells, at width 1."""

CRITIC_FILTERS = (16, 32)
"""Of the convolutions, each of which halves the cells, at width 1."""

CRITIC_UNITS = 64
"""Of the dense layer in which cells, profiles and conditions meet, at width 1."""

HEAD_START = {True: 1.0, False: 0.1}
"""What the generator's cells begin with, in their measure: the template itself, or, without one, little."""

GENTLE = 0.1
"""Gain of the generator's last layer, next to that of the others: showers begin as nearly what they begin with."""

SAMPLED = 2.0
"""Deposit in GeV of a shower of 100 GeV, about: the unit of profiles."""


def seed_shape(image_shape: Cells) -> Cells:
    """Return the cells that two doublings turn into at least a grid, and that two halvings leave of it.

    >>> seed_shape((25, 25, 25)), seed_shape((9, 9, 13))
    ((7, 7, 7), (3, 3, 4))
    """
    x, y, z = (-(-cells // 4) for cells in image_shape)
    return x, y, z


def check_wgan_gp(
    image_shape: Cells, width: float, critic_steps: int, penalty: float, cell_unit: float, cell_power: float
) -> None:
    """Check the arguments of `build_wgan_gp`.

    Raises:
        ConfigError: The grid is too small, or a number is out of its range.
    """
    if min(image_shape) < 4:
        given = " x ".join(map(str, image_shape))
        raise ConfigError(f"wgan_gp cannot work on {given} cells; at least 4 along each axis are needed")
    for name, value, legal in (
        ("width", width, width > 0),
        ("critic_steps", critic_steps, critic_steps > 0),
        ("penalty", penalty, penalty >= 0),
        ("cell_unit", cell_unit, cell_unit > 0),
        ("cell_power", cell_power, 0 < cell_power <= 1),
    ):
        if not legal:
            raise ConfigError(
                f"gan.model_args.{name}: {value} is out of range; cell_power lies in (0, 1], penalty is not below 0, "
                "width, critic_steps and cell_unit are above 0"
            )
