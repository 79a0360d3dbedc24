"""What a ring does to Keras optimizers; checks of `keras_rings.py`."""

import keras
import numpy as np
import pytest
import tensorflow as tf


def wrapped(ring, name, bias=False):
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, use_bias=bias, dtype="float64", name="only")])
    network.layers[0].kernel.assign(np.ones((2, 2)))
    optimizer = keras.optimizers.SGD(learning_rate=0.5)
    return network, ring.wrap(optimizer, network, name)


def learn(ring, network, optimizer, factor):
    """Step down a slope that is (rank + 1) * factor for every weight."""
    weights = network.trainable_variables
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(network(tf.fill((1, 2), tf.constant(ring.rank + 1.0, tf.float64)))) * factor
    optimizer.apply(tape.gradient(loss, weights), weights)


def check_the_optimizer_averages_gradients_eagerly_and_in_graphs(ring):
    network, optimizer = wrapped(ring, "generator")
    assert type(optimizer).__name__ == "SGD"
    assert float(optimizer.learning_rate) == 0.5
    compiled = tf.function(lambda factor: learn(ring, network, optimizer, factor), autograph=False)
    for number in range(3):
        learn(ring, network, optimizer, 1.0)
        compiled(tf.constant(number + 1.0, tf.float64))
    mean = (ring.size + 1) / 2
    np.testing.assert_allclose(network.layers[0].kernel, 1 - 0.5 * mean * (3 + 1 + 2 + 3), rtol=0, atol=1e-14)
    assert compiled.experimental_get_tracing_count() == 1


def check_a_weight_without_a_gradient_stays(ring):
    network, optimizer = wrapped(ring, "generator", bias=True)
    kernel, bias = network.trainable_variables
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        optimizer.apply([None, tf.fill((2,), tf.constant(ring.rank + 1.0, tf.float64))], [kernel, bias])
    np.testing.assert_array_equal(kernel, 1)
    np.testing.assert_array_equal(bias, -0.5 * (ring.size + 1) / 2)


def check_the_weights_of_another_network_are_refused(ring):
    _, optimizer = wrapped(ring, "generator")
    other, _ = wrapped(ring, "discriminator")
    with pytest.raises(ValueError, match="Unknown variable"):
        learn(ring, other, optimizer, 1.0)
