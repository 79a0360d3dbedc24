"""A Wasserstein GAN with gradient penalty, conditional on incident energy, class and angle, of dense layers.

Gulrajani et al., arXiv:1704.00028; dense layers serve showers as well as convolutions do, at a fraction of their cost
(FastCaloGAN, arXiv:2109.02551). The generator makes the expected deposit of each cell, by which it departs from what is
known of a shower (the template, where `gan.template` gives one), and draws hits of it. Beside the critic, a distance
between the slices of showers tells it what to learn first.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import keras
import tensorflow as tf
from keras import layers
from tensorflow import Tensor

from hvdgan.backends.keras.hits import Hits
from hvdgan.backends.keras.networks import Leaky
from hvdgan.backends.model import Events, Trainer
from hvdgan.backends.published import Cells, filters
from hvdgan.backends.wasserstein import FAR, FLOOR, GENTLE, LOUD, SAMPLED, STEADY, TINY, UNITS, check_wgan_gp


class Shaper(keras.Model):
    """The generator: noise and conditions to the expected deposit of each cell, and that to hits.

    Args:
        image_shape: Cells along x, y, z.
        width: Scales the numbers of units.
        hits: Draws what cells collect.
        settings: Of any Keras model.
    """

    def __init__(self, image_shape: Cells, width: float, hits: Hits, **settings: Any) -> None:
        super().__init__(**settings)
        units, gentle = filters(UNITS, width), keras.initializers.VarianceScaling(GENTLE**2, "fan_avg", "uniform")
        self.row = [
            layers.Dense(units, name="dense1"),
            Leaky(),
            layers.Dense(units, name="dense2"),
            Leaky(),
        ]
        self.departure = layers.Dense(prod(image_shape), kernel_initializer=gentle, name="departure")
        self.whole = layers.Dense(1, kernel_initializer=gentle, name="whole")
        self.image_shape, self.hits = image_shape, hits

    def call(self, events: Events, training: bool = False) -> Tensor:
        """Make images in GeV, (n, x, y, z, 1), of some noise."""
        features = tf.concat((events["noise"], describe(events)), axis=1)
        for layer in self.row:
            features = layer(features)
        known = know(events, self.image_shape)
        departure = tf.reshape(tf.cast(self.departure(features), known.dtype), (-1, *self.image_shape, 1))
        whole = STEADY * tf.cast(self.whole(features), known.dtype)
        logarithms = (tf.clip_by_value(one, -FAR, FAR) for one in (departure, whole))
        return self.hits(share(known, *logarithms), events["noise"])


class Critic(keras.Model):
    """The critic: how real a shower looks for its energy and class.

    Args:
        width: Scales the numbers of units.
        hit: Energy in GeV that counts as 1 in a cell.
        settings: Of any Keras model.
    """

    def __init__(self, width: float, hit: float, **settings: Any) -> None:
        super().__init__(**settings)
        units = filters(UNITS, width)
        self.row = [
            layers.Dense(units, name="dense1"),
            Leaky(),
            layers.Dense(units, name="dense2"),
            Leaky(),
            layers.Dense(1, name="verdict"),
        ]
        self.hit = hit

    def call(self, events: Events, training: bool = False) -> dict[str, Tensor]:
        """Judge images in GeV, (n, x, y, z, 1); the higher the score, (n,), the more real."""
        return {"score": self.score(self.measure(events["images"]), events)}

    def measure(self, images: Tensor) -> Tensor:
        """Bring cells from GeV to the critic's measure, in which its slope is looked at."""
        return tf.math.log1p(images / self.hit)

    def score(self, cells: Tensor, events: Events) -> Tensor:
        """Judge cells in the critic's measure."""
        departures = compare_slices(tf.math.expm1(cells) * self.hit, events)
        features = tf.concat((_flatten(cells), *departures, describe(events)), axis=1)
        for layer in self.row:
            features = layer(features)
        return features[:, 0]


