"""3DGAN: a generator and a discriminator of three-dimensional convolutions, for any grid and width.

At 25 x 25 x 25 cells and width 1 they are the published networks (github.com/svalleco/3Dgan, keras/EcalEnergyGan.py;
EPJ Web Conf. 214 (2019) 06025) with 872,948 and 73,450 parameters. Initial weights are the published ones too, all
biases zero: uniform He in the generator's convolutions, normal Glorot in its last one, uniform Glorot elsewhere.

Activations are channels-last, the only layout in which TensorFlow convolves on a processor; they are flattened
channel first, as canonical states are.
"""

from math import prod
from typing import Any

import keras
import tensorflow as tf
from keras import layers
from tensorflow import Tensor

from hvdgan.backends.keras.cells import CellScale, Cut
from hvdgan.backends.keras.convolution import Grouped, Repeated, Unfolded
from hvdgan.backends.keras.dropout import Dropout
from hvdgan.backends.keras.normalisation import BatchNorm
from hvdgan.backends.model import Events
from hvdgan.backends.published import CLASS_SPREAD, EPSILON, MOMENTUM, SLOPE, Cells, check_3dgan, filters, seed_shape


class Generator(keras.Model):
    """Layers in a row, from noise to images.

    The incident energy multiplies the noise, as published; so does a row of numbers for each particle class, where
    there are several (the oldest variant of 3DGAN).

    Args:
        row: From the dense seed to the cut, in order.
        classes: Number of particle classes.
        latent_size: Length of the latent vector.
        settings: Of any Keras model.
    """

    def __init__(self, row: list[keras.Layer], classes: int, latent_size: int, **settings: Any) -> None:
        super().__init__(**settings)
        self.row, self.particle = row, None
        if classes > 1:
            spread = keras.initializers.RandomNormal(mean=1.0, stddev=CLASS_SPREAD)
            self.particle = layers.Dense(latent_size, use_bias=False, kernel_initializer=spread, name="particle")

    def call(self, events: Events, training: bool = False) -> Tensor:
        """Make images in GeV, (n, x, y, z, 1), of some noise; Keras tells the layers of training."""
        image = events["noise"] * events["energy"][:, None]
        if self.particle is not None:
            image = image * self.particle(events["particle"])
        for layer in self.row:
            image = layer(image)
        return image


class Discriminator(keras.Model):
    """Layers in a row with heads on top.

    Args:
        row: The trunk, in order; the last layer flattens.
        classes: Number of particle classes; more than one have a head of their own.
        scale: How the trunk measures cells.
        settings: Of any Keras model.
    """

    def __init__(self, row: list[keras.Layer], classes: int, scale: CellScale, **settings: Any) -> None:
        super().__init__(**settings)
        self.row, self.scale = row, scale
        self.generation = layers.Dense(1, name="generation")
        self.auxiliary = layers.Dense(1, name="auxiliary")
        self.particle = layers.Dense(classes, name="particle") if classes > 1 else None

    def call(self, events: Events, training: bool = False) -> dict[str, Tensor]:
        """Judge images in GeV, (n, x, y, z, 1); Keras tells the layers of training.

        Returns:
            generation: Logit of being real, (n,).
            auxiliary: Incident energy in units of 100 GeV, (n,).
            ecal: Sum of cells in GeV, (n,).
            particle: Logits of the classes, (n, classes), where there are several.
        """
        image = events["images"]
        features = self.scale.compress(image)
        for layer in self.row:
            features = layer(features)
        heads = {layer.name: layer(features)[:, 0] for layer in (self.generation, self.auxiliary)}
        heads["ecal"] = tf.reduce_sum(image, axis=(1, 2, 3, 4))
        return heads | ({} if self.particle is None else {"particle": self.particle(features)})


class Leaky(keras.Layer):
    """A leaky unit; that of TensorFlow keeps its slope in float32, whatever the precision."""

    def call(self, image: Tensor) -> Tensor:
        """Multiply what is below zero by the slope."""
        return tf.maximum(image, SLOPE * image) if image.dtype == tf.float64 else tf.nn.leaky_relu(image, SLOPE)


