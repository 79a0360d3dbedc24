"""Read and write HDF5 arrays; the only module that imports h5py.

Every error of h5py or of the operating system becomes a `DataError` that names the file and the key. Files are opened
for reading without HDF5's file locks (they fail on many network file systems), and a handle belongs to the process
that opened it: a forked child opens its own.
"""

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from hvdgan.data.chunks import is_packed, unpack
from hvdgan.errors import DataError

CHUNK_BYTES = 2**17
"""Chunks hold as many events as fit into this, at least one: two of 25 x 25 x 25 cells."""
MOST_COMPRESSED = 2**16
"""No filter makes arrays smaller by more than this."""
GZIP_LEVEL = 1
"""Showers are mostly zeros: higher levels write three times as slowly and save a few percent."""


@dataclass(frozen=True)
class Layout:
    """How one array lies in a file.

    Args:
        shape: Shape of the array; events come first.
        dtype: Type of its elements.
        chunk: Events stored, and decompressed, together; 1 for an array stored in one piece.
        compression: Name of the filter, or "none".
        written: Whether its content can be in the file; a shape alone, however large, takes no room.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    chunk: int
    compression: str
    written: bool = True


class Reader:
    """One HDF5 file, opened when it is first read and after `close` again; safe to share between threads.

    Args:
        path: The file.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._forget()

    def keys(self) -> list[str]:
        """Return the names of the file's arrays and groups.

        Raises:
            DataError: The file is missing, truncated or not HDF5.
        """
        with self._opened() as file:
            return sorted(file.keys())

    def has(self, key: str) -> bool:
        """Return whether the file has an array or group; `group/array` looks inside a group.

        Raises:
            DataError: The file is missing, truncated or not HDF5.
        """
        with self._opened(key) as file:
            return key in file

    def layout(self, key: str) -> Layout:
        """Return how an array lies in the file.

        Raises:
            DataError: The file cannot be opened, or has no such array.
        """
        with self._opened(key) as file:
            array = _array(file, self.path, key)
            chunk = array.chunks[0] if array.chunks else 1
            return Layout(tuple(array.shape or ()), array.dtype, chunk, array.compression or "none", _written(array))

    def read(self, key: str, start: int, stop: int) -> NDArray:
        """Return events start to stop (excluded) of an array.

        Raises:
            DataError: The file cannot be read there, or holds fewer events.
        """
        with self._opened(key) as file:
            values = _array(file, self.path, key)[start:stop]
        if len(values) != stop - start:
            raise DataError(f"{self.path}: {key}: events {start} to {stop} were asked for, {len(values)} of them exist")
        return values

    def read_into(self, key: str, events: NDArray[np.int64], out: Sequence[NDArray]) -> None:
        """Read events that lie near each other, each to a place of its own.

        Args:
            key: The array.
            events: Their numbers, ascending, shape (n,).
            out: n contiguous arrays of the shape of an event.

        Raises:
            DataError: The file cannot be read there, or holds fewer events.
        """
        start, stop = int(events[0]), int(events[-1]) + 1
        with self._opened(key) as file:
            array = _array(file, self.path, key)
            if is_packed(array, stop - start, out[0]) and unpack(array, events, out):
                return
        values = self.read(key, start, stop)
        for place, row in zip(out, (events - start).tolist(), strict=True):
            place[...] = values[row]

    def close(self) -> None:
        """Give the handle back; reading opens the file again."""
        if self._process != os.getpid():
            self._forget()
        with self._lock:
            if self._file is not None:
                self._file.close()
            self._file = None

    def _forget(self) -> None:
        """Start without a handle, in the process that calls."""
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._file: h5py.File | None = None

    @contextmanager
    def _opened(self, key: str | None = None) -> Iterator[h5py.File]:
        """Give this process's handle; the `with` block has it for itself."""
        if self._process != os.getpid():
            self._forget()
        with self._lock, _translated(self.path, key):
            if self._file is None:
                self._file = h5py.File(self.path, "r", locking=False)
            yield self._file


