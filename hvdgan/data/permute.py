"""Seeded hashes and permutations of any length in constant memory."""

import math

import numpy as np
from numpy.typing import NDArray

ROUNDS = 4


def scramble(values: NDArray[np.integer], *keys: int) -> NDArray[np.uint64]:
    """Hash whole numbers: equal values and keys always give equal hashes, on every machine.

    The mixing function is SplitMix64's (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA
    2014).

    Args:
        values: Numbers to hash, any shape.
        keys: Seed, epoch and the like.

    >>> bool((scramble(np.arange(3), 7) == scramble(np.arange(3), 7)).all())
    True
    """
    key = np.zeros(1, dtype=np.uint64)
    for number in keys:
        key = _mix(key ^ np.uint64(number % 2**64))
    return _mix(_mix(np.asarray(values).astype(np.uint64)) ^ key)


def permute(values: NDArray[np.int64], count: int, *keys: int) -> NDArray[np.int64]:
    """Map numbers below `count` one to one onto numbers below `count`, in a seeded random order.

    A generalised Feistel network on a grid that holds at least `count` places; numbers that leave the range go round
    again until they come back (Black, Rogaway: Ciphers with arbitrary finite domains, CT-RSA 2002).

    Args:
        values: Numbers from 0 to count - 1, shape (n,).
        count: Length of the permutation.
        keys: Seed, epoch and the like.

    >>> sorted(permute(np.arange(5), 5, 42).tolist())
    [0, 1, 2, 3, 4]
    """
    result = np.array(values, dtype=np.int64)
    away = np.arange(len(result))
    while away.size:
        result[away] = _shuffle(result[away], count, keys)
        away = away[result[away] >= count]
    return result


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread every bit of 64-bit numbers over all bits."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _shuffle(values: NDArray[np.int64], count: int, keys: tuple[int, ...]) -> NDArray[np.int64]:
    """Permute the places of the smallest nearly square grid of at least `count` places."""
    rows = math.isqrt(max(count - 1, 0)) + 1
    columns = -(-count // rows)
    row, column = np.divmod(values, columns)
    for turn in range(ROUNDS):
        row = (row + _below(rows, column, keys, 2 * turn)) % rows
        column = (column + _below(columns, row, keys, 2 * turn + 1)) % columns
    return row * columns + column


def _below(limit: int, values: NDArray[np.int64], keys: tuple[int, ...], turn: int) -> NDArray[np.int64]:
    """Hash to numbers below a limit."""
    return (scramble(values, *keys, turn) % np.uint64(limit)).astype(np.int64)