class PairMean(keras.Layer):
    """Average cells by pairs along x, y and z; a last odd one is left out. TensorFlow cannot pool in float64."""

    def call(self, image: Tensor) -> Tensor:
        """Bring images (n, x, y, z, c) to half of their cells."""
        x, y, z = (cells // 2 for cells in image.shape[1:4])
        image = tf.slice(image, (0,) * 5, (-1, 2 * x, 2 * y, 2 * z, -1))
        for axis in (1, 2, 3):
            shape = [-1, *image.shape[1:]]
            pairs = tf.reshape(image, [*shape[:axis], shape[axis] // 2, 2, *shape[axis + 1 :]])
            first, second = tf.unstack(pairs, axis=axis + 1)
            image = (first + second) / 2
        return image


def build_3dgan(
    image_shape: Cells,
    classes: int,
    latent_size: int,
    *,
    width: float = 1.0,
    dropout: float = 0.2,
    batch_norm: bool = True,
    cell_unit: float = 1.0,
    cell_power: float = 1.0,
    one_pass: bool = False,
) -> tuple[Generator, Discriminator]:
    """Build the networks of 3DGAN for a grid.

    Args:
        image_shape: Cells along x, y, z.
        classes: Number of particle classes; the published networks know one.
        latent_size: Length of the latent vector.
        width: Scales the published numbers of filters, dense seed included; at least one is left.
        dropout: Fraction of the discriminator's activations that is dropped in training.
        batch_norm: Normalise batches between the convolutions.
        cell_unit: Energy in GeV that counts as 1 inside the networks: 1 as published; the energy of a typical cell
            spares a short training from finding the scale.
        cell_power: The networks see (cell / cell_unit) ** cell_power: 1 as published; 0.5 brings faint and bright
            cells nearer to each other, which lets a short training see a shower's edges as well as its core.
        one_pass: Of the recipe, which is `recipe.OnePass` then; the networks are the same.

    Returns:
        The generator and the discriminator.

    Raises:
        ConfigError: The grid is smaller than the kernels, or a number is out of its range.
    """
    check_3dgan(image_shape, width, dropout, cell_unit, cell_power)
    scale = CellScale(cell_unit, cell_power)
    generator = build_generator(image_shape, classes, latent_size, width, batch_norm, scale)
    return generator, build_discriminator(image_shape, classes, width, dropout, batch_norm, scale)


def build_generator(
    image_shape: Cells, classes: int, latent_size: int, width: float, batch_norm: bool, scale: CellScale
) -> Generator:
    """Build the generator, see `build_3dgan`."""
    seed = seed_shape(image_shape)
    first, wide, narrow = (filters(number, width) for number in (8, 64, 6))
    row = [
        layers.Dense(first * prod(seed), name="seed"),
        layers.Reshape((first, *seed), name="unflatten"),
        layers.Permute((2, 3, 4, 1), name="last"),
        _pad((2, 3), (2, 3), (3, 4)),
        layers.Conv3D(wide, (6, 6, 8), kernel_initializer="he_uniform", name="conv1"),
        Leaky(),
        _normalise("norm1", batch_norm),
        _repeat(narrow, (6, 5, 8), (2, 2, 2), ((2, 2), (2, 2), (0, 0)), "conv2"),
        Leaky(),
        _normalise("norm2", batch_norm),
        _repeat(narrow, (3, 3, 8), (2, 2, 3), ((1, 1), (0, 0), (3, 3)), "conv3"),
        Leaky(),
        layers.Conv3D(1, (2, 2, 2), use_bias=False, kernel_initializer="glorot_normal", name="conv4"),
        layers.ReLU(),
        Cut(image_shape, scale, name="cut", dtype=keras.config.floatx()),
    ]
    generator = Generator(row, classes, latent_size, name="generator", dtype=keras.config.floatx())
    generator(_inputs(noise=(latent_size,), classes=classes))  # builds the layers
    return generator


def build_discriminator(
    image_shape: Cells, classes: int, width: float, dropout: float, batch_norm: bool, scale: CellScale
) -> Discriminator:
    """Build the discriminator, see `build_3dgan`."""
    row: list[keras.Layer] = []
    for number, (published, padding) in enumerate(zip((32, 8, 8, 8), (2, 2, 2, 1), strict=True), start=1):
        row += [
            _convolve(number, filters(published, width), padding),
            Leaky(),
            _normalise(f"norm{number}", batch_norm and number > 1),
            Dropout(dropout),
        ]
    row += [PairMean(), layers.Permute((4, 1, 2, 3)), layers.Flatten()]
    discriminator = Discriminator(row, classes, scale, name="discriminator", dtype=keras.config.floatx())
    discriminator(_inputs(images=(*image_shape, 1), classes=classes))  # builds the layers
    return discriminator


def _inputs(classes: int, **shapes: tuple[int, ...]) -> dict[str, keras.KerasTensor]:
    """Return inputs of a network: the conditions of events, and what else is named, by its shape."""
    shapes |= {"energy": (), "particle": (classes,)}
    return {name: keras.Input(shape) for name, shape in shapes.items()}


def _repeat(channels: int, kernel: Cells, factor: Cells, around: tuple[tuple[int, int], ...], name: str) -> keras.Layer:
    """Return a convolution of an up-sampled image with uniform He weights."""
    return Repeated(channels, kernel, factor, around, kernel_initializer="he_uniform", name=name)


def _convolve(number: int, channels: int, padding: int) -> keras.Layer:
    """Return one of the discriminator's convolutions; the first one sees a single channel."""
    name = f"conv{number}"
    return Unfolded(channels, 5, padding, name=name) if number == 1 else Grouped(channels, 5, padding, 2, name=name)


def _normalise(name: str, wanted: bool) -> keras.Layer:
    """Return a batch normalisation with Keras' defaults, or a layer that does nothing."""
    return BatchNorm(momentum=MOMENTUM, epsilon=EPSILON, name=name) if wanted else layers.Identity(name=name)


def _pad(x: tuple[int, int], y: tuple[int, int], z: tuple[int, int]) -> keras.Layer:
    """Return a layer that adds zeros before and after each axis.

    Uneven ones that a convolution adds itself (padding "same") make NaN in bfloat16 now and then: TensorFlow 2.21, CPU.
    """
    return layers.ZeroPadding3D((x, y, z))
