"""Learning rates: what a step of a ring is taken with."""

from math import cos, pi

from hvdgan.backends.interface import Rates
from hvdgan.config import Training

SCALINGS = {"none": 0.0, "sqrt": 0.5, "linear": 1.0}
"""Power of the number of ranks.

Linear suits plain gradient descent (Goyal et al., arXiv:1706.02677), the root optimizers that divide by the size of the
gradient (Malladi et al., arXiv:2205.10287).
"""

DECAYS = {"none": lambda left: 1.0, "linear": lambda left: left, "cosine": lambda left: (1 - cos(pi * left)) / 2}
"""Factor by the fraction of the training that is left."""


def learning_rates(settings: Training, ranks: int, step: int, steps_per_epoch: int) -> Rates:
    """Return the learning rates of a step.

    Args:
        settings: Section `training` of the configuration.
        ranks: Of the ring.
        step: Number of the step since the run's beginning, from 0.
        steps_per_epoch: Of the ring.

    >>> from hvdgan.config import Training
    >>> settings = Training(learning_rate=0.1, rate_scaling="linear", warmup=2, decay="linear", epochs=10)
    >>> [round(learning_rates(settings, 4, step, 5).generator, 3) for step in (0, 9, 10, 25, 49)]
    [0.04, 0.4, 0.4, 0.25, 0.01]
    """
    rise = settings.warmup * steps_per_epoch
    left = 1 - max(0.0, step - rise) / max(1.0, settings.epochs * steps_per_epoch - rise)
    factor = min(1.0, (step + 1) / rise) if rise else 1.0
    rate = settings.learning_rate * ranks ** SCALINGS[settings.rate_scaling] * factor * DECAYS[settings.decay](left)
    return Rates(rate, rate * settings.discriminator_rate)
