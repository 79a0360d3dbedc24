"""Simulated showers: GFLASH electrons and photons, deposited in the cells of a sampling calorimeter.

Events are made in chunks of `CHUNK`. Each chunk has a random generator of its own, keyed by (seed, stream, chunk), so
that showers depend neither on how many processes share the work nor on the order of it. Files use one stream each.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from hvdgan.calo import gflash
from hvdgan.calo.geometry import Geometry
from hvdgan.calo.shower import PARTICLES, Conditions, Showers, particle_name
from hvdgan.errors import ConfigError

CHUNK = 32
"""Events made at a time; bounds the memory (about 50 MB at 1000 GeV) and keys the random numbers."""

SIMULATED = ("electron", "photon")
"""Particle classes that this parametrisation describes."""

ENERGY_RANGE = (1.0, 1000.0)
"""Incident energies in GeV at which the parametrisation is used."""

CONDITIONS_STREAM, SHOWERS_STREAM = 0, 1


def draw_conditions(
    count: int,
    energies: tuple[float, float] = (10.0, 500.0),
    particles: Sequence[str] = ("electron",),
    seed: int = 0,
    stream: int = 0,
) -> Conditions:
    """Draw perpendicular particles, uniform in energy, of classes with equal probability.

    Args:
        count: Number of events.
        energies: Lowest and highest incident energy in GeV.
        particles: Class names out of `SIMULATED`.
        seed: Seed of the data set, from 0.
        stream: Number of the file in the data set, from 0.

    Raises:
        ConfigError: The range or a class is not legal.

    >>> draw_conditions(3, (50.0, 50.0)).energy.tolist()
    [50.0, 50.0, 50.0]
    """
    low, high = energies
    if count < 1 or not ENERGY_RANGE[0] <= low <= high <= ENERGY_RANGE[1]:
        raise ConfigError(
            f"{count} events of {low} to {high} GeV; at least 1 event and rising energies from "
            f"{ENERGY_RANGE[0]:g} to {ENERGY_RANGE[1]:g} GeV are needed"
        )
    if not particles:
        raise ConfigError(f"no particle class given; simulated are {', '.join(SIMULATED)}")
    _check_particles(particles)
    generator = _generator(seed, CONDITIONS_STREAM, stream)
    energy = generator.uniform(low, high, count).astype(np.float32)
    identity = generator.choice([PARTICLES[name] for name in particles], count)
    return Conditions.perpendicular(energy, identity)


def simulate(conditions: Conditions, geometry: Geometry | None = None, seed: int = 0, stream: int = 0) -> Showers:
    """Simulate showers and hold them all in memory; see `simulate_chunks`.

    Returns:
        Showers whose image "ECAL" has shape (n, x, y, z), float32, deposits in the silicon in GeV.

    Raises:
        ConfigError: A particle, an energy or an angle that this parametrisation does not describe.
    """
    geometry = geometry or Geometry.parse()
    images = np.empty((len(conditions), *geometry.grid), dtype=np.float32)
    first = 0
    for showers in simulate_chunks(conditions, geometry, seed, stream):
        images[first : first + len(showers)] = showers.images["ECAL"]
        first += len(showers)
    return Showers(conditions, {"ECAL": images})


def simulate_chunks(conditions: Conditions, geometry: Geometry, seed: int = 0, stream: int = 0) -> Iterator[Showers]:
    """Simulate showers `CHUNK` at a time, in order, in bounded memory.

    Args:
        conditions: n events.
        geometry: The calorimeter. Geometries that differ only in their grid receive the same deposits.
        seed: Seed of the data set, from 0.
        stream: Number of the file in the data set, from 0.

    Raises:
        ConfigError: A particle, an energy or an angle that this parametrisation does not describe.
    """
    _check_conditions(conditions)
    parts = (conditions[first : first + CHUNK] for first in range(0, len(conditions), CHUNK))
    return (
        Showers(part, {"ECAL": _simulate_chunk(part, geometry, _generator(seed, SHOWERS_STREAM, stream, chunk))})
        for chunk, part in enumerate(parts)
    )


def _simulate_chunk(conditions: Conditions, geometry: Geometry, generator: np.random.Generator) -> NDArray[np.float32]:
    """Simulate one chunk: energy per layer, then spots around the axis, then cells."""
    medium = geometry.medium
    energy = conditions.energy.astype(np.float64)
    start = _draw_start(conditions, generator)
    impact = generator.uniform(-0.5, 0.5, (2, len(energy))) * geometry.impact_mm
    profile = gflash.draw_longitudinal(energy, medium, generator)
    depth = geometry.depth_x0 - start[:, None]
    resolution = geometry.sampling_term * np.sqrt(np.diff(geometry.depth_x0))
    lost = gflash.draw_sampling(energy[:, None] * profile.share(depth), resolution, generator)
    deposit = lost * geometry.mip_fraction * medium.e_over_mip

    centres = 0.5 * (depth[:, 1:] + depth[:, :-1])
    radial = gflash.mean_radial(energy, profile.age(centres), medium)
    wanted = gflash.spot_count(energy, resolution.mean())[:, None] * profile.of_spots(medium.z).share(depth)
    counts = _draw_counts(wanted, radial.weight, generator)
    radii = np.stack([radial.core, radial.tail], axis=-1) * medium.moliere_mm
    return _deposit_spots(deposit, counts, radii, impact, geometry, generator)


def _draw_start(conditions: Conditions, generator: np.random.Generator) -> NDArray[np.float64]:
    """Draw where showers start, in radiation lengths, shape (n,): 0, or where the photon converts."""
    conversion = generator.exponential(gflash.PHOTON_CONVERSION_X0, len(conditions))
    return np.where(conditions.particle == PARTICLES["photon"], conversion, 0.0)


def _draw_counts(wanted: NDArray, weight: NDArray, generator: np.random.Generator) -> NDArray[np.int64]:
    """Draw the number of spots of core and tail, at least one in each layer, shape (n, layers, 2)."""
    counts = generator.poisson(wanted[..., None] * np.stack([weight, 1.0 - weight], axis=-1))
    counts[..., 0] += counts.sum(axis=-1) == 0
    return counts


def _deposit_spots(
    deposit: NDArray,
    counts: NDArray,
    radii: NDArray,
    impact: NDArray,
    geometry: Geometry,
    generator: np.random.Generator,
) -> NDArray[np.float32]:
    """Share the energy of each layer between its spots and add them up in cells.

    Args:
        deposit: Energy in the silicon in GeV, shape (n, layers).
        counts: Number of spots of core and tail, shape (n, layers, 2).
        radii: Core and tail radius in mm, shape (n, layers, 2).
        impact: Where the axis lies in mm from the window's centre, x and y, shape (2, n).
        geometry: The calorimeter.
        generator: Source of random numbers.

    Returns:
        Images in GeV, shape (n, x, y, z).
    """
    events, (x, y, z) = len(deposit), geometry.grid
    repeats = counts.ravel()
    uniform = generator.random(repeats.sum(), dtype=np.float32)
    radius = np.repeat(radii.ravel().astype(np.float32), repeats) * np.sqrt(uniform / (1.0 - uniform))
    angle = generator.random(repeats.sum(), dtype=np.float32) * np.float32(2.0 * np.pi)
    per_event = counts.sum(axis=(1, 2))
    across = [
        (radius * turn(angle) + np.repeat(offset.astype(np.float32), per_event)) / np.float32(width) + np.float32(0.5)
        for turn, offset, width in zip((np.cos, np.sin), impact, geometry.window_mm, strict=True)
    ]
    inside = (across[0] >= 0) & (across[0] < 1) & (across[1] >= 0) & (across[1] < 1)
    columns, rows = (_cell(u[inside], n) for u, n in zip(across, (x, y), strict=True))
    start = np.arange(events)[:, None] * (x * y * z) + geometry.depth_of_layer
    energy = deposit / counts.sum(axis=-1)
    origin, share = (np.repeat(np.repeat(table, 2), repeats)[inside] for table in (start, energy))
    cells = np.bincount(origin + (columns * y + rows) * z, weights=share, minlength=events * x * y * z)
    return cells.reshape(events, x, y, z).astype(np.float32)


def _cell(position: NDArray[np.float32], number: int) -> NDArray[np.int32]:
    """Return the cell of positions from 0 to 1, shape (spots,).

    >>> _cell(np.array([0.0, 0.5, 0.99999994], dtype=np.float32), 25).tolist()
    [0, 12, 24]
    """
    return np.minimum((position * np.float32(number)).astype(np.int32), number - 1)


def _generator(seed: int, *key: int) -> np.random.Generator:
    """Return the random generator of a key.

    Raises:
        ConfigError: The seed or the stream is negative.
    """
    if seed < 0 or min(key) < 0:
        raise ConfigError(f"seed {seed} and stream {key[1]}: both must be 0 or more")
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=key)))


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
    if not np.allclose(conditions.theta, np.pi / 2, atol=1e-5):
        raise ConfigError("showers at an angle cannot be simulated; theta must be pi / 2 (perpendicular)")
