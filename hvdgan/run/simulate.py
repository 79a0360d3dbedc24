"""`hvdgan simulate`: shower files from the parametrised simulation, the same whatever the number of ranks."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hvdgan.calo.geometry import CLIC, Geometry
from hvdgan.calo.simulate import draw_conditions, simulate_chunks
from hvdgan.data.formats import LcdV1
from hvdgan.errors import UsageError
from hvdgan.files import read_yaml
from hvdgan.parallel.world import World


@dataclass(frozen=True)
class Order:
    """What to simulate.

    Args:
        directory: Where the files go.
        files: How many.
        events: In each file.
        energies: Range of the incident energy in GeV, uniform.
        particles: Classes, drawn with equal chances.
        seed: Seeds everything; file i depends on (seed, i) alone.
    """

    directory: Path
    files: int
    events: int
    energies: tuple[float, float]
    particles: tuple[str, ...]
    seed: int

    def path(self, number: int) -> Path:
        """Return the name of a file."""
        return self.directory / f"showers_{number:03d}.h5"


def read_geometry(path: Path | None, grid: tuple[int, int, int] | None) -> Geometry:
    """Build the geometry of a YAML file with cells merged to a grid; what the file leaves out is as in `CLIC`.

    Raises:
        ConfigError: The file cannot be read or does not describe a calorimeter.
    """
    geometry = Geometry.parse({**CLIC, **read_yaml(path, "geometry")} if path else CLIC)
    return geometry.with_grid(*grid) if grid else geometry


def write_files(order: Order, geometry: Geometry, world: World, told: Callable[[Path, int], None]) -> None:
    """Simulate and write this rank's files.

    Args:
        order: What to simulate.
        geometry: The calorimeter.
        world: Files are dealt out to its ranks.
        told: Called with each finished file and its number of events.

    Raises:
        UsageError: A file exists already.
    """
    world.agree(lambda: _check_free(order))
    for number in range(world.rank, order.files, world.size):
        conditions = draw_conditions(order.events, order.energies, order.particles, order.seed, number)
        LcdV1().write_blocks(order.path(number), simulate_chunks(conditions, geometry, order.seed, number))
        told(order.path(number), order.events)


def _check_free(order: Order) -> None:
    """Make the folder and refuse to overwrite."""
    taken = [str(order.path(number)) for number in range(order.files) if order.path(number).exists()]
    if taken:
        raise UsageError(f"{taken[0]} exists already; choose another --out or remove the old files")
    try:
        order.directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make {order.directory}: {error.strerror}") from None
