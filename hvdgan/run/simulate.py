"""`hvdgan simulate`: shower files from the parametrised simulation, the same whatever the number of ranks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hvdgan.calo.geometry import CLIC, Geometry
from hvdgan.calo.hcal import CLIC_HCAL
from hvdgan.calo.shower import Conditions
from hvdgan.calo.simulate import AHEAD, PERPENDICULAR, draw_conditions, simulate_chunks
from hvdgan.data.formats import Format, LcdV1
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


LAYOUTS = {LcdV1.name: Layout(LcdV1(), None, (5, 5))}
"""What `--layout` chooses from."""


@dataclass(frozen=True)
class Mix:
    """Particle classes, and how often each is drawn.

    Args:
        names: Of the classes.
        parts: In proportion; None where all are drawn alike.
    """

    names: tuple[str, ...] = ("electron",)
    parts: tuple[float, ...] | None = None

    @classmethod
    def parse(cls, words: Sequence[str]) -> "Mix":
        """Read words such as electron:2; a class without a number has one part.

        Raises:
            ConfigError: What follows the colon is no number.

        >>> Mix.parse(["electron:2", "photon"])
        Mix(names=('electron', 'photon'), parts=(2.0, 1.0))
        """
        pairs = [word.partition(":") for word in words]
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
        mix: Particle classes.
        seed: Seeds everything; file i depends on (seed, i) alone.
        theta: Range of the polar angle in radians, uniform.
        phi: Range of the azimuthal angle in radians, uniform.
        hcal: Whether the hadron calorimeter is simulated; None means, if there are hadrons.
        layout: Name of the files' layout.
    """

    directory: Path
    files: int
    events: int
    energies: tuple[float, float]
    mix: Mix
    seed: int
    theta: tuple[float, float] = PERPENDICULAR
    phi: tuple[float, float] = AHEAD
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
        mix = self.mix
        return draw_conditions(
            self.events, self.energies, mix.names, self.seed, number, mix.parts, self.theta, self.phi
        )


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
    wanted = order.mix.hadronic if order.hcal is None else order.hcal
    hcal = CLIC_HCAL.with_window(*layout.hcal) if wanted else None
    return Detector(ecal.with_window(*layout.ecal) if layout.ecal else ecal, hcal, layout.format)


def write_files(order: Order, detector: Detector, world: World, told: Callable[[Path, int], None]) -> None:
    """Simulate and write this rank's files.

    Args:
        order: What to simulate.
        detector: The calorimeters.
        world: Files are dealt out to its ranks.
        told: Called with each finished file and its number of events.

    Raises:
        UsageError: A file exists already.
        ConfigError: The order is not legal.
    """
    world.agree(lambda: _check_free(order))
    for number in range(world.rank, order.files, world.size):
        chunks = simulate_chunks(order.draw(number), detector.ecal, order.seed, number, detector.hcal)
        detector.format.write_blocks(order.path(number), chunks)
        told(order.path(number), order.events)


def in_radians(degrees: tuple[float, float]) -> tuple[float, float]:
    """Return a range of angles in radians.

    >>> in_radians((0.0, 180.0)) == (0.0, np.pi)
    True
    """
    return float(np.radians(degrees[0])), float(np.radians(degrees[1]))


def _check_free(order: Order) -> None:
    """Make the folder and refuse to overwrite."""
    taken = [str(order.path(number)) for number in range(order.files) if order.path(number).exists()]
    if taken:
        raise UsageError(f"{taken[0]} exists already; choose another --out or remove the old files")
    try:
        order.directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make {order.directory}: {error.strerror}") from None