class Wasserstein:
    """Some updates of the critic, each on fresh fakes at the real events' conditions, then one of the generator.

    The generator is also told the energy score of its showers (Gneiting and Raftery, J. Am. Stat. Assoc. 102 (2007)
    359, section 4.2): how far two showers of one event's conditions lie from the real one, less half of how far they
    lie from each other; no other distribution scores better than the real one.

    Args:
        critic: The critic.
        critic_steps: Its updates in one step.
        penalty: Weight of the mean square distance of the critic's slope from 1, between real events and fakes.
        distance: Weight of the energy score.
    """

    terms = ("score", "penalty", "distance")

    def __init__(self, critic: Critic, critic_steps: int, penalty: float, distance: float) -> None:
        self.critic, self.penalty, self.distance, self.passes = critic, penalty, distance, critic_steps + 2
        self.heads = {"score": 1}

    def train(self, trainer: Trainer, real: Events, fakes: Sequence[Events]) -> None:
        """Do one step."""
        for fake in fakes[:-2]:
            trainer.update("discriminator", self.criticise, real, fake)
        trainer.update("generator", self.please, real, *fakes[-2:])

    def criticise(self, trainer: Trainer, real: Events, fake: Events) -> Tensor:
        """Return the critic's loss and its terms: how much better it likes fakes, and how far its slope is from 1."""
        images = trainer.make({**real, "noise": fake["noise"]})
        scores = [tf.reduce_mean(trainer.judge(one, real)["score"]) for one in (images, real["images"])]
        penalty, better = self._penalise(images, real, fake["mix"]), scores[0] - scores[1]
        return tf.stack((better + self.penalty * penalty, better, penalty, tf.zeros_like(better)))

    def please(self, trainer: Trainer, real: Events, one: Events, other: Events) -> Tensor:
        """Return the generator's loss and its terms: how little the critic likes one shower, the score of two."""
        made = [trainer.make({**real, "noise": fake["noise"]}) for fake in (one, other)]
        dislike = -tf.reduce_mean(trainer.judge(made[0], real)["score"])
        distance = self._keep_distance(*made, real)
        return tf.stack((dislike + self.distance * distance, dislike, tf.zeros_like(dislike), distance))

    def _penalise(self, images: Tensor, real: Events, mix: Tensor) -> Tensor:
        """Return the mean square distance of the slope from 1, between real events and fakes of the same conditions."""
        made, seen = (self.critic.measure(one) for one in (images, real["images"]))
        cells = made + _spread(mix) * (seen - made)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(cells)
            score = tf.reduce_sum(tf.cast(self.critic.score(cells, real), cells.dtype))
        slopes = tape.gradient(score, cells)
        return tf.reduce_mean((_length(_flatten(slopes)) - 1) ** 2)

    def _keep_distance(self, one: Tensor, other: Tensor, real: Events) -> Tensor:
        """Return the energy score of two showers of each event: of their slices along each axis, sums and cells."""
        views = [
            (*compare_slices(images, real), _flatten(self.critic.measure(images)))
            for images in (one, other, real["images"])
        ]
        scores = [_length(a - c) + _length(b - c) - _length(a - b) for a, b, c in zip(*views, strict=True)]
        return tf.add_n([tf.reduce_mean(score) / 2 for score in scores])


