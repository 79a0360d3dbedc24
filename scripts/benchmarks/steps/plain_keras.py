"""3DGAN as one writes it down in Keras: the published layers one after the other, and no thought of speed.

The control of the measurement: kept as it is.

Each of the two updates is a `tf.function`, as the guides of Keras have it; images are channels-last, the only layout
in which TensorFlow convolves on a processor. Gradients are asked of the network alone that learns.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray


def build_generator() -> keras.Model:
    """Build the published generator (github.com/svalleco/3Dgan, keras/EcalEnergyGan.py)."""
    return keras.Sequential(
        [
            keras.Input((200,)),
            layers.Dense(8 * 7 * 7 * 8),
            layers.Reshape((7, 7, 8, 8)),
            layers.ZeroPadding3D(((2, 3), (2, 3), (3, 4))),
            layers.Conv3D(64, (6, 6, 8), kernel_initializer="he_uniform"),
            layers.LeakyReLU(negative_slope=0.3),
            layers.BatchNormalization(),
            layers.UpSampling3D((2, 2, 2)),
            layers.ZeroPadding3D((2, 2, 0)),
            layers.Conv3D(6, (6, 5, 8), kernel_initializer="he_uniform"),
            layers.LeakyReLU(negative_slope=0.3),
            layers.BatchNormalization(),
            layers.UpSampling3D((2, 2, 3)),
            layers.ZeroPadding3D((1, 0, 3)),
            layers.Conv3D(6, (3, 3, 8), kernel_initializer="he_uniform"),
            layers.LeakyReLU(negative_slope=0.3),
            layers.Conv3D(1, 2, use_bias=False, kernel_initializer="glorot_normal"),
            layers.Activation("relu", dtype="float32"),
        ]
    )


def build_discriminator() -> keras.Model:
    """Build the published discriminator: the logit of being real, the incident energy and the sum of cells."""
    images = keras.Input((25, 25, 25, 1))
    features = images
    for number, (filters, padding) in enumerate(((32, 2), (8, 2), (8, 2), (8, 1))):
        features = layers.ZeroPadding3D(padding)(features)
        features = layers.Conv3D(filters, 5)(features)
        features = layers.LeakyReLU(negative_slope=0.3)(features)
        features = layers.BatchNormalization()(features) if number else features
        features = layers.Dropout(0.2)(features)
    features = layers.Flatten()(layers.AveragePooling3D(2)(features))
    generation, auxiliary = (layers.Dense(1, dtype="float32")(features) for _ in range(2))
    return keras.Model(images, [generation[:, 0], auxiliary[:, 0], keras.ops.sum(images, axis=(1, 2, 3, 4))])


def percentage_error(prediction: Any, truth: Any) -> Any:
    """Return the mean absolute percentage error."""
    return 100 * tf.reduce_mean(tf.abs(truth - prediction) / tf.maximum(tf.abs(truth), 1e-7))


def measure_loss(heads: list[Any], label: float, energy: Any, deposited: Any) -> Any:
    """Return the published loss; energies in units of 100 GeV, sums of cells in GeV."""
    generation, auxiliary, ecal = (tf.cast(head, tf.float32) for head in heads)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(tf.fill(tf.shape(generation), label), generation)
    errors = percentage_error(auxiliary, energy) + percentage_error(ecal, deposited)
    return 2 * tf.reduce_mean(entropy) + 0.1 * errors


def prepare(images: NDArray[np.float32], energy: NDArray[np.float32], precision: str) -> Callable[[], None]:
    """Return a function that does one step.

    Args:
        images: In GeV, (n, 25, 25, 25).
        energy: In GeV, (n,).
        precision: "float32", or "bfloat16" for Keras' mixed precision.
    """
    keras.config.set_dtype_policy("mixed_bfloat16" if precision == "bfloat16" else precision)
    generator, discriminator = build_generator(), build_discriminator()
    optimizers = [keras.optimizers.RMSprop(1e-3) for _ in range(2)]
    for optimizer, network in zip(optimizers, (generator, discriminator), strict=True):
        optimizer.build(network.trainable_variables)
    real, incident = tf.constant(images[..., None]), tf.constant(energy / 100)
    deposited = tf.reduce_sum(real, axis=(1, 2, 3, 4))

    def imagine() -> Any:
        return generator(tf.random.normal((len(images), 200)) * incident[:, None], training=True)

    def learn(network: keras.Model, optimizer: keras.Optimizer, events: Callable[[], Any], label: float) -> None:
        weights = network.trainable_variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([weight.value for weight in weights])
            loss = measure_loss(discriminator(events(), training=True), label, incident, deposited)
        optimizer.apply(tape.gradient(loss, [weight.value for weight in weights]), weights)

    @tf.function
    def judge(events: Any, label: Any) -> None:
        learn(discriminator, optimizers[1], lambda: events, label)

    @tf.function
    def fool() -> None:
        learn(generator, optimizers[0], imagine, 1.0)

    dream, true, false = tf.function(imagine), tf.constant(1.0), tf.constant(0.0)

    def step() -> None:
        judge(real, true)
        judge(dream(), false)
        fool()
        fool()

    return step
