"""A Wasserstein GAN with gradient penalty, conditional on incident energy, class and angle, for small grids.

Gulrajani et al., arXiv:1704.00028. The critic sees cells relative to what is typical of the incident energy, as a root,
and the profiles of the shower along the axes; the generator's cells are scaled by the incident energy, or multiply the
template, where `gan.template` gives one.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import keras
import tensorflow as tf
from keras import layers
from tensorflow import Tensor

from hvdgan.backends.keras.cells import CellScale, Cut
from hvdgan.backends.keras.networks import Leaky
from hvdgan.backends.model import Events, Trainer
from hvdgan.backends.published import Cells, filters
from hvdgan.backends.wasserstein import (
    CRITIC_FILTERS,
    CRITIC_UNITS,
    GENERATOR_FILTERS,
    GENTLE,
    HEAD_START,
    SAMPLED,
    check_wgan_gp,
    seed_shape,
)

TINY = 1e-30
"""Keeps the root of a slope that is exactly 0 from an infinite slope of its own."""


class Shaper(keras.Model):
    """The generator: noise and conditions to cells in their measure, and those to GeV.

    Args:
        image_shape: Cells along x, y, z.
        width: Scales the numbers of filters.
        scale: How cells are measured, for an incident energy of 100 GeV.
        settings: Of any Keras model.
    """

    def __init__(self, image_shape: Cells, width: float, scale: CellScale, **settings: Any) -> None:
        super().__init__(**settings)
        seed, (first, wide, narrow) = seed_shape(image_shape), (filters(one, width) for one in GENERATOR_FILTERS)
        gentle = keras.initializers.VarianceScaling(GENTLE**2, "fan_avg", "uniform")
        self.row = [
            layers.Dense(first * prod(seed), name="seed"),
            Leaky(),
            layers.Reshape((first, *seed)),
            layers.Permute((2, 3, 4, 1)),
            layers.UpSampling3D(2),
            layers.Conv3D(wide, 3, padding="same", name="conv1"),
            Leaky(),
            layers.UpSampling3D(2),
            layers.Conv3D(narrow, 3, padding="same", name="conv2"),
            Leaky(),
            layers.Conv3D(1, 3, padding="same", kernel_initializer=gentle, name="conv3"),
        ]
        self.window = Cut(image_shape, CellScale(1.0, 1.0), dtype=keras.config.floatx())
        self.scale = scale

    def call(self, events: Events, training: bool = False) -> Tensor:
        """Make images in GeV, (n, x, y, z, 1), of some noise."""
        features = tf.concat((events["noise"], describe(events)), axis=1)
        for layer in self.row:
            features = layer(features)
        cells = tf.nn.relu(self.window(features) + HEAD_START["template" in events])
        unit = events["template"] if "template" in events else _spread(events["energy"]) * self.scale.unit
        return cells ** (1 / self.scale.power) * unit


class Critic(keras.Model):
    """The critic: how real a shower looks for its energy and class.

    Args:
        image_shape: Cells along x, y, z.
        width: Scales the numbers of filters.
        scale: How cells are measured, for an incident energy of 100 GeV.
        settings: Of any Keras model.
    """

    def __init__(self, image_shape: Cells, width: float, scale: CellScale, **settings: Any) -> None:
        super().__init__(**settings)
        first, second = (filters(one, width) for one in CRITIC_FILTERS)
        self.row = [
            layers.ZeroPadding3D(1),
            layers.Conv3D(first, 3, strides=2, name="conv1"),
            Leaky(),
            layers.ZeroPadding3D(1),
            layers.Conv3D(second, 3, strides=2, name="conv2"),
            Leaky(),
            layers.Permute((4, 1, 2, 3)),
            layers.Flatten(),
        ]
        self.meet = layers.Dense(filters(CRITIC_UNITS, width), name="meet")
        self.leaky, self.last, self.scale = Leaky(), layers.Dense(1, name="verdict"), scale

    def call(self, events: Events, training: bool = False) -> dict[str, Tensor]:
        """Judge images in GeV, (n, x, y, z, 1); the higher the score, (n,), the more real."""
        return {"score": self.score(self.measure(events["images"], events), events)}

    def measure(self, images: Tensor, events: Events) -> Tensor:
        """Bring cells from GeV to the critic's measure, in which its slope is looked at."""
        return CellScale(1.0, self.scale.power).compress(images / self._unit(events))

    def score(self, cells: Tensor, events: Events) -> Tensor:
        """Judge cells in the critic's measure."""
        features = cells
        for layer in self.row:
            features = layer(features)
        images = CellScale(1.0, self.scale.power).restore(cells) * self._unit(events) / _spread(events["energy"])
        profiles = [tf.reduce_sum(images, axis=[axis for axis in (1, 2, 3, 4) if axis != kept]) for kept in (1, 2, 3)]
        profiles = [profile * (profile.shape[1] / SAMPLED) for profile in profiles]
        features = tf.cast(features, profiles[0].dtype)
        known = self.leaky(self.meet(tf.concat((features, *profiles, describe(events)), axis=1)))
        return self.last(known)[:, 0]

    def _unit(self, events: Events) -> Tensor:
        """Return what counts as 1 in each cell, in GeV; the template keeps a floor under faint cells."""
        floor = _spread(events["energy"]) * self.scale.unit
        return floor + events["template"] if "template" in events else floor


