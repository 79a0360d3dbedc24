"""What both frameworks share of 3DGAN: the published numbers, and the arithmetic of its layers' shapes.

github.com/svalleco/3Dgan, keras/EcalEnergyGan.py; EPJ Web Conf. 214 (2019) 06025.
"""

from hvdgan.errors import ConfigError

Cells = tuple[int, int, int]
"""Numbers of cells along x, y, z."""

SLOPE = 0.3
"""Of the leaky units below zero."""

MOMENTUM, EPSILON = 0.99, 1e-3
"""Of batch normalisation, as Keras defines them: running statistics keep 99 % at each step."""

CLASS_SPREAD = 0.2
"""Standard deviation around 1 of the numbers that tell the generator a particle class, before training."""

SOFTENING = 0.01
"""Added to cells, in their unit, before a root is taken: keeps the slope at empty cells finite."""

SMALLEST_GRID = 4


def check_3dgan(image_shape: Cells, width: float, dropout: float, cell_unit: float, cell_power: float) -> None:
    """Check the arguments of `build_3dgan`.

    Raises:
        ConfigError: The grid is smaller than the kernels, or a number is out of its range.
    """
    if min(image_shape) < SMALLEST_GRID:
        given = " x ".join(map(str, image_shape))
        raise ConfigError(f"3dgan cannot work on {given} cells; at least {SMALLEST_GRID} along each axis are needed")
    for name, value, legal in (
        ("width", width, width > 0),
        ("dropout", dropout, 0 <= dropout < 1),
        ("cell_unit", cell_unit, cell_unit > 0),
        ("cell_power", cell_power, 0 < cell_power <= 1),
    ):
        if not legal:
            raise ConfigError(
                f"gan.model_args.{name}: {value} is out of range; dropout lies in [0, 1), cell_power in (0, 1], "
                "width and cell_unit are above 0"
            )


def filters(published: int, width: float) -> int:
    """Scale a published number of filters.

    >>> filters(64, 0.25), filters(6, 0.05)
    (16, 1)
    """
    return max(1, round(published * width))


def seed_shape(image_shape: Cells) -> Cells:
    """Return the cells of the smallest dense seed that the generator's layers turn into at least this grid.

    The published layers make 4 s - 3 cells of s along x and y and 6 s - 23 along z.

    >>> seed_shape((25, 25, 25)), seed_shape((12, 12, 12)), seed_shape((51, 51, 25))
    ((7, 7, 8), (4, 4, 6), (14, 14, 8))
    """
    x, y, z = image_shape
    return -(-(x + 3) // 4), -(-(y + 3) // 4), -(-(z + 23) // 6)


def dropped_of_words(dropout: float) -> tuple[int, float]:
    """Return how many of the 65536 words of 16 bits drop a number, and by what the others scale it up.

    >>> dropped_of_words(0.5)
    (32768, 2.0)
    """
    dropped = min(round(dropout * 2**16), 2**16 - 1)
    return dropped, 2**16 / (2**16 - dropped)
