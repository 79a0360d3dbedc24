"""Events as the networks of every model get them: arrays by name, the same in every framework.

noise       standard normal numbers, (n, latent_size)           of fakes
images      deposited energy in GeV, (n, x, y, z)               of real events
energy      incident energy in units of 100 GeV, (n,)
particle    1 for the event's particle class, else 0, (n, classes)
angle       polar angle of incidence theta in radians, (n,)            where it varies in the data; pi / 2 is ahead
slope       theta as the cells of a paired real event tell it, (n,)   only of 3DGAN with angle
template    mean shower of the energy and class in GeV, (n, x, y, z)   where `gan.template` asks for it
deposited   true or expected sum of cells in GeV, (n,)
label       what the discriminator is told: 1 for real, 0 for fake, (n,)
mix         uniform in (0, 1), (n,)                             of fakes
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hvdgan.backends.interface import ENERGY_UNIT, Batch, Draw
from hvdgan.backends.latent import latents
from hvdgan.calo.response import expected_sum
from hvdgan.calo.shower import Conditions, particle_name
from hvdgan.calo.template import expected_images
from hvdgan.errors import ConfigError

Arrays = dict[str, NDArray]

CONDITIONS = ("energy", "particle", "angle", "template")
"""What an event is made under, as far as it is known: both networks may look at it."""

IMAGES = ("images", "template")
"""What has cells, and gets a channel axis where a framework wants one."""

Response = Sequence[Sequence[float]]
Template = NDArray[np.float32] | None


def real_events(batch: Batch, draw: Draw, classes: int, template: Template = None) -> Arrays:
    """Return the events of a batch, with label noise from a draw."""
    return _conditions(batch.energy, batch.particle, batch.angle, classes, template) | {
        "images": batch.images,
        "deposited": batch.images.sum(axis=(1, 2, 3), dtype=np.float64),
        "label": ~draw.flip[0],
    }


def fake_events(draw: Draw, number: int, response: Response, template: Template = None) -> Arrays:
    """Return the fakes of one pass of a draw, before the generator made them.

    Args:
        draw: The draw.
        number: Of the pass.
        response: Of each class the coefficients of the expected cell sum, see `GanSpec.response`.
        template: Of each class the coefficients of the mean shower, see `GanSpec.template`.
    """
    energy, particle = draw.energy[number], draw.particle[number]
    expected = np.stack([expected_sum(coefficients, energy) for coefficients in response], axis=1)
    angle = None if draw.angle is None else draw.angle[number]
    return _conditions(energy, particle, angle, len(response), template) | {
        "noise": draw.latent[number],
        "deposited": np.take_along_axis(expected, particle[:, None], axis=1)[:, 0],
        "label": draw.flip[1],
        "mix": draw.mix[number],
    }


def asked_events(
    conditions: Conditions,
    particles: Sequence[int],
    seed: int,
    first: int,
    latent_size: int,
    template: Template = None,
    angles: bool = False,
) -> Arrays:
    """Return events that a trained generator is asked for.

    Args:
        conditions: n events.
        particles: The classes, as absolute PDG ids.
        seed: Of the generated set.
        first: Index of the first of these events in the set.
        latent_size: Length of a latent vector.
        template: Of each class the coefficients of the mean shower, see `GanSpec.template`.
        angles: Whether the networks are told the angle.

    Raises:
        ConfigError: An event is of another class.
    """
    particle = classify(conditions.particle, particles)
    noise = latents(seed, first, len(conditions), latent_size)
    angle = conditions.theta if angles else None
    return _conditions(conditions.energy, particle, angle, len(particles), template) | {"noise": noise}


def classify(pdg: NDArray[np.integer], particles: Sequence[int]) -> NDArray[np.int64]:
    """Return the classes of particles, whose antiparticles count as themselves.

    Args:
        pdg: PDG ids, (n,).
        particles: The classes, as absolute PDG ids.

    Raises:
        ConfigError: A particle is of none of the classes.

    >>> classify(np.array([22, -11, 11]), (11, 22)).tolist()
    [1, 0, 0]
    """
    found = np.abs(pdg)[:, None] == np.asarray(particles)
    if not found.any(axis=1).all():
        stranger = particle_name(pdg[~found.any(axis=1)][0])
        known = ", ".join(map(particle_name, particles))
        raise ConfigError(f"the networks were trained with {known}; they know no {stranger}")
    return found.argmax(axis=1)


def _conditions(
    energy: NDArray, particle: NDArray[np.int64], angle: NDArray | None, classes: int, template: Template
) -> Arrays:
    """Return the conditions of events from energies in GeV, classes and angles in radians, all (n,)."""
    known = {"energy": energy / ENERGY_UNIT, "particle": np.eye(classes)[particle]}
    known |= {} if angle is None else {"angle": angle}
    if template is None:
        return known
    images = np.empty((len(energy), *template.shape[2:]), dtype=np.float32)
    for number, coefficients in enumerate(template):
        images[particle == number] = expected_images(coefficients, energy[particle == number])
    return known | {"template": images}
