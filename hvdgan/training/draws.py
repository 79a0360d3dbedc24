"""Draws: the random numbers of one training step, the same for any number of ranks.

A step's global batch is a row of events; each event's numbers depend on (seed, step, its index in the row) alone.
Rank r of p with n events each draws events r n to (r + 1) n: exactly what one rank with p n events draws there.
"""

import numpy as np
from numpy.typing import NDArray

from hvdgan.backends.interface import Draw
from hvdgan.backends.latent import ANGLES, DROPOUT, TRAINING, normals, uniforms, words

LABELS = 2
"""Sets of labels in one step: of the real and of the fake events."""


def draw(
    seed: int,
    step: int,
    first_event: int,
    count: int,
    latent_size: int,
    *,
    passes: int,
    classes: int,
    energies: tuple[float, float],
    label_flip: float,
    angles: tuple[float, float] | None = None,
) -> Draw:
    """Draw the random numbers of one rank's share of a step.

    Args:
        seed: Of the run.
        step: Number of the step since the run's beginning.
        first_event: Index of this rank's first event in the global batch; rank times events per rank.
        count: This rank's number of events.
        latent_size: Length of a latent vector.
        passes: How often the step runs the generator.
        classes: Number of particle classes; fakes are of each as often as of any other.
        energies: Range of the fakes' incident energy in GeV; they are uniform in it.
        label_flip: Fraction of the labels that the discriminator is told wrong.
        angles: Range of the fakes' theta in radians; they are uniform in it. None draws none. Angles come from a stream
            of their own, so that all other numbers are the same with and without them.

    Returns:
        The draw; its dropout seed differs between ranks and steps.

    Raises:
        ConfigError: The seed is out of range.
    """
    noise, low, high = passes * latent_size, *energies
    raw = words(seed, TRAINING, step, first_event, count, noise + 3 * passes + LABELS)
    energy, particle, mix, flip = np.split(uniforms(raw[:, noise:]).T, [passes, 2 * passes, 3 * passes])
    return Draw(
        latent=normals(raw[:, :noise]).reshape(count, passes, latent_size).swapaxes(0, 1),
        energy=low + (high - low) * energy,
        particle=(classes * particle).astype(np.int64),
        mix=mix,
        flip=flip < label_flip,
        seed=int(words(seed, DROPOUT, step, first_event, 1, 1)[0, 0] >> np.uint64(1)),
        angle=None if angles is None else _spread(words(seed, ANGLES, step, first_event, count, passes), angles),
    )


def _spread(raw: NDArray[np.uint64], span: tuple[float, float]) -> NDArray[np.float64]:
    """Return numbers uniform in a range, (passes, n), of words, (n, passes)."""
    low, high = span
    return low + (high - low) * uniforms(raw).T
