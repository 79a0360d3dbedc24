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
