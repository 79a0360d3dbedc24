"""Read compressed images chunk by chunk, straight to where they are wanted.

HDF5's shuffle filter stores all first bytes of a chunk's numbers, then all second ones, and so on. What this saves
beside HDF5's own way is a copy of every number, and the interpreter's lock: other threads run while one unpacks.
"""

import itertools
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

WIDTH = 4
"""Bytes of a number."""

FILTERS = 2
"""Shuffle and gzip: what an array passes on its way into our files, and into many others."""


def is_packed(array: Any, count: int, place: NDArray) -> bool:
    """Return whether an array can be read here: in single precision, shuffled, gzip, in short chunks of whole events.

    HDF5 keeps the last chunks that it unpacked, so it is better at a few events out of a long chunk.

    Args:
        array: An open dataset of h5py.
        count: Events from the first to the last one that is wanted.
        place: Where an event goes to.
    """
    if not (array.shuffle and array.compression == "gzip" and array.dtype == place.dtype == np.dtype("<f4")):
        return False
    stages = array.id.get_create_plist().get_nfilters()
    return stages == FILTERS and array.chunks[1:] == array.shape[1:] == place.shape and array.chunks[0] <= count


def unpack(array: Any, events: NDArray[np.int64], out: Sequence[NDArray[np.float32]]) -> bool:
    """Read events to places of their own; False where a chunk is missing, torn or stored in another way.

    Args:
        array: An open dataset of h5py.
        events: Event numbers, ascending, shape (n,).
        out: n contiguous arrays of the shape of an event; they hold nothing of use where this fails.
    """
    length, cells, origin = array.chunks[0], out[0].size, (0,) * (array.ndim - 1)
    bits, spare = np.empty((2, length, cells), dtype=np.uint32)
    images = bits.view(np.float32).reshape(length, *out[0].shape)
    places = iter(out)
    chunks, rows = np.divmod(events, length)
    for chunk, wanted in itertools.groupby(zip(chunks.tolist(), rows.tolist(), strict=True), lambda pair: pair[0]):
        try:
            skipped, packed = array.id.read_direct_chunk((chunk * length, *origin))
        except (OSError, RuntimeError):
            return False
        planes = None if skipped else inflate(packed, length, cells)
        if planes is None:
            return False
        gather(planes, bits, spare)
        for _, row in wanted:
            np.copyto(next(places), images[row])
    return int(events[-1]) < len(array)


def inflate(packed: bytes, rows: int, cells: int) -> NDArray[np.uint8] | None:
    """Return the bytes of a chunk's numbers, the lowest first, (4, rows, cells); None for a torn one.

    Args:
        packed: The chunk as it is stored.
        rows: Events of a chunk.
        cells: Numbers of an event.
    """
    size = WIDTH * rows * cells
    try:
        content = zlib.decompress(packed, bufsize=size)
    except zlib.error:
        return None
    return np.frombuffer(content, dtype=np.uint8).reshape(WIDTH, rows, cells) if len(content) == size else None


def gather(planes: NDArray[np.uint8], bits: NDArray[np.uint32], spare: NDArray[np.uint32]) -> None:
    """Put numbers together from their bytes.

    Args:
        planes: Their bytes, the lowest first, (4, rows, cells).
        bits: Where they go to, (rows, cells).
        spare: Room to work in, (rows, cells).

    >>> numbers = np.array([[1.0, 2.0], [3.0, 4.0]], dtype=np.float32)
    >>> bits, spare = np.empty((2, 2, 2), dtype=np.uint32)
    >>> gather(inflate(zlib.compress(numbers.view(np.uint8).reshape(4, 4).T.tobytes()), 2, 2), bits, spare)
    >>> bits.view(np.float32).tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    np.copyto(bits, planes[WIDTH - 1])
    for plane in planes[WIDTH - 2 :: -1]:
        np.left_shift(bits, 8, out=bits)
        np.copyto(spare, plane)
        np.bitwise_or(bits, spare, out=bits)
