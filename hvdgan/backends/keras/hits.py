"""The last layer of a generator that knows what to expect of each cell: it draws hits, see `calo.hits`."""

from typing import Any

import keras
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow import Tensor

from hvdgan.backends.published import Cells
from hvdgan.backends.wasserstein import LUCKY, waves
from hvdgan.calo.hits import EXPECTED, FEWEST, LUCK, MOST, HitTable


class Hits(keras.Layer):
    """Draws what cells collect; the same noise gives the same luck. Nothing in it is trained.

    Args:
        image_shape: Cells along x, y, z.
        latent_size: Length of a latent vector.
        energy: Mean energy of a hit in GeV.
        spread: Standard deviation of a hit's energy relative to its mean.
        settings: Of any Keras layer.
    """

    def __init__(self, image_shape: Cells, latent_size: int, energy: float, spread: float, **settings: Any) -> None:
        super().__init__(**settings)
        self.image_shape, self.energy = image_shape, energy
        self._constants = (*waves(image_shape, latent_size), HitTable.of(spread).deposits)

    def call(self, expected: Tensor, noise: Tensor) -> Tensor:
        """Return deposits in GeV, (n, x, y, z, 1).

        Args:
            expected: Expected deposits in GeV, (n, x, y, z, 1).
            noise: Standard normal numbers, (n, latent_size).
        """
        wave, phase, deposits = (tf.constant(array, expected.dtype) for array in self._constants)
        hits = expected / self.energy
        listed = tf.clip_by_value(hits, FEWEST, MOST)
        return _look_up(deposits, tf.math.log(listed), self._luck(noise, wave, phase)) * (hits / listed) * self.energy

    def _luck(self, noise: Tensor, wave: Tensor, phase: Tensor) -> Tensor:
        """Return the logit of the probability that a cell collects less, (n, x, y, z, 1)."""
        turns = tf.cast(noise[:, : wave.shape[0]], wave.dtype) @ wave + phase
        below = tf.clip_by_value(tf.abs(2 * (turns - tf.floor(turns)) - 1), LUCKY, 1 - LUCKY)
        return tf.reshape(tf.math.log(below / (1 - below)), (-1, *self.image_shape, 1))


def _look_up(deposits: Tensor, expected: Tensor, luck: Tensor) -> Tensor:
    """Interpolate a table between its four nearest entries."""
    (row, high), (column, lucky) = _locate(expected, EXPECTED), _locate(luck, LUCK)
    flat, first = tf.reshape(deposits, (-1,)), row * len(LUCK) + column
    poor = tf.gather(flat, first) * (1 - high) + tf.gather(flat, first + len(LUCK)) * high
    rich = tf.gather(flat, first + 1) * (1 - high) + tf.gather(flat, first + len(LUCK) + 1) * high
    return poor * (1 - lucky) + rich * lucky


def _locate(values: Tensor, edges: NDArray) -> tuple[Tensor, Tensor]:
    """Return the entry below each value, and how far it is to the next one, from 0 to 1."""
    place = tf.clip_by_value((values - edges[0]) / (edges[1] - edges[0]), 0, len(edges) - 1)
    entry = tf.minimum(tf.floor(tf.stop_gradient(place)), len(edges) - 2)
    return tf.cast(entry, tf.int32), place - entry
