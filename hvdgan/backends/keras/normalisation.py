"""Batch normalisation, in the same arithmetic in both frameworks."""

import keras
import tensorflow as tf
from keras import layers
from tensorflow import Tensor


class BatchNorm(layers.BatchNormalization):
    """A batch normalisation whose sums are made event by event.

    TensorFlow's own over a whole batch lose several digits in float32. What the running variance takes from a batch is
    unbiased, as torch defines it.
    """

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Normalise images (n, x, y, z, c) by the batch in training, else by the running statistics."""
        if not training:
            return super().call(inputs, training=False)
        x, y, many, channels = inputs.shape[1:]
        rows = tf.cast(tf.reshape(inputs, (-1, x, y, many * channels)), self.variable_dtype)
        repeat = (many,)  # long rows: numbers by channel are repeated along them
        count = tf.cast(tf.size(inputs) // channels, rows.dtype)
        mean = _add_up(rows, many) / count
        deviation = rows - tf.tile(mean, repeat)
        variance = _add_up(deviation * deviation, many) / count
        self._remember(self.moving_mean, mean)
        self._remember(self.moving_variance, variance * count / tf.maximum(count - 1, 1))
        scale = self.gamma * tf.math.rsqrt(variance + self.epsilon)
        made = deviation * tf.tile(scale, repeat) + tf.tile(self.beta, repeat)
        return tf.cast(tf.reshape(made, tf.shape(inputs)), self.compute_dtype)

    def _remember(self, running: keras.Variable, batch: Tensor) -> None:
        """Move a running statistic towards that of the batch."""
        running.assign(self.momentum * running + (1 - self.momentum) * batch)


def _add_up(rows: Tensor, many: int) -> Tensor:
    """Return the sum of each channel of rows (n, x, y, many * channels), event by event."""
    sums = tf.reduce_sum(tf.reduce_sum(rows, axis=(1, 2)), axis=0)
    return tf.reduce_sum(tf.reshape(sums, (many, -1)), axis=0)