def build_wgan_gp(
    image_shape: Cells,
    classes: int,
    latent_size: int,
    *,
    angles: bool = False,
    width: float = 1.0,
    critic_steps: int = 2,
    penalty: float = 10.0,
    distance: float = 1.0,
    hit_energy: float = 4e-4,
    hit_spread: float = 0.45,
) -> tuple[Shaper, Critic, Wasserstein]:
    """Build a Wasserstein GAN for a grid.

    Args:
        image_shape: Cells along x, y, z.
        classes: Number of particle classes.
        latent_size: Length of the latent vector.
        angles: Whether events have an angle.
        width: Scales the numbers of units; at least one is left.
        critic_steps: Updates of the critic for each one of the generator.
        penalty: Weight of the gradient penalty.
        distance: Weight of the energy score in the generator's loss; 0 leaves the critic alone.
        hit_energy: Mean energy in GeV that one hit leaves in a cell: the ratio of variance to mean of faint cells.
        hit_spread: Standard deviation of that energy relative to its mean.

    Returns:
        The generator, the critic and how they are trained.

    Raises:
        ConfigError: The grid is too small, or a number is out of its range.
    """
    check_wgan_gp(image_shape, width, critic_steps, penalty, distance, hit_energy, hit_spread)
    whole = keras.config.floatx()
    hits = Hits(image_shape, latent_size, hit_energy, hit_spread, dtype=whole)
    generator = Shaper(image_shape, width, hits, name="generator", dtype=whole)
    critic = Critic(width, hit_energy, name="discriminator", dtype=whole)
    known = {"energy": keras.Input(()), "particle": keras.Input((classes,))}
    known |= {"angle": keras.Input(())} if angles else {}
    generator({"noise": keras.Input((latent_size,)), **known})
    critic({"images": keras.Input((*image_shape, 1)), **known})
    return generator, critic, Wasserstein(critic, critic_steps, penalty, distance)


def describe(events: Events) -> Tensor:
    """Return the conditions of events as numbers near 1, (n, 1 + classes), with theta (n, 2 + classes)."""
    angle = [events["angle"][:, None]] if "angle" in events else []
    return tf.concat((tf.math.log(events["energy"])[:, None], events["particle"], *angle), axis=1)


def know(events: Events, image_shape: Cells) -> Tensor:
    """Return what is known of showers in GeV, (n, x, y, z, 1): the template, or how much there is to share."""
    if "template" in events:
        return events["template"]
    return (
        _spread(events["energy"]) * tf.ones((*image_shape, 1), events["energy"].dtype) * (SAMPLED / prod(image_shape))
    )


def share(known: Tensor, departure: Tensor, whole: Tensor) -> Tensor:
    """Return what to expect of cells in GeV: the known shower shared out anew, its sum by a factor of its own.

    Args:
        known: What is known of showers in GeV, (n, x, y, z, 1).
        departure: Logarithms of the factors of cells, (n, x, y, z, 1).
        whole: Logarithms of the factors of sums, (n, 1).
    """
    shared, axes = known * tf.exp(departure), (1, 2, 3, 4)
    factor = tf.reduce_sum(known, axes) / (tf.reduce_sum(shared, axes) + TINY) * tf.exp(whole[:, 0])
    return shared * _spread(factor)


def compare_slices(images: Tensor, events: Events) -> list[Tensor]:
    """Return by how much images in GeV depart from what is known: in slices along x, y, z, (n, cells), and in all."""
    known = know(events, images.shape[1:4])
    whole = tf.reduce_sum(known, axis=(1, 2, 3))
    total = LOUD * (tf.reduce_sum(images, axis=(1, 2, 3)) / whole - 1)
    return [*(_depart(images, known, axis, FLOOR * whole) for axis in (1, 2, 3)), total]


def _depart(images: Tensor, known: Tensor, axis: int, floor: Tensor) -> Tensor:
    """Return by how much slices along an axis depart from what is known of them, (n, cells)."""
    others = [other for other in (1, 2, 3, 4) if other != axis]
    made, expected = (tf.reduce_sum(image, axis=others) for image in (images, known))
    return (made - expected) / (expected + floor)


def _flatten(images: Tensor) -> Tensor:
    """Return each event's cells in a row, (n, cells)."""
    return tf.reshape(images, (-1, prod(images.shape[1:])))


def _length(differences: Tensor) -> Tensor:
    """Return the length of each event's row."""
    return tf.sqrt(tf.reduce_sum(differences**2, axis=1) + TINY)


def _spread(numbers: Tensor) -> Tensor:
    """Return one number for each event, (n,), in the shape of images, (n, 1, 1, 1, 1)."""
    return numbers[:, None, None, None, None]
