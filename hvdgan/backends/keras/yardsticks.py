"""What measurements compare with: an update without a network, and a product of matrices."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from hvdgan.backends.keras.device import chosen_device
from hvdgan.backends.keras.trainer import make_graph
from hvdgan.parallel.ring import Ring

PRODUCTS = {"float32": tf.float32, "float64": tf.float64, "bfloat16": tf.bfloat16}
"""Type of the numbers that are multiplied, by precision."""


class Gradients:
    """Gradients of some shapes that belong to no network; a ring averages them as it does a network's.

    Every number of rank r is r + 1 before they are averaged.

    Args:
        shapes: Of the float32 tensors.
        ring: The ranks that average.
        name: What the ring calls them.
    """

    def __init__(self, shapes: Sequence[tuple[int, ...]], ring: Ring, name: str) -> None:
        self._ring, self._device, layer = ring, chosen_device(), keras.layers.Layer()
        with tf.device(self._device):
            start = keras.initializers.Constant(ring.rank + 1.0)
            self._weights = [layer.add_weight(shape=shape, initializer=start, dtype="float32") for shape in shapes]
            self._optimizer = ring.wrap(_Idle(name="idle"), layer, name)
        self._update = make_graph(self._apply)

    def average(self) -> None:
        """Replace them by their mean over the ring. Collective; returns at the end."""
        with tf.device(self._device), self._ring.guarded():
            self._update()
        _settle(self._weights[0].value)

    def read(self) -> list[NDArray]:
        """Return copies of them."""
        return [np.array(weight.numpy()) for weight in self._weights]

    def _apply(self) -> None:
        """Take the weights for their own gradients."""
        self._optimizer.apply([tf.identity(weight.value) for weight in self._weights], self._weights)


class _Idle(keras.optimizers.SGD):
    """Keeps gradients instead of going down them."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Store a gradient where its weight was."""
        variable.assign(gradient)


def multiply(size: int, precision: str) -> Callable[[], None]:
    """Return a function that multiplies two square matrices of so many rows, to the end."""
    with tf.device(chosen_device()):
        left, right = tf.cast(tf.random.normal((2, size, size)), PRODUCTS[precision])
    return lambda: _settle(tf.matmul(left, right))


def _settle(tensor: Any) -> None:
    """Wait until the device has done all it was asked for."""
    tf.reshape(tensor, [-1])[0].numpy()
