"""The losses of 3DGAN: real or fake, incident energy, sum of cells; each a mean over the batch.

Means over the batch make gradients average exactly over the ranks of a ring.
"""

from collections.abc import Sequence

import tensorflow as tf
from tensorflow import Tensor

from hvdgan.backends.interface import LossWeights

SMALLEST = 1e-7
"""Percentage errors divide by the true value, or by this where the true value is smaller (as Keras does)."""


def expected_sum(coefficients: Sequence[float], energy: Tensor) -> Tensor:
    """Return the expected sum of cells in GeV, polyval(c, E / 100) * E / 100, see `GanSpec.response`.

    Args:
        coefficients: Highest power first.
        energy: Incident energy in units of 100 GeV, any shape.
    """
    total = tf.zeros_like(energy)
    for coefficient in coefficients:
        total = total * energy + coefficient
    return total * energy


def percentage_error(prediction: Tensor, truth: Tensor) -> Tensor:
    """Return the mean absolute percentage error, 100 |truth - prediction| / |truth|, over the batch."""
    return 100.0 * tf.reduce_mean(tf.abs(truth - prediction) / tf.maximum(tf.abs(truth), SMALLEST))


def weigh(
    verdict: tuple[Tensor, Tensor, Tensor], label: Tensor, energy: Tensor, deposited: Tensor, weights: LossWeights
) -> Tensor:
    """Return the weighted loss and its terms.

    Args:
        verdict: What the discriminator says: logit, energy / 100 GeV, sum of cells in GeV; each (n,).
        label: 1 for real, 0 for fake, (n,).
        energy: True incident energy in units of 100 GeV, (n,).
        deposited: True or expected sum of cells in GeV, (n,).
        weights: Of the terms.

    Returns:
        Total, generation, auxiliary, ecal, (4,).
    """
    logit, auxiliary, total = verdict
    terms = (
        tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=label, logits=logit)),
        percentage_error(auxiliary, energy),
        percentage_error(total, deposited),
    )
    loss = weights.generation * terms[0] + weights.auxiliary * terms[1] + weights.ecal * terms[2]
    return tf.stack((loss, *terms))