def write(path: Path | str, blocks: Iterable[dict[str, NDArray]]) -> None:
    """Write arrays, block after block along the first axis, under a temporary name that is renamed at the end.

    Equal blocks give equal bytes: no time stamps are stored.

    Args:
        path: The file to write or to replace; its folder must exist.
        blocks: Arrays by key (`group/array` lies in a group); all blocks have the same keys, types and shapes but for
            the number of events.

    Raises:
        DataError: The disk is full or not writable, or there is nothing to write; a previous file is intact.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with _created(temporary, path) as file:
            keys: set[str] = set()
            for block in blocks:
                with _translated(path):
                    _append(file, block)
                keys |= block.keys()
            _check_lengths(path, {key: len(file[key]) for key in sorted(keys)})
        with _translated(path):
            _flush(temporary)
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _created(temporary: Path, path: Path) -> Iterator[h5py.File]:
    """Give a new file under a temporary name."""
    with _translated(path):
        file = h5py.File(temporary, "w", locking=False)
    try:
        yield file
    finally:
        with _translated(path):
            file.close()


def _check_lengths(path: Path, lengths: dict[str, int]) -> None:
    """Raise unless all arrays hold equally many events, and at least one."""
    if not any(lengths.values()):
        raise DataError(f"{path}: there are zero events to write")
    if len(set(lengths.values())) > 1:
        raise DataError(f"{path}: arrays of different lengths cannot be written: {lengths}")


def _append(file: h5py.File, block: dict[str, NDArray]) -> None:
    """Add one block of events at the end of the arrays, created with the first block."""
    for key, values in block.items():
        shape = values.shape[1:]
        if key not in file:
            chunk = (_events_per_chunk(values), *shape)
            file.create_dataset(
                key,
                shape=(0, *shape),
                maxshape=(None, *shape),
                dtype=values.dtype,
                chunks=chunk,
                compression="gzip",
                compression_opts=GZIP_LEVEL,
                shuffle=True,
            )
        array = file[key]
        count = len(array)
        array.resize(count + len(values), axis=0)
        array[count:] = values


def _events_per_chunk(values: NDArray) -> int:
    """Return how many events to store together."""
    size = values.dtype.itemsize * max(1, int(np.prod(values.shape[1:])))
    return max(1, CHUNK_BYTES // size)


def _flush(path: Path) -> None:
    """Wait until a file is on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _array(file: h5py.File, path: Path, key: str) -> h5py.Dataset:
    """Return an array of an open file."""
    if key not in file:
        raise DataError(f"{path}: missing key {key}; keys are {', '.join(sorted(file.keys())) or '(none)'}")
    array = file[key]
    if not isinstance(array, h5py.Dataset):
        raise DataError(f"{path}: {key} is a group; an array is needed")
    return array


def _written(array: h5py.Dataset) -> bool:
    """Return whether an array can have been stored: here, as far as sizes tell, or in the files that it points to."""
    elsewhere = array.is_virtual or array.external
    return bool(elsewhere) or not array.size or array.nbytes <= MOST_COMPRESSED * array.id.get_storage_size()


@contextmanager
def _translated(path: Path, key: str | None = None) -> Iterator[None]:
    """Turn what h5py and the operating system raise into a `DataError` that names the file and the key."""
    where = f"{path}: {key}" if key else f"{path}"
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{where}: no such file or folder") from None
    except (MemoryError, OverflowError) as error:
        raise DataError(f"{where}: does not fit into memory: {error}") from error
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise DataError(f"{where}: {_explain(str(error))}") from error


def _explain(message: str) -> str:
    """Say what h5py's message means."""
    if "truncated" in message:
        return f"truncated: the end of the file is missing; copy or write it again ({message})"
    if "signature not found" in message:
        return "not HDF5"
    return f"cannot be read or written: {message}"
