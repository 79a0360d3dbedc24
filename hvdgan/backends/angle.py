"""What both frameworks share of 3DGAN with angle: its published numbers, and the arithmetic of its layers' shapes.

github.com/svalleco/3Dgan, branch Anglegan, AngleArch3dGAN.py: 51 x 51 x 25 cells, latent vectors of 254 normal numbers
behind the incident energy and theta, 1,365,047 and 87,402 parameters.
"""

from hvdgan.backends.published import Cells, check_3dgan
from hvdgan.errors import ConfigError

Pads = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
"""Zeros before and after the cells along x, y, z."""

SEED_FILTERS = 8
"""Of the dense seed, whose cells are repeated six times along each axis, at width 1."""

REPEAT = 6

GENERATOR = (
    (8, (6, 6, 8), (0, 0, 0)),
    (6, (4, 4, 6), (2, 2, 1)),
    (6, (4, 4, 6), (2, 2, 1)),
    (6, (4, 4, 6), (2, 2, 1)),
    (6, (3, 3, 5), (1, 1, 0)),
    (6, (3, 3, 3), (1, 1, 0)),
    (1, (2, 2, 2), (0, 0, 0)),
)
"""Of each convolution its filters at width 1, its kernel, and the zeros on either side of the cells."""

NORMALISED = 5
"""Convolutions of the generator that are followed by a batch normalisation."""

TRUNK_FILTERS = (16, 8, 8, 8)
"""Of the discriminator's convolutions, at width 1."""

TRUNK_KERNEL: Cells = (5, 6, 6)

TRUNK_ZEROS = ((0, 0, 1), (0, 0, 1), (0, 0, 0))
"""Zeros on either side of the cells before the discriminator's second, third and fourth convolution."""

LEAST = 2
"""Cells along an axis that the discriminator's last layer, which averages pairs, needs."""

FLOOR = 1e-6
"""Softens the root of cells in place of `published.SOFTENING`; and layers below so many GeV do not tell the angle."""

NO_ANGLES = (
    "gan.model: 3dgan_angle learns from particles that enter at different angles, and here all enter at the same "
    "theta; give other data.files (`hvdgan simulate --theta 60 120 --layout lcd_window`), or train 3dgan"
)


def check_3dgan_angle(
    image_shape: Cells,
    width: float,
    dropout: float,
    cell_unit: float,
    cell_power: float,
    aspect: float,
    angles: bool,
) -> None:
    """Check the arguments of `build_3dgan_angle`.

    Raises:
        ConfigError: The grid is smaller than the kernels, a number is out of its range, or the angle does not vary.
    """
    if not angles:
        raise ConfigError(NO_ANGLES)
    check_3dgan(image_shape, width, dropout, cell_unit, cell_power)
    if aspect <= 0:
        raise ConfigError(f"gan.model_args.aspect: {aspect} is out of range; it is above 0")


def seed_shape(image_shape: Cells) -> Cells:
    """Return the cells of the smallest dense seed that the generator's layers turn into at least this grid.

    >>> seed_shape((51, 51, 25)), seed_shape((5, 9, 7))
    ((9, 9, 8), (2, 2, 5))
    """
    lost = [sum(kernel[axis] - 1 - 2 * zeros[axis] for _, kernel, zeros in GENERATOR) for axis in range(3)]
    x, y, z = (-(-(cells + less) // REPEAT) for cells, less in zip(image_shape, lost, strict=True))
    return x, y, z


def trunk_pads(image_shape: Cells) -> list[Pads]:
    """Return the zeros around the cells before each convolution of the discriminator.

    An axis too short for the published ones keeps its cells in every convolution, as all axes do in the first.

    >>> trunk_pads((51, 51, 25))[1:3], trunk_pads((6, 51, 25))[3]
    ([((0, 0), (0, 0), (1, 1)), ((0, 0), (0, 0), (1, 1))], ((2, 2), (0, 0), (0, 0)))
    """
    whole = [((kernel - 1) // 2, kernel // 2) for kernel in TRUNK_KERNEL]
    pads = []
    for axis in range(3):
        published = [(zeros[axis], zeros[axis]) for zeros in TRUNK_ZEROS]
        lost = sum(TRUNK_KERNEL[axis] - 1 - sum(zeros) for zeros in published)
        short = image_shape[axis] - lost < LEAST
        pads.append([whole[axis], *([whole[axis]] * len(published) if short else published)])
    return list(zip(*pads, strict=True))


def trunk_features(image_shape: Cells) -> Cells:
    """Return the cells that leave the discriminator's trunk.

    >>> trunk_features((51, 51, 25)), trunk_features((5, 9, 7))
    ((19, 18, 7), (2, 4, 3))
    """
    pads = trunk_pads(image_shape)
    x, y, z = (
        (cells + sum(sum(one[axis]) - TRUNK_KERNEL[axis] + 1 for one in pads)) // LEAST
        for axis, cells in enumerate(image_shape)
    )
    return x, y, z
