"""One shower file, read in pieces of bounded size."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hvdgan.calo.geometry import merge_cells
from hvdgan.calo.shower import Conditions
from hvdgan.data.checks import cell_problem
from hvdgan.data.formats import NOTHING, Contents, Format, Stated, find_format
from hvdgan.data.formats.arrays import check
from hvdgan.data.hdf5 import Reader
from hvdgan.errors import DataError

Grid = tuple[int, int, int]

NEAR = 4
"""Wanted images that lie no farther apart than this, or than a chunk of the file, are read in one go."""
LONGEST = 256
"""About so many images are read in one go, in whole chunks."""
NEAR_ROWS, LONGEST_ROWS = 1024, 65536
"""The same for conditions, a few bytes each."""
BLOCK_BYTES, BLOCK_EVENTS = 2**25, 4096
"""Files that are read from end to end are read in blocks of about so many bytes, and at most so many events."""


@dataclass(frozen=True)
class Source:
    """One file of a data set; events are numbered from 0 among those that passed the filter.

    Args:
        reader: The file.
        format: Its layout.
        contents: Its counts and shapes.
        chunk: Images the file stores together.
        plain: Whether images are stored as they are wanted, in GeV and single precision.
        kept: Numbers of the events in the file that passed the filter, ascending; None keeps all.
    """

    reader: Reader
    format: Format
    contents: Contents
    chunk: int
    plain: bool
    kept: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """Return the number of events."""
        return self.contents.count if self.kept is None else len(self.kept)

    def read_images(
        self, events: NDArray[np.int64], detector: str, out: Sequence[NDArray[np.float32]], grid: Grid | None
    ) -> None:
        """Read images in GeV, each to a place of its own.

        Args:
            events: Event numbers, ascending, shape (n,).
            detector: Which image.
            out: n contiguous arrays of x, y, z cells.
            grid: Merge cells to so many along x, y, z; None keeps the file's.

        Raises:
            DataError: The file cannot be read, or holds an impossible value.
        """
        events = events if self.kept is None else self.kept[events]
        longest = self.chunk * max(1, LONGEST // self.chunk)
        read = self._read_stored if self.plain and grid is None else self._read_converted
        for place in find_runs(events, max(NEAR, self.chunk), longest):
            read(events[place], detector, out[place], grid)

    def _read_stored(
        self, events: NDArray[np.int64], detector: str, out: Sequence[NDArray[np.float32]], grid: None
    ) -> None:
        """Read images as they are stored."""
        self.reader.read_into(self.format.key(detector), events, out)
        for event, image in zip(events.tolist(), out, strict=True):
            check(self.reader, detector, cell_problem(image[None], event))

    def _read_converted(
        self, events: NDArray[np.int64], detector: str, out: Sequence[NDArray[np.float32]], grid: Grid | None
    ) -> None:
        """Read images in whatever unit and cells they are stored."""
        start, stop = int(events[0]), int(events[-1]) + 1
        images = self.format.read_images(self.reader, detector, start, stop)
        merged = images if grid is None else merge_cells(images, grid)
        for place, row in zip(out, (events - start).tolist(), strict=True):
            place[...] = merged[row]

    def read_conditions(self, events: NDArray[np.int64]) -> Iterator[Conditions]:
        """Give conditions piece by piece.

        Args:
            events: Event numbers, ascending, shape (n,).
        """
        events = events if self.kept is None else self.kept[events]
        for place in find_runs(events, NEAR_ROWS, LONGEST_ROWS):
            start, stop = int(events[place][0]), int(events[place][-1]) + 1
            yield self.format.read_conditions(self.reader, start, stop)[events[place] - start]


def open_source(
    path: Path, name: str = "auto", stated: Stated = NOTHING, detectors: Sequence[str] | None = None
) -> Source:
    """Open one file and check its structure.

    Args:
        path: The file.
        name: Name of its layout, or "auto" to look into it.
        stated: What a person says of it.
        detectors: The images that are wanted; None wants all.

    Raises:
        DataError: The file is not what it should be, or has no such image.
    """
    reader = Reader(path)
    try:
        layout = find_format(reader, name, stated)
        wanted = layout.detectors(reader) if detectors is None else tuple(detectors)
        _check_present(reader, layout, wanted)
        contents = layout.check(reader, wanted)
        stored = [reader.layout(layout.key(image)) for image in wanted]
        plain = layout.in_gev and all(array.dtype == np.float32 for array in stored)
        return Source(reader, layout, contents, max(array.chunk for array in stored), plain)
    finally:
        reader.close()


def block_length(cells: int) -> int:
    """Return how many events to read at a time from a file that is read from end to end.

    Args:
        cells: Cells of each event.

    >>> block_length(25**3), block_length(10)
    (536, 4096)
    """
    return max(1, min(BLOCK_BYTES // (4 * cells), BLOCK_EVENTS))


def no_grid(reader: Reader, layout: Format) -> DataError:
    """Return the error of a file of irregular layers that is to be learned from."""
    return DataError(
        f"{reader.path}: the layers of this {layout.name} file have cells of their own "
        f"({', '.join(layout.detectors(reader))}); 3D convolutions need one grid of x, y, z cells, as LCD, 3DGAN and "
        "CaloChallenge 2 and 3 files have: this one can be inspected and converted, not learned from"
    )


def _check_present(reader: Reader, layout: Format, wanted: tuple[str, ...]) -> None:
    """Raise unless a file has the images that are wanted."""
    present = layout.detectors(reader)
    missing = [name for name in wanted if name not in present]
    if missing == ["ECAL"] and "layer_0" in present:
        raise no_grid(reader, layout)
    if missing:
        raise DataError(f"{reader.path}: missing key {', '.join(missing)}; images are {', '.join(present)}")


def find_runs(events: NDArray[np.int64], near: int, longest: int) -> list[slice]:
    """Cut ascending event numbers into stretches that are read in one go.

    Args:
        events: Event numbers, ascending, shape (n,).
        near: Neighbours up to this far apart share a stretch.
        longest: No stretch crosses a multiple of this.

    Returns:
        The stretches, as slices of `events`.

    >>> find_runs(np.array([0, 1, 3, 9, 10, 16]), near=2, longest=16)
    [slice(0, 3, None), slice(3, 5, None), slice(5, 6, None)]
    """
    if not len(events):
        return []
    breaks = (np.diff(events) > near) | (np.diff(events // longest) > 0)
    cuts = [0, *(np.flatnonzero(breaks) + 1).tolist(), len(events)]
    return [slice(start, stop) for start, stop in itertools.pairwise(cuts)]
