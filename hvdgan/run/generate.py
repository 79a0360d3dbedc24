"""`hvdgan generate`: showers from a trained generator, in the layout of the training files."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hvdgan.backends import load
from hvdgan.backends.interface import Gan
from hvdgan.calo.shower import PARTICLES, Conditions, Showers
from hvdgan.config import Config
from hvdgan.data.files import open_files
from hvdgan.data.formats import LcdV1
from hvdgan.errors import ConfigError, UsageError
from hvdgan.parallel.ring import SoloRing
from hvdgan.run.build import make_spec
from hvdgan.run.directory import existing, read_config
from hvdgan.training.checkpoint import BEST, Saved, load_checkpoint

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
        seed: Seeds energies and latent vectors.
    """

    like: tuple[str, ...]
    events: int | None
    energies: tuple[float, float]
    particle: str
    seed: int


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
    shape, particles, response = (described[name] for name in ("image_shape", "particles", "response"))
    spec = make_spec(config, tuple(shape), tuple(particles), tuple(map(tuple, response)))
    gan = load(config.gan.backend).Gan(spec, SoloRing())
    if trained:
        gan.restore(saved.state)
    return gan


def generate(run: Path, order: Order, output: Path) -> int:
    """Generate showers into a file and return how many.

    Raises:
        UsageError: The output exists already.
        DataError: The run has no checkpoint, or a file to take conditions from is not readable.
    """
    if output.exists():
        raise UsageError(f"{output} exists already; choose another --out or remove it")
    conditions = choose_conditions(order)
    with closing(rebuild(run)) as gan:
        images = gan.generate(conditions, order.seed)
    LcdV1().write(output, Showers(conditions, {"ECAL": images}))
    return len(conditions)


def choose_conditions(order: Order) -> Conditions:
    """Return the conditions to generate at.

    Raises:
        ConfigError: The particle class is unknown.
    """
    if order.like:
        with open_files(list(order.like)) as files:
            count = min(files.count, order.events or files.count)
            return files.conditions(np.arange(count))
    if order.particle not in PARTICLES:
        raise ConfigError(f"particle {order.particle!r} is unknown; legal are {', '.join(PARTICLES)}")
    energy = np.random.default_rng(order.seed).uniform(*order.energies, order.events or DEFAULT_EVENTS)
    return Conditions.perpendicular(energy, PARTICLES[order.particle])
