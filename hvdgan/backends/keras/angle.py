"""3DGAN with angle: networks that are told theta, and tell it from the slope of a shower, for any grid and width.

At 51 x 51 x 25 cells, width 1 and latent vectors of 254 numbers they are the published networks
(github.com/svalleco/3Dgan, branch Anglegan, AngleArch3dGAN.py) with 1,365,047 and 87,402 parameters. Initial weights
are drawn as those of 3DGAN.
"""

from collections.abc import Sequence
from math import pi, prod
from typing import Any

import keras
import tensorflow as tf
from keras import layers
from tensorflow import Tensor

from hvdgan.backends.angle import (
    FLOOR,
    GENERATOR,
    NORMALISED,
    REPEAT,
    SEED_FILTERS,
    TRUNK_FILTERS,
    TRUNK_KERNEL,
    check_3dgan_angle,
    seed_shape,
    trunk_pads,
)
from hvdgan.backends.events import CONDITIONS
from hvdgan.backends.keras.cells import CellScale, Cut
from hvdgan.backends.keras.dropout import Dropout
from hvdgan.backends.keras.networks import BatchNorm, Leaky, PairMean
from hvdgan.backends.keras.recipe import TwoPass
from hvdgan.backends.model import Events, Trainer
from hvdgan.backends.published import EPSILON, MOMENTUM, Cells, filters


class AngleGenerator(keras.Model):
    """Layers in a row, from energy, theta, the particle class where there are several, and noise to images.

    Args:
        row: From the dense seed to the cut, in order.
        classes: Number of particle classes.
        settings: Of any Keras model.
    """

    def __init__(self, row: list[keras.Layer], classes: int, **settings: Any) -> None:
        super().__init__(**settings)
        self.row, self.told = row, classes > 1

    def call(self, events: Events, training: bool = False) -> Tensor:
        """Make images in GeV, (n, x, y, z, 1), of some noise; Keras tells the layers of training."""
        known = [events["energy"][:, None], events["angle"][:, None], *([events["particle"]] if self.told else [])]
        image = tf.concat((*known, events["noise"]), axis=1)
        for layer in self.row:
            image = layer(image)
        return image


class AngleDiscriminator(keras.Model):
    """Layers in a row with heads on top.

    Args:
        row: The trunk, in order; the last layer flattens.
        classes: Number of particle classes; more than one have a head of their own.
        scale: How the trunk measures cells.
        aspect: Width of a cell over the depth of a layer.
        settings: Of any Keras model.
    """

    def __init__(self, row: list[keras.Layer], classes: int, scale: CellScale, aspect: float, **settings: Any) -> None:
        super().__init__(**settings)
        self.row, self.scale, self.aspect = row, scale, aspect
        self.generation = layers.Dense(1, name="generation")
        self.auxiliary = layers.Dense(1, name="auxiliary")
        self.particle = layers.Dense(classes, name="particle") if classes > 1 else None

    def call(self, events: Events, training: bool = False) -> dict[str, Tensor]:
        """Judge images in GeV, (n, x, y, z, 1); Keras tells the layers of training.

        Returns:
            The heads of `networks.Discriminator`, and angle: theta in radians by `measure_angle`, (n,).
        """
        image = events["images"]
        features = self.scale.compress(image)
        for layer in self.row:
            features = layer(features)
        heads = {layer.name: layer(features)[:, 0] for layer in (self.generation, self.auxiliary)}
        heads |= {
            "ecal": tf.reduce_sum(image, axis=(1, 2, 3, 4)),
            "angle": measure_angle(tf.squeeze(image, axis=4), self.aspect),
        }
        return heads | ({} if self.particle is None else {"particle": self.particle(features)})


class Paired:
    """A step of 3DGAN with fakes under the very conditions, and with the sums of cells and slopes, of the real batch.

    `measure_angle` is some degrees off theta where the window cuts showers; fakes that measure what real showers do
    have their slope all the same.

    Args:
        recipe: The step.
        aspect: Width of a cell over the depth of a layer.
    """

    def __init__(self, recipe: TwoPass, aspect: float) -> None:
        self._recipe, self._aspect = recipe, aspect
        self.terms, self.heads, self.passes = recipe.terms, recipe.heads, recipe.passes

    def train(self, trainer: Trainer, real: Events, fakes: Sequence[Events]) -> None:
        """Do one step; the generator learns on fresh noise."""
        real = {**real, "slope": measure_angle(tf.squeeze(real["images"], axis=4), self._aspect)}
        same = {name: real[name] for name in ("deposited", "slope", *CONDITIONS) if name in real}
        self._recipe.train(trainer, real, [{**fake, **same} for fake in fakes])


def build_3dgan_angle(
    image_shape: Cells,
    classes: int,
    latent_size: int,
    *,
    angles: bool = False,
    width: float = 1.0,
    dropout: float = 0.2,
    batch_norm: bool = True,
    cell_unit: float = 1.0,
    cell_power: float = 0.85,
    aspect: float = 1.0,
    one_pass: bool = False,
) -> tuple[AngleGenerator, AngleDiscriminator]:
    """Build the networks of 3DGAN with angle for a grid.

    Args:
        image_shape: Cells along x, y, z.
        classes: Number of particle classes; the published networks know one.
        latent_size: Length of the latent vector, behind the energy and theta.
        angles: Whether events have an angle.
        width: Scales the published numbers of filters, dense seed included; at least one is left.
        dropout: Fraction of the discriminator's activations that is dropped in training.
        batch_norm: Normalise batches between the convolutions.
        cell_unit: Energy in GeV that counts as 1 inside the networks.
        cell_power: The networks see (cell / cell_unit) ** cell_power.
        aspect: Width of a cell over the depth of a layer, in which the slope of a shower is measured; 1 as published.
        one_pass: Of the recipe, which is `recipe.OnePass` then; the networks are the same.

    Returns:
        The generator and the discriminator.

    Raises:
        ConfigError: The grid is smaller than the kernels, a number is out of its range, or the angle does not vary.
    """
    check_3dgan_angle(image_shape, width, dropout, cell_unit, cell_power, aspect, angles)
    scale = CellScale(cell_unit, cell_power, FLOOR)
    generator = build_angle_generator(image_shape, classes, latent_size, width, batch_norm, scale)
    return generator, build_angle_discriminator(image_shape, classes, width, dropout, batch_norm, scale, aspect)


