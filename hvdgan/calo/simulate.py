"""Simulated showers: particles of five classes, deposited in the cells of one or two sampling calorimeters.

Events are made in chunks of `CHUNK`. Each chunk has a random generator of its own, keyed by (seed, stream, chunk), so
that showers depend neither on how many processes share the work nor on the order of it. Files use one stream each.
What is parametrised, and what is not, is told in README.md beside this file.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from hvdgan.calo.cloud import fill_cells
from hvdgan.calo.electromagnetic import shower_electrons, shower_pions
from hvdgan.calo.geometry import Geometry
from hvdgan.calo.hadronic import shower_hadrons
from hvdgan.calo.shower import PARTICLES, Conditions, Showers, particle_name
from hvdgan.calo.stack import Stack
from hvdgan.errors import ConfigError

CHUNK = 32
"""Events made at a time; bounds the memory (about 50 MB at 1000 GeV) and keys the random numbers."""

GROUPS = (
    (("electron", "photon"), shower_electrons),
    (("charged_hadron", "neutral_hadron"), shower_hadrons),
    (("pi0",), shower_pions),
)
"""Classes that are simulated together, and how."""

SIMULATED = tuple(name for names, _ in GROUPS for name in names)
"""Particle classes that this parametrisation describes."""

ENERGY_RANGE = (1.0, 1000.0)
"""Incident energies in GeV at which the parametrisation is used."""

LARGEST_ANGLE = np.pi / 3
"""Angle of incidence from the perpendicular, in radians, up to which the parametrisation is used."""

PERPENDICULAR, AHEAD = (np.pi / 2, np.pi / 2), (0.0, 0.0)
"""Ranges of theta and phi in radians."""

CONDITIONS_STREAM, SHOWERS_STREAM = 0, 1


def draw_conditions(
    count: int,
    energies: tuple[float, float] = (10.0, 500.0),
    particles: Sequence[str] = ("electron",),
    seed: int = 0,
    stream: int = 0,
    parts: Sequence[float] | None = None,
    theta: tuple[float, float] = PERPENDICULAR,
    phi: tuple[float, float] = AHEAD,
) -> Conditions:
    """Draw particles, uniform in energy and in both angles.

    Args:
        count: Number of events.
        energies: Lowest and highest incident energy in GeV.
        particles: Class names out of `SIMULATED`.
        seed: Seed of the data set, from 0.
        stream: Number of the file in the data set, from 0.
        parts: How often each class is drawn, in proportion; all alike without it.
        theta: Lowest and highest polar angle in radians; pi / 2 is perpendicular.
        phi: Lowest and highest azimuthal angle in radians; 0 is perpendicular.

    Raises:
        ConfigError: A range, a class or its part is not legal.

    >>> draw_conditions(3, (50.0, 50.0)).energy.tolist()
    [50.0, 50.0, 50.0]
    """
    low, high = energies
    if count < 1 or not ENERGY_RANGE[0] <= low <= high <= ENERGY_RANGE[1]:
        raise ConfigError(
            f"{count} events of {low} to {high} GeV; at least 1 event and rising energies from "
            f"{ENERGY_RANGE[0]:g} to {ENERGY_RANGE[1]:g} GeV are needed"
        )
    _check_mix(particles, parts)
    for name, span in (("theta", theta), ("phi", phi)):
        if not span[0] <= span[1]:
            raise ConfigError(f"{name} from {span[0]} to {span[1]}; a rising range in radians is needed")
    _check_angles(np.array(theta)[:, None], np.array(phi))
    generator = _generator(seed, CONDITIONS_STREAM, stream)
    energy = generator.uniform(low, high, count).astype(np.float32)
    chances = None if parts is None else np.array(parts) / sum(parts)
    identity = generator.choice([PARTICLES[name] for name in particles], count, p=chances).astype(np.int32)
    angles = (generator.uniform(*span, count).astype(np.float32) for span in (theta, phi))
    return Conditions(energy, identity, *angles)


def simulate(
    conditions: Conditions,
    geometry: Geometry | None = None,
    seed: int = 0,
    stream: int = 0,
    hcal: Geometry | None = None,
) -> Showers:
    """Simulate showers and hold them all in memory; see `simulate_chunks`.

    Returns:
        Showers with the image "ECAL", and "HCAL" where `hcal` is given: each (n, x, y, z), float32, deposits in the
        active layers in GeV.

    Raises:
        ConfigError: A particle, an energy or an angle that this parametrisation does not describe.
    """
    stack = _stack(geometry or Geometry.parse(), hcal)
    images = {
        name: np.empty((len(conditions), *detector.grid), dtype=np.float32)
        for name, detector in stack.detectors.items()
    }
    first = 0
    for showers in simulate_chunks(conditions, stack.detectors["ECAL"], seed, stream, hcal):
        for name, image in images.items():
            image[first : first + len(showers)] = showers.images[name]
        first += len(showers)
    return Showers(conditions, images)


def simulate_chunks(
    conditions: Conditions, geometry: Geometry, seed: int = 0, stream: int = 0, hcal: Geometry | None = None
) -> Iterator[Showers]:
    """Simulate showers `CHUNK` at a time, in order, in bounded memory.

    Args:
        conditions: n events.
        geometry: The calorimeter. Geometries that differ only in their grid receive the same deposits.
        seed: Seed of the data set, from 0.
        stream: Number of the file in the data set, from 0.
        hcal: The calorimeter behind it, such as `CLIC_HCAL`; without it, what leaves the first one is not followed.

    Raises:
        ConfigError: A particle, an energy or an angle that this parametrisation does not describe.
    """
    _check_conditions(conditions)
    stack = _stack(geometry, hcal)
    parts = (conditions[first : first + CHUNK] for first in range(0, len(conditions), CHUNK))
    return (
        Showers(part, _simulate_chunk(part, stack, (seed, SHOWERS_STREAM, stream, chunk)))
        for chunk, part in enumerate(parts)
    )


def _stack(geometry: Geometry, hcal: Geometry | None) -> Stack:
    """Return the calorimeters in the order of the particles' path."""
    return Stack({"ECAL": geometry} if hcal is None else {"ECAL": geometry, "HCAL": hcal})


