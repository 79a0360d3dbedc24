"""`hvdgan simulate`: shower files from the parametrised simulation, the same whatever the number of ranks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hvdgan.calo.geometry import CLIC, Geometry
from hvdgan.calo.hcal import CLIC_HCAL
from hvdgan.calo.shower import Conditions
from hvdgan.calo.simulate import draw_conditions, simulate_chunks
from hvdgan.data.formats import Format, LcdV1, LcdWindow
from hvdgan.errors import ConfigError, UsageError
from hvdgan.files import read_yaml
from hvdgan.parallel.world import World


@dataclass(frozen=True)
class Layout:
    """A file format, and the windows that its data sets look through.

    Args:
        format: Writes the files.
        ecal: Cells along x and y; None keeps those of the geometry.
        hcal: Cells of the hadron calorimeter along x and y.
    """

    format: Format
    ecal: tuple[int, int] | None
    hcal: tuple[int, int]


LAYOUTS = {
    LcdV1.name: Layout(LcdV1(), None, (5, 5)),
    LcdWindow.name: Layout(LcdWindow(), (51, 51), (11, 11)),
}
"""What `--layout` chooses from."""


@dataclass(frozen=True)
class Mix:
    """Particle classes, and how often each is drawn.

    Args:
        names: Of the classes.
        parts: In proportion; None where all are drawn alike.
    """

    names: tuple[str, ...]
    parts: tuple[float, ...] | None = None

    @classmethod
    def parse(cls, words: Sequence[str]) -> "Mix":
        """Read words such as electron:2; a class without a number has one part, and no word means electrons.

        Raises:
            ConfigError: What follows the colon is no number.

        >>> Mix.parse(["electron:2", "photon"])
        Mix(names=('electron', 'photon'), parts=(2.0, 1.0))
        """
        pairs = [word.partition(":") for word in words or ("electron",)]
        try:
            parts = tuple(float(number) if colon else 1.0 for _, colon, number in pairs)
        except ValueError:
            raise ConfigError(f"particles {' '.join(words)}: a number is needed after a colon: electron:2") from None
        return cls(tuple(name for name, _, _ in pairs), parts if len(set(parts)) > 1 else None)

    @property
    def hadronic(self) -> bool:
        """Return whether hadrons are among the classes."""
        return any(name.endswith("hadron") for name in self.names)


@dataclass(frozen=True)
class Order:
    """What to simulate.

    Args:
        directory: Where the files go.
        files: How many.
        events: In each file.
        energies: Range of the incident energy in GeV, uniform.
        particles: Words such as electron:2, see `Mix`.
        seed: Seeds everything; file i depends on (seed, i) alone.
        theta: Range of the polar angle in degrees, uniform; 90 is perpendicular.
        phi: Range of the azimuthal angle in degrees, uniform; 0 is perpendicular.
        hcal: Whether the hadron calorimeter is simulated; None means, if there are hadrons.
        layout: Name of the files' layout.
    """

    directory: Path
    files: int
    events: int
    energies: tuple[float, float]
    particles: tuple[str, ...]
    seed: int
    theta: tuple[float, float] = (90.0, 90.0)
    phi: tuple[float, float] = (0.0, 0.0)
    hcal: bool | None = None
    layout: str = LcdV1.name

    def path(self, number: int) -> Path:
        """Return the name of a file."""
        return self.directory / f"showers_{number:03d}.h5"

    def draw(self, number: int) -> Conditions:
        """Draw the particles of a file.

        Raises:
            ConfigError: A range, a class or its part is not legal.
        """
        mix, angles = Mix.parse(self.particles), [np.radians(span) for span in (self.theta, self.phi)]
        return draw_conditions(self.events, self.energies, mix.names, self.seed, number, mix.parts, *angles)


@dataclass(frozen=True)
class Detector:
    """What is simulated and written.

    Args:
        ecal: The electromagnetic calorimeter.
        hcal: The hadron calorimeter, if it is simulated.
        format: Writes the files.
    """

    ecal: Geometry
    hcal: Geometry | None
    format: Format


def read_geometry(path: Path | None, grid: tuple[int, int, int] | None) -> Geometry:
    """Build the geometry of a YAML file with cells merged to a grid; what the file leaves out is as in `CLIC`.

    Raises:
        ConfigError: The file cannot be read or does not describe a calorimeter.
    """
    geometry = Geometry.parse({**CLIC, **read_yaml(path, "geometry")} if path else CLIC)
    return geometry.with_grid(*grid) if grid else geometry


def build_detector(order: Order, path: Path | None, grid: tuple[int, int, int] | None) -> Detector:
    """Build the calorimeters that an order needs, with the windows of its layout.

    Raises:
        ConfigError: The layout is unknown, a grid is given for one with a window of its own, or see `read_geometry`.
    """
    if order.layout not in LAYOUTS:
        raise ConfigError(f"layout {order.layout!r} cannot be written; legal are {', '.join(LAYOUTS)}")
    layout = LAYOUTS[order.layout]
    if layout.ecal and grid:
        raise ConfigError(f"layout {order.layout} has {layout.ecal} cells of its own; leave --grid out")
    ecal = read_geometry(path, grid)
    wanted = Mix.parse(order.particles).hadronic if order.hcal is None else order.hcal
    hcal = CLIC_HCAL.with_window(*layout.hcal) if wanted else None
    return Detector(ecal.with_window(*layout.ecal) if layout.ecal else ecal, hcal, layout.format)


def write_files(
    order: Order,
    geometry: Path | None,
    grid: tuple[int, int, int] | None,
    world: World,
    told: Callable[[Path, int], None],
) -> None:
    """Simulate and write this rank's files.

    Args:
        order: What to simulate.
        geometry: YAML file of another electromagnetic calorimeter than the default.
        grid: Merge its cells to so many.
        world: Files are dealt out to its ranks.
        told: Called with each finished file and its number of events.

    Raises:
        UsageError: A file exists already.
        ConfigError: The order is not legal.
    """
    detector = world.agree(lambda: build_detector(order, geometry, grid))
    world.agree(lambda: _prepare(order))
    for number in range(world.rank, order.files, world.size):
        chunks = simulate_chunks(order.draw(number), detector.ecal, order.seed, number, detector.hcal)
        detector.format.write_blocks(order.path(number), chunks)
        told(order.path(number), order.events)


def _prepare(order: Order) -> None:
    """Refuse what cannot be drawn or would be overwritten, and make the folder."""
    order.draw(0)
    taken = [str(order.path(number)) for number in range(order.files) if order.path(number).exists()]
    if taken:
        raise UsageError(f"{taken[0]} exists already; choose another --out or remove the old files")
    try:
        order.directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make {order.directory}: {error.strerror}") from None
