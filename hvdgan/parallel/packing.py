"""Packing: named arrays as one vector or one buffer, so that a collective call moves them in one piece."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

LENGTH = np.dtype("<i8")
"""How the length of a buffer's header is written in front of it."""


def flatten(values: dict[str, Any]) -> NDArray[np.float64]:
    """Return all numbers in one vector, in the order of their sorted names.

    >>> flatten({"b": 2.0, "a": np.array([[0.0, 1.0]])})
    array([0., 1., 2.])
    """
    parts = [np.asarray(values[name], dtype=np.float64).ravel() for name in sorted(values)]
    return np.concatenate(parts) if parts else np.empty(0)


def unflatten(vector: NDArray[np.float64], like: dict[str, Any]) -> dict[str, Any]:
    """Return the numbers of a vector under the names and in the shapes of `like`.

    Args:
        vector: What `flatten` makes of such values.
        like: Gives names, their order, shapes, and which are plain numbers; floating-point arrays keep their type,
            others become float64.

    >>> unflatten(np.array([0.5, 1.5]), {"b": 1, "a": np.zeros(1, dtype=np.float32)})
    {'b': 1.5, 'a': array([0.5], dtype=float32)}
    """
    found: dict[str, Any] = {}
    start = 0
    for name in sorted(like):
        shape = np.shape(like[name])
        end = start + int(np.prod(shape, dtype=int))
        found[name] = _like(vector[start:end].reshape(shape), like[name])
        start = end
    return {name: found[name] for name in like}


def encode(state: dict[str, NDArray]) -> NDArray[np.uint8]:
    """Return named arrays as one buffer of bytes: length of the header, header as JSON, contents.

    Raises:
        TypeError: An array holds Python objects.
    """
    arrays = {name: np.asarray(array) for name, array in state.items()}
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise TypeError(f"{name} holds Python objects; only numbers, truth values and texts can be sent")
    header = json.dumps([[name, array.dtype.str, array.shape] for name, array in arrays.items()]).encode()
    length = np.array(len(header), dtype=LENGTH).tobytes()
    contents = (array.tobytes() for array in arrays.values())
    return np.frombuffer(b"".join([length, header, *contents]), dtype=np.uint8)


def decode(buffer: NDArray[np.uint8]) -> dict[str, NDArray]:
    """Return the named arrays of a buffer made by `encode`; types and shapes are the same, the memory is new.

    >>> decode(encode({"answer": np.array(True)}))
    {'answer': array(True)}
    """
    data = buffer.tobytes()
    start = LENGTH.itemsize + int(np.frombuffer(data, dtype=LENGTH, count=1)[0])
    state = {}
    for name, kind, shape in json.loads(data[LENGTH.itemsize : start]):
        array: NDArray = np.empty(shape, dtype=np.dtype(kind))
        end = start + array.nbytes
        state[name] = np.frombuffer(data[start:end], dtype=array.dtype).reshape(shape).copy()
        start = end
    return state


def to_bits(word: int, count: int) -> NDArray[np.int32]:
    """Return the lowest bits of a word as a vector of 0 and 1.

    >>> to_bits(5, 4)
    array([1, 0, 1, 0], dtype=int32)
    """
    return np.array([word >> bit & 1 for bit in range(count)], dtype=np.int32)


def from_bits(bits: NDArray) -> int:
    """Return the word whose bits are given, lowest first.

    >>> from_bits(to_bits(5, 4))
    5
    """
    return sum(1 << place for place, bit in enumerate(bits) if bit)


def _like(array: NDArray[np.float64], example: Any) -> Any:
    """Return the array as a plain float, or in the example's floating-point type."""
    if not isinstance(example, np.ndarray):
        return float(array)
    return array.astype(example.dtype if example.dtype.kind == "f" else np.float64)
