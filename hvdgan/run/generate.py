"""`hvdgan generate`: showers from a trained generator, in bounded memory, shared between the ranks of the job."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hvdgan.backends import load
from hvdgan.backends.events import classify
from hvdgan.backends.interface import Gan
from hvdgan.calo.shower import PARTICLES, Conditions, Showers
from hvdgan.config import Config
from hvdgan.data.files import open_files
from hvdgan.data.formats import LcdV1
from hvdgan.errors import ConfigError, UsageError
from hvdgan.parallel.agreement import share
from hvdgan.parallel.launcher import check_one_world
from hvdgan.parallel.ring import SoloRing
from hvdgan.parallel.world import World
from hvdgan.report.counter import counting
from hvdgan.run.build import UNTOLD, make_spec
from hvdgan.run.directory import existing, read_config
from hvdgan.run.processes import pin_world
from hvdgan.training.checkpoint import BEST, Saved, load_checkpoint
from hvdgan.training.course import Calibration

BLOCK = 256
"""Events that are in memory at a time."""

DEFAULT_EVENTS = 1000
"""Events generated when nothing says how many."""


@dataclass(frozen=True)
class Order:
    """What to generate: showers at the conditions of files, or at given energies.

    Args:
        like: Shower files whose conditions are used, or empty.
        events: How many; all of the files' when None.
        energies: Range of the incident energy in GeV, uniform; a fixed energy when both ends are equal.
        particle: Class of the incident particle.
        seed: Seeds energies, angles and latent vectors.
        theta: Range of the polar angle in degrees, uniform; None is the range of the training's showers, or
            perpendicular where all of them enter alike.
    """

    like: tuple[str, ...]
    events: int | None
    energies: tuple[float, float]
    particle: str
    seed: int
    theta: tuple[float, float] | None = None


def rebuild(run: Path, trained: bool = True) -> Gan:
    """Build the networks of a run again, without a ring; the caller closes them.

    Args:
        run: The run directory.
        trained: With the weights of the best checkpoint; False gives the networks before the first step.

    Raises:
        DataError: There is no checkpoint, or it is damaged.
    """
    return build_from(read_config(run), load_checkpoint(existing(run).checkpoints, BEST), trained)


def build_from(config: Config, saved: Saved, trained: bool = True) -> Gan:
    """Build the networks of a checkpoint, without a ring; the caller closes them.

    Args:
        config: The configuration of the run.
        saved: The checkpoint.
        trained: With its weights; False gives the networks before the first step.
    """
    described = saved.manifest["spec"]
    calibration = Calibration(tuple(map(tuple, described["response"])), saved.state.get("template"))
    shape, particles, angles = (described.get(name) for name in ("image_shape", "particles", "angles"))
    spec = make_spec(config, tuple(shape), tuple(particles), calibration, tuple(angles) if angles else None)
    gan = load(config.gan.backend).Gan(spec, SoloRing())
    if trained:
        gan.restore(saved.state)
    return gan


def generate(run: Path, order: Order, output: Path, world: World) -> tuple[list[Path], int]:
    """Generate showers into a file, or into one for each of several ranks; a bar shows how far it is.

    Args:
        run: The run directory of a training.
        order: What to generate.
        output: The file; with several ranks each writes its share to a file with its number in the name, in the order
            of events.
        world: The processes of the job.

    Returns:
        The files, and the number of showers in all of them.

    Raises:
        UsageError: A file exists already, there are more ranks than showers, or the launcher cannot serve.
        ConfigError: The networks were not trained with a particle class, or told an angle, that is asked for.
        DataError: The run has no checkpoint, or a file to take conditions from is not readable.
    """
    check_one_world(os.environ, "generate")
    paths = [output] if world.size == 1 else [_numbered(output, rank) for rank in range(world.size)]
    conditions = world.agree(lambda: _plan(run, order, paths))
    pin_world(load(read_config(run).gan.backend), world)
    with closing(rebuild(run)) as gan, _counting(world, len(conditions)) as told:
        mine = share(world, len(conditions))
        blocks = _generate_blocks(gan, conditions, order.seed, mine, lambda count: told(count * world.size))
        LcdV1().write_blocks(paths[world.rank], blocks)
    world.gather(None)
    return paths, len(conditions)


def _generate_blocks(
    gan: Gan, conditions: Conditions, seed: int, events: slice, told: Callable[[int], None]
) -> Iterator[Showers]:
    """Generate some of the events, block by block."""
    for start in range(events.start, events.stop, BLOCK):
        part = conditions[slice(start, min(start + BLOCK, events.stop))]
        yield Showers(part, {"ECAL": gan.generate(part, seed, start)})
        told(len(part))


def _plan(run: Path, order: Order, paths: list[Path]) -> Conditions:
    """Return what to generate, after a look at the run and at where it goes."""
    taken = [path for path in paths if path.exists()]
    if taken:
        raise UsageError(f"{taken[0]} exists already; choose another --out or remove it")
    described = load_checkpoint(existing(run).checkpoints, BEST).manifest["spec"]
    conditions = choose_conditions(order, choose_angles(order, described.get("angles"), read_config(run).gan.model))
    if len(conditions) < len(paths):
        raise UsageError(f"{len(paths)} processes cannot share {len(conditions)} showers; use fewer")
    classify(conditions.particle, described["particles"])
    return conditions


def _counting(world: World, total: int) -> AbstractContextManager[Callable[[int], None]]:
    """Return a bar on rank 0, whose share stands for all."""
    return counting("showers", total) if world.rank == 0 else nullcontext(lambda count: None)


def _numbered(output: Path, rank: int) -> Path:
    """Return the name of a rank's file.

    >>> _numbered(Path("made/generated.h5"), 3).as_posix()
    'made/generated_003.h5'
    """
    return output.with_stem(f"{output.stem}_{rank:03d}")


def choose_angles(order: Order, known: list[float] | None, model: str) -> tuple[float, float]:
    """Return the range of theta in radians to generate at.

    Args:
        order: What to generate.
        known: The range of the training's showers; None where all entered alike.
        model: Name of the run's model.

    Raises:
        UsageError: Angles are asked for, and files that have their own.
        ConfigError: The networks are told no angle, or it is not between 0 and 180 degrees.
    """
    told = None if model in UNTOLD else known
    if order.theta is None:
        return tuple(told or (0.5 * np.pi, 0.5 * np.pi))
    if order.like:
        raise UsageError("--theta and --like: the files have angles of their own; leave one of them out")
    if told is None:
        reason = f"{model} does not look at it" if known else "all particles of the training entered alike"
        raise ConfigError(
            f"--theta: the networks of this run are told no angle, as {reason}; leave it out, or train "
            "3dgan_angle or wgan_gp on showers of different angles"
        )
    low, high = order.theta
    if not 0 < low <= high < 180:
        raise ConfigError(f"--theta {low:g} {high:g}: degrees between 0 and 180 are needed, the lower one first")
    return np.radians(low), np.radians(high)


def choose_conditions(order: Order, angles: tuple[float, float]) -> Conditions:
    """Return the conditions to generate at.

    Args:
        order: What to generate.
        angles: Range of theta in radians, for what no files say.

    Raises:
        ConfigError: The particle class is unknown.
    """
    if order.like:
        with open_files(list(order.like)) as files:
            count = min(files.count, order.events or files.count)
            return files.conditions(np.arange(count))
    if order.particle not in PARTICLES:
        raise ConfigError(f"particle {order.particle!r} is unknown; legal are {', '.join(PARTICLES)}")
    count, generator = order.events or DEFAULT_EVENTS, np.random.default_rng(order.seed)
    plain = Conditions.perpendicular(generator.uniform(*order.energies, count), PARTICLES[order.particle])
    return replace(plain, theta=generator.uniform(*angles, count).astype(np.float32))
