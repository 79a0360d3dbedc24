"""Counter-based random numbers: each event's numbers depend on its own index alone.

Every event owns a fixed run of counters of a Philox generator keyed by the seed, so that any rank, batch size or
framework that asks for event i gets the same numbers (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
SC11).
"""

import numpy as np
from numpy.random import Philox
from numpy.typing import NDArray
from scipy.special import ndtri

from hvdgan.errors import ConfigError

WORDS_PER_BLOCK = 4
LARGEST_SEED = 2**64 - 1

GENERATION, TRAINING, DROPOUT, ANGLES = range(4)
"""Streams: numbers of different streams never meet, whatever the seed."""


def words(seed: int, stream: int, step: int, first: int, count: int, width: int) -> NDArray[np.uint64]:
    """Return random 64-bit words of some events.

    Args:
        seed: 0 to 2**64 - 1.
        stream: What the numbers are for.
        step: Which step of the stream, 0 to 2**64 - 1.
        first: Index of the first event.
        count: Number of events.
        width: Words per event; the same for all calls of a stream.

    Returns:
        Words, (count, width); row i belongs to event first + i.

    Raises:
        ConfigError: The seed is out of range.

    >>> together = words(7, TRAINING, 3, first=0, count=4, width=5)
    >>> bool((words(7, TRAINING, 3, first=2, count=2, width=5) == together[2:]).all())
    True
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise ConfigError(f"seed {seed} is out of range; legal are 0 to 2**64 - 1")
    blocks = -(-width // WORDS_PER_BLOCK)
    key, counter = (np.array(numbers, dtype=np.uint64) for numbers in ([seed, 0], [first * blocks, 0, step, stream]))
    source = Philox(key=key, counter=counter)
    return source.random_raw(count * blocks * WORDS_PER_BLOCK).reshape(count, -1)[:, :width]


def uniforms(raw: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return numbers uniform in the open interval (0, 1), shaped like the words.

    >>> uniforms(np.array([0, 2**64 - 1], dtype=np.uint64)).tolist()
    [1.1102230246251565e-16, 0.9999999999999999]
    """
    return ((raw >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def normals(raw: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return standard normal numbers by the inverse distribution function, shaped like the words."""
    return ndtri(uniforms(raw))


def latents(seed: int, first: int, count: int, latent_size: int) -> NDArray[np.float64]:
    """Return the latent vectors of generated events.

    Args:
        seed: Of the generated set.
        first: Index of the first event in the set.
        count: Number of events.
        latent_size: Length of a vector.

    Returns:
        Standard normal numbers, (count, latent_size); row i belongs to event first + i.
    """
    return normals(words(seed, GENERATION, 0, first, count, latent_size))