def _simulate_chunk(conditions: Conditions, stack: Stack, key: tuple[int, ...]) -> dict[str, NDArray[np.float32]]:
    """Simulate one chunk, one group of particle classes after the other, each with random numbers of its own."""
    particles = replace(conditions, particle=np.abs(conditions.particle))
    parts: list[dict[str, NDArray]] = []
    for keys, (names, shower) in zip(((), (1,), (2,)), GROUPS, strict=True):
        events = np.flatnonzero(np.isin(particles.particle, [PARTICLES[name] for name in names]))
        if len(events):
            generator = _generator(*key, *keys)
            clouds = shower(particles[events], stack, generator)
            placed = [replace(cloud, events=events[cloud.events]) for cloud in clouds]
            parts += [fill_cells(cloud, stack, len(conditions), generator) for cloud in placed]
    return {name: reduce(np.add, [part[name] for part in parts]) for name in stack.detectors}


def _generator(seed: int, *key: int) -> np.random.Generator:
    """Return the random generator of a key.

    Raises:
        ConfigError: The seed or the stream is negative.
    """
    if seed < 0 or min(key) < 0:
        raise ConfigError(f"seed {seed} and stream {key[1]}: both must be 0 or more")
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=key)))


def _check_mix(names: Sequence[str], parts: Sequence[float] | None) -> None:
    """Check classes and how often each is drawn."""
    if not names:
        raise ConfigError(f"no particle class given; simulated are {', '.join(SIMULATED)}")
    _check_particles(names)
    if len(set(names)) < len(names):
        raise ConfigError(f"particles {', '.join(names)}: each class can be given once")
    if parts is not None and (len(parts) != len(names) or not all(np.isfinite(p) and p > 0 for p in parts)):
        raise ConfigError(f"parts {list(parts)} of {', '.join(names)}: one positive number per class is needed")


def _check_particles(names: Sequence[str]) -> None:
    """Check that every class can be simulated."""
    unknown = sorted(set(names) - set(SIMULATED))
    if unknown:
        raise ConfigError(f"particles {', '.join(unknown)} cannot be simulated; legal are {', '.join(SIMULATED)}")


def _check_conditions(conditions: Conditions) -> None:
    """Check particles, energies and angles."""
    if not len(conditions):
        return
    _check_particles([particle_name(pdg) for pdg in np.unique(conditions.particle)])
    low, high = conditions.energy.min(), conditions.energy.max()
    if low < ENERGY_RANGE[0] or high > ENERGY_RANGE[1]:
        raise ConfigError(
            f"incident energies of {low:g} to {high:g} GeV; the parametrisation covers "
            f"{ENERGY_RANGE[0]:g} to {ENERGY_RANGE[1]:g} GeV"
        )
    _check_angles(conditions.theta, conditions.phi)


def _check_angles(theta: NDArray, phi: NDArray) -> None:
    """Check that particles enter from the front and not too flat."""
    angle = np.arccos(np.min(np.sin(theta) * np.cos(phi)))
    if not angle <= LARGEST_ANGLE + 1e-6:
        raise ConfigError(
            f"particles enter at up to {np.degrees(angle):.0f} degrees from the perpendicular (theta = 90, phi = 0); "
            f"the parametrisation covers {np.degrees(LARGEST_ANGLE):.0f} degrees"
        )
