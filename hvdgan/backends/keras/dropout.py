"""Dropout whose random numbers cost little: four of a 64-bit word instead of one of each."""

import tensorflow as tf
from keras import layers
from tensorflow import Tensor

from hvdgan.backends.published import dropped_of_words

WORD, PART = tf.int64, tf.int16


class Dropout(layers.Dropout):
    """Leave out a fraction of the numbers in training, and scale up the others, so that the mean stays.

    The fraction is rounded to a 65536th.
    """

    def call(self, image: Tensor, training: bool = False) -> Tensor:
        """Drop numbers of images."""
        return image * self._draw(image) if training and self.rate > 0 else image

    def _draw(self, image: Tensor) -> Tensor:
        """Return what to multiply with: 0 or a number above 1."""
        kept = self._choose(tf.shape(image))
        return tf.cast(kept, image.dtype) * dropped_of_words(self.rate)[1]

    def _choose(self, shape: Tensor) -> Tensor:
        """Return which numbers of images of a shape stay."""
        count, seed = tf.reduce_prod(shape), self.seed_generator.next()
        limits = {"minval": None, "maxval": None}
        words = tf.random.stateless_uniform(((count + 3) // 4,), seed, dtype=WORD, **limits)
        kept = tf.reshape(tf.bitcast(words, PART), (-1,))[:count] >= dropped_of_words(self.rate)[0] - 2**15
        return tf.reshape(kept, shape)