def build_angle_generator(
    image_shape: Cells, classes: int, latent_size: int, width: float, batch_norm: bool, scale: CellScale
) -> AngleGenerator:
    """Build the generator, see `build_3dgan_angle`."""
    seed, channels = seed_shape(image_shape), filters(SEED_FILTERS, width)
    row: list[keras.Layer] = [
        layers.Dense(channels * prod(seed), name="seed"),
        layers.Reshape((channels, *seed), name="unflatten"),
        layers.Permute((2, 3, 4, 1), name="last"),
        layers.UpSampling3D(REPEAT),
    ]
    for number, (published, kernel, zeros) in enumerate(GENERATOR, start=1):
        last = number == len(GENERATOR)
        start = "glorot_normal" if last else "he_uniform"
        row += [
            layers.ZeroPadding3D(zeros),
            layers.Conv3D(
                1 if last else filters(published, width), kernel, kernel_initializer=start, name=f"conv{number}"
            ),
            layers.ReLU(),
            _normalise(f"norm{number}", batch_norm and number <= NORMALISED),
        ]
    row.append(Cut(image_shape, scale, name="cut", dtype=keras.config.floatx()))
    generator = AngleGenerator(row, classes, name="generator", dtype=keras.config.floatx())
    generator(_inputs(noise=(latent_size,), classes=classes))  # builds the layers
    return generator


def build_angle_discriminator(
    image_shape: Cells,
    classes: int,
    width: float,
    dropout: float,
    batch_norm: bool,
    scale: CellScale,
    aspect: float,
) -> AngleDiscriminator:
    """Build the discriminator, see `build_3dgan_angle`."""
    row: list[keras.Layer] = []
    for number, (published, pads) in enumerate(zip(TRUNK_FILTERS, trunk_pads(image_shape), strict=True), start=1):
        row += [
            layers.ZeroPadding3D(pads),
            layers.Conv3D(filters(published, width), TRUNK_KERNEL, name=f"conv{number}"),
            Leaky(),
            _normalise(f"norm{number}", batch_norm and number > 1),
            Dropout(dropout),
        ]
    row += [PairMean(), layers.Permute((4, 1, 2, 3)), layers.Flatten()]
    settings = {"name": "discriminator", "dtype": keras.config.floatx()}
    discriminator = AngleDiscriminator(row, classes, scale, aspect, **settings)
    discriminator(_inputs(images=(*image_shape, 1), classes=classes))  # builds the layers
    return discriminator


def measure_angle(cells: Tensor, aspect: float) -> Tensor:
    """Tell theta from the slopes between the barycentre of a shower and those of its layers; deep ones count more.

    The published measure (Anglegan, ecal_angle): in each layer the slope of y over the distance in x and z; its angle
    from the perpendicular is weighted by the layer's number. A shower without energy has angle 0.

    Args:
        cells: Deposits in GeV, (n, x, y, z).
        aspect: Width of a cell over the depth of a layer.

    Returns:
        Theta in radians, (n,); pi / 2 is perpendicular.
    """
    x, y, z = (tf.range(count, dtype=cells.dtype) + 0.5 for count in cells.shape[1:])
    depth = tf.reduce_sum(cells, axis=(1, 2))
    total = tf.reduce_sum(depth, axis=1, keepdims=True)
    whole, filled = tf.where(total > FLOOR, total, 1.0), depth > FLOOR
    parts = tf.where(filled, depth, 1.0)
    along_x, along_y = aspect * tf.einsum("nxyz,x->nz", cells, x), aspect * tf.einsum("nxyz,y->nz", cells, y)
    offset_x = along_x / parts - tf.reduce_sum(along_x, axis=1, keepdims=True) / whole
    offset_y = along_y / parts - tf.reduce_sum(along_y, axis=1, keepdims=True) / whole
    offset_z = z - tf.reduce_sum(depth * z, axis=1, keepdims=True) / whole
    reach = tf.sqrt(tf.maximum(offset_x**2 + offset_z**2, FLOOR))
    angles = 0.5 * pi - tf.atan(offset_y / reach * tf.where(offset_z < 0, -tf.ones_like(reach), 1.0))
    weights = tf.where(filled, z, tf.zeros_like(depth))
    return tf.reduce_sum(angles * weights, axis=1) / tf.maximum(tf.reduce_sum(weights, axis=1), FLOOR)


def _inputs(classes: int, **shapes: tuple[int, ...]) -> dict[str, keras.KerasTensor]:
    """Return inputs of a network: the conditions of events, and what else is named, by its shape."""
    shapes |= {"energy": (), "particle": (classes,), "angle": ()}
    return {name: keras.Input(shape) for name, shape in shapes.items()}


def _normalise(name: str, wanted: bool) -> keras.Layer:
    """Return a batch normalisation with Keras' defaults, or a layer that does nothing."""
    return BatchNorm(momentum=MOMENTUM, epsilon=EPSILON, name=name) if wanted else layers.Identity(name=name)
