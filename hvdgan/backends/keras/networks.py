"""3DGAN: a generator and a discriminator of three-dimensional convolutions, for any grid and width.

At 25 x 25 x 25 cells and width 1 they are the published networks (github.com/svalleco/3Dgan, keras/EcalEnergyGan.py;
EPJ Web Conf. 214 (2019) 06025) with 872,948 and 73,450 parameters. Initial weights are the published ones too, all
biases zero: uniform He in the generator's convolutions, normal Glorot in its last one, uniform Glorot elsewhere.

Activations are channels-last, the only layout in which TensorFlow convolves on a processor; they are flattened
channel first, as canonical states are.
"""

from collections import OrderedDict
from math import prod
from typing import Any

import keras
import tensorflow as tf
from keras import layers
from tensorflow import Tensor

from hvdgan.backends.keras.cells import CellScale, Cut
from hvdgan.backends.published import EPSILON, MOMENTUM, SLOPE, Cells, check_3dgan, filters, seed_shape


class Discriminator(keras.Model):
    """Layers in a row with three heads on top.

    Args:
        trunk: The layers, in order; the last one flattens.
        scale: How the trunk measures cells.
        settings: Of any Keras model.
    """

    def __init__(self, trunk: dict[str, keras.Layer], scale: CellScale, **settings: Any) -> None:
        super().__init__(**settings)
        self.trunk, self.scale = list(trunk.values()), scale
        self.generation = layers.Dense(1, name="generation")
        self.auxiliary = layers.Dense(1, name="auxiliary")

    def call(self, image: Tensor, training: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Judge images.

        Args:
            image: Energy of the cells in GeV, (n, x, y, z, 1).
            training: Drop activations and normalise by the batch; Keras tells the layers.

        Returns:
            Logit of being real, (n,); incident energy in units of 100 GeV, (n,); sum of cells in GeV, (n,).
        """
        features = self.scale.compress(image)
        for layer in self.trunk:
            features = layer(features)
        generation, auxiliary = (head(features)[:, 0] for head in (self.generation, self.auxiliary))
        return generation, auxiliary, tf.reduce_sum(image, axis=(1, 2, 3, 4))


class BatchNorm(layers.BatchNormalization):
    """A batch normalisation as torch defines it: what the running variance takes from a batch is unbiased.

    Sums are made event by event: TensorFlow's own over a whole batch lose several digits in float32.
    """

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Normalise images (n, x, y, z, c) by the batch in training, else by the running statistics."""
        if not training:
            return super().call(inputs, training=False)
        images = tf.cast(inputs, self.variable_dtype)
        mean = self._average(images)
        variance = self._average(tf.square(images - mean))
        count = tf.cast(tf.size(images) // images.shape[-1], images.dtype)
        self._remember(self.moving_mean, mean)
        self._remember(self.moving_variance, variance * count / tf.maximum(count - 1, 1))
        images = tf.nn.batch_normalization(images, mean, variance, self.beta, self.gamma, self.epsilon)
        return tf.cast(images, self.compute_dtype)

    def _average(self, images: Tensor) -> Tensor:
        """Return the mean of each channel."""
        return tf.reduce_mean(tf.reduce_mean(images, axis=(1, 2, 3)), axis=0)

    def _remember(self, running: keras.Variable, batch: Tensor) -> None:
        """Move a running statistic towards that of the batch."""
        running.assign(self.momentum * running + (1 - self.momentum) * batch)


class Leaky(keras.Layer):
    """A leaky unit; that of TensorFlow keeps its slope in float32, whatever the precision."""

    def call(self, image: Tensor) -> Tensor:
        """Multiply what is below zero by the slope."""
        return tf.maximum(image, SLOPE * image) if image.dtype == tf.float64 else tf.nn.leaky_relu(image, SLOPE)


class PairMean(keras.Layer):
    """Average cells by pairs along x, y and z; a last odd one is left out. TensorFlow cannot pool in float64."""

    def call(self, image: Tensor) -> Tensor:
        """Bring images (n, x, y, z, c) to half of their cells."""
        for axis in (1, 2, 3):
            cells = image.shape[axis] // 2 * 2
            first, second = (tf.gather(image, range(start, cells, 2), axis=axis) for start in (0, 1))
            image = (first + second) / 2
        return image


def build_3dgan(
    image_shape: Cells,
    latent_size: int,
    *,
    width: float = 1.0,
    dropout: float = 0.2,
    batch_norm: bool = True,
    cell_unit: float = 1.0,
    cell_power: float = 1.0,
) -> tuple[keras.Sequential, Discriminator]:
    """Build the networks of 3DGAN for a grid.

    Args:
        image_shape: Cells along x, y, z.
        latent_size: Length of the latent vector.
        width: Scales the published numbers of filters, dense seed included; at least one is left.
        dropout: Fraction of the discriminator's activations that is dropped in training.
        batch_norm: Normalise batches between the convolutions.
        cell_unit: Energy in GeV that counts as 1 inside the networks: 1 as published; the energy of a typical cell
            spares a short training from finding the scale.
        cell_power: The networks see (cell / cell_unit) ** cell_power: 1 as published; 0.5 brings faint and bright
            cells nearer to each other, which lets a short training see a shower's edges as well as its core.

    Returns:
        Generator: (n, latent_size), normal numbers times incident energy / 100 GeV, to images (n, x, y, z, 1) in GeV.
        Discriminator: images to the three numbers of `Discriminator.call`.

    Raises:
        ConfigError: The grid is smaller than the kernels, or a number is out of its range.
    """
    check_3dgan(image_shape, width, dropout, cell_unit, cell_power)
    scale = CellScale(cell_unit, cell_power)
    generator = build_generator(image_shape, latent_size, width, batch_norm, scale)
    return generator, build_discriminator(image_shape, width, dropout, batch_norm, scale)


def build_generator(
    image_shape: Cells, latent_size: int, width: float, batch_norm: bool, scale: CellScale
) -> keras.Sequential:
    """Build the generator, see `build_3dgan`."""
    seed = seed_shape(image_shape)
    first, wide, narrow = (filters(number, width) for number in (8, 64, 6))
    stack = [
        keras.Input((latent_size,)),
        layers.Dense(first * prod(seed), name="seed"),
        layers.Reshape((first, *seed), name="unflatten"),
        layers.Permute((2, 3, 4, 1), name="last"),
        _pad((2, 3), (2, 3), (3, 4)),
        layers.Conv3D(wide, (6, 6, 8), kernel_initializer="he_uniform", name="conv1"),
        Leaky(),
        _normalise("norm1", batch_norm),
        layers.UpSampling3D((2, 2, 2)),
        _pad((2, 2), (2, 2), (0, 0)),
        layers.Conv3D(narrow, (6, 5, 8), kernel_initializer="he_uniform", name="conv2"),
        Leaky(),
        _normalise("norm2", batch_norm),
        layers.UpSampling3D((2, 2, 3)),
        _pad((1, 1), (0, 0), (3, 3)),
        layers.Conv3D(narrow, (3, 3, 8), kernel_initializer="he_uniform", name="conv3"),
        Leaky(),
        layers.Conv3D(1, (2, 2, 2), use_bias=False, kernel_initializer="glorot_normal", name="conv4"),
        layers.ReLU(),
        Cut(image_shape, scale, name="cut", dtype=keras.config.floatx()),
    ]
    return keras.Sequential(stack, name="generator")


def build_discriminator(
    image_shape: Cells, width: float, dropout: float, batch_norm: bool, scale: CellScale
) -> Discriminator:
    """Build the discriminator, see `build_3dgan`."""
    trunk: dict[str, keras.Layer] = OrderedDict()
    for number, (published, padding) in enumerate(zip((32, 8, 8, 8), (2, 2, 2, 1), strict=True), start=1):
        trunk[f"pad{number}"] = _pad(*[(padding, padding)] * 3)
        trunk[f"conv{number}"] = layers.Conv3D(filters(published, width), 5, name=f"conv{number}")
        trunk[f"leaky{number}"] = Leaky()
        trunk[f"norm{number}"] = _normalise(f"norm{number}", batch_norm and number > 1)
        trunk[f"dropout{number}"] = layers.Dropout(dropout)
    trunk |= {"pool": PairMean(), "first": layers.Permute((4, 1, 2, 3)), "flatten": layers.Flatten()}
    discriminator = Discriminator(trunk, scale, name="discriminator", dtype=keras.config.floatx())
    discriminator(keras.Input((*image_shape, 1)))  # builds the layers
    return discriminator


def _normalise(name: str, wanted: bool) -> keras.Layer:
    """Return a batch normalisation with Keras' defaults, or a layer that does nothing."""
    return BatchNorm(momentum=MOMENTUM, epsilon=EPSILON, name=name) if wanted else layers.Identity(name=name)


def _pad(x: tuple[int, int], y: tuple[int, int], z: tuple[int, int]) -> keras.Layer:
    """Return a layer that adds zeros before and after each axis."""
    return layers.ZeroPadding3D((x, y, z))