class Wasserstein:
    """Some updates of the critic, each on fresh fakes at the real events' conditions, then one of the generator.

    Args:
        critic: The critic.
        critic_steps: Its updates in one step.
        penalty: Weight of the mean square distance of the critic's slope from 1, between real events and fakes.
    """

    terms = ("score", "penalty")

    def __init__(self, critic: Critic, critic_steps: int, penalty: float) -> None:
        self.critic, self.penalty, self.passes = critic, penalty, critic_steps + 1
        self.heads = {"score": 1}

    def train(self, trainer: Trainer, real: Events, fakes: Sequence[Events]) -> None:
        """Do one step."""
        for fake in fakes[:-1]:
            trainer.update("discriminator", self.criticise, real, fake)
        trainer.update("generator", self.please, fakes[-1])

    def criticise(self, trainer: Trainer, real: Events, fake: Events) -> Tensor:
        """Return the critic's loss and its terms: how much better it likes fakes, and how far its slope is from 1."""
        images = trainer.make({**real, "noise": fake["noise"]})
        scores = [tf.reduce_mean(trainer.judge(one, real)["score"]) for one in (images, real["images"])]
        penalty = self._penalise(images, real, fake["mix"])
        return tf.stack((scores[0] - scores[1] + self.penalty * penalty, scores[0] - scores[1], penalty))

    def please(self, trainer: Trainer, fakes: Events) -> Tensor:
        """Return the generator's loss and its terms: how little the critic likes its showers."""
        dislike = -tf.reduce_mean(trainer.judge(trainer.make(fakes), fakes)["score"])
        return tf.stack((dislike, dislike, tf.zeros_like(dislike)))

    def _penalise(self, images: Tensor, real: Events, mix: Tensor) -> Tensor:
        """Return the mean square distance of the slope from 1, between real events and fakes of the same conditions."""
        made, seen = (self.critic.measure(one, real) for one in (images, real["images"]))
        cells = made + _spread(mix) * (seen - made)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(cells)
            score = tf.reduce_sum(tf.cast(self.critic.score(cells, real), cells.dtype))
        slopes = tape.gradient(score, cells)
        norms = tf.sqrt(tf.reduce_sum(slopes**2, axis=(1, 2, 3, 4)) + TINY)
        return tf.reduce_mean((norms - 1) ** 2)


def build_wgan_gp(
    image_shape: Cells,
    classes: int,
    latent_size: int,
    *,
    angles: bool = False,
    width: float = 1.0,
    critic_steps: int = 3,
    penalty: float = 10.0,
    cell_unit: float = 1e-3,
    cell_power: float = 0.5,
) -> tuple[Shaper, Critic, Wasserstein]:
    """Build a Wasserstein GAN for a grid.

    Args:
        image_shape: Cells along x, y, z.
        classes: Number of particle classes.
        latent_size: Length of the latent vector.
        angles: Whether events have an angle.
        width: Scales the numbers of filters; at least one is left.
        critic_steps: Updates of the critic for each one of the generator.
        penalty: Weight of the gradient penalty.
        cell_unit: Energy in GeV that counts as 1 in a cell, for an incident energy of 100 GeV; it grows with that.
        cell_power: The critic sees (cell / unit) ** cell_power; 0.5 brings faint and bright cells nearer to each other.

    Returns:
        The generator, the critic and how they are trained.

    Raises:
        ConfigError: The grid is too small, or a number is out of its range.
    """
    check_wgan_gp(image_shape, width, critic_steps, penalty, cell_unit, cell_power)
    scale, whole = CellScale(cell_unit, cell_power), keras.config.floatx()
    generator = Shaper(image_shape, width, scale, name="generator", dtype=whole)
    critic = Critic(image_shape, width, scale, name="discriminator", dtype=whole)
    known = {"energy": keras.Input(()), "particle": keras.Input((classes,))}
    known |= {"angle": keras.Input(())} if angles else {}
    generator({"noise": keras.Input((latent_size,)), **known})
    critic({"images": keras.Input((*image_shape, 1)), **known})
    return generator, critic, Wasserstein(critic, critic_steps, penalty)


def describe(events: Events) -> Tensor:
    """Return the conditions of events as numbers near 1, (n, 1 + classes), with theta (n, 2 + classes)."""
    angle = [events["angle"][:, None]] if "angle" in events else []
    return tf.concat((tf.math.log(events["energy"])[:, None], events["particle"], *angle), axis=1)


def _spread(numbers: Tensor) -> Tensor:
    """Return one number for each event, (n,), in the shape of images, (n, 1, 1, 1, 1)."""
    return numbers[:, None, None, None, None]
