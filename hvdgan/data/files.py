"""Many shower files seen as one long, read-only sequence of events."""

import glob
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hvdgan.calo.geometry import merge_cells
from hvdgan.calo.shower import PARTICLES, UNKNOWN, Conditions, Showers
from hvdgan.data.formats import Stated
from hvdgan.data.source import LONGEST_ROWS, Source, no_grid, open_source
from hvdgan.errors import DataError

ALIKE = 1e-3
"""Particles enter alike where their theta in radians, which momenta tell with rounding, differs by less than this."""
OPEN_FILES = 64
"""Data sets of more files than this close each file after reading from it."""


class ShowerFiles:
    """A sequence of events over many files; a context manager. Made by `open_files`.

    Args:
        sources: The files, with equal image shapes.
        detector: Which image to read.
        grid: Merge cells to so many along x, y, z; None keeps the files' cells.
    """

    def __init__(self, sources: Sequence[Source], detector: str, grid: tuple[int, int, int] | None) -> None:
        self.detector = detector
        self.image_shape = grid or sources[0].contents.shapes[detector]
        self.counts = tuple(len(source) for source in sources)
        self.count = sum(self.counts)
        self._sources = sources
        self._grid = grid
        self._borders = np.concatenate([[0], np.cumsum(self.counts)]).astype(np.int64)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files, in the order of their events."""
        return tuple(source.reader.path for source in self._sources)

    def read(self, indices: NDArray[np.integer]) -> Showers:
        """Return events in the order asked for; each file is read in ascending order.

        Args:
            indices: Event numbers from 0 to count - 1, shape (n,), any order.

        Raises:
            DataError: A file cannot be read or holds an impossible value.
            IndexError: An index lies outside.
        """
        (showers,) = self._read(np.asarray(indices, dtype=np.int64), [len(indices)])
        return showers

    def read_parts(self, indices: NDArray[np.integer], size: int) -> list[Showers]:
        """Return events in the order asked for, in parts that can be let go one by one; no part is empty.

        Args:
            indices: Event numbers from 0 to count - 1, shape (n,), any order.
            size: Events of a part; the last may be shorter.

        Raises:
            DataError: A file cannot be read or holds an impossible value.
            IndexError: An index lies outside.
        """
        lengths = [min(size, len(indices) - start) for start in range(0, len(indices), size)]
        return self._read(np.asarray(indices, dtype=np.int64), lengths)

    def _read(self, indices: NDArray[np.int64], lengths: Sequence[int]) -> list[Showers]:
        """Return events in parts of some lengths."""
        order = self._sort(indices)
        parts = [np.empty((length, *self.image_shape), dtype=np.float32) for length in lengths]
        images = [image for part in parts for image in part]
        conditions: list[Conditions] = []
        for place, source, events in self._by_file(indices[order]):
            conditions.extend(source.read_conditions(events))
            source.read_images(events, self.detector, [images[number] for number in order[place]], self._grid)
        told = _join(conditions)[np.argsort(order)]
        ends = np.cumsum(lengths, dtype=np.int64)
        return [
            Showers(told[end - len(part) : end], {self.detector: part}) for end, part in zip(ends, parts, strict=True)
        ]

    def conditions(self, indices: NDArray[np.integer]) -> Conditions:
        """Return the conditions of events in the order asked for, without reading an image.

        Args:
            indices: Event numbers from 0 to count - 1, shape (n,), any order.

        Raises:
            DataError: A file cannot be read or holds an impossible value.
            IndexError: An index lies outside.
        """
        indices = np.asarray(indices, dtype=np.int64)
        order = self._sort(indices)
        by_file = self._by_file(indices[order])
        parts = [part for _, source, events in by_file for part in source.read_conditions(events)]
        return _join(parts)[np.argsort(order)]

    def energy_range(self) -> tuple[float, float]:
        """Return the lowest and the highest incident energy in GeV; reads no image."""
        energies = [part.energy for part in self._all_conditions()]
        return float(min(map(np.min, energies))), float(max(map(np.max, energies)))

    def angle_range(self) -> tuple[float, float] | None:
        """Return the lowest and the highest theta in radians; None where all particles enter alike. Reads no image."""
        ends = [(part.theta.min(), part.theta.max()) for part in self._all_conditions()]
        low, high = float(min(low for low, _ in ends)), float(max(high for _, high in ends))
        return None if high - low < ALIKE else (low, high)

    def particles(self) -> tuple[int, ...]:
        """Return the particle classes there are, as absolute PDG ids; reads no image.

        Those with names come first, in the order of `PARTICLES`.
        """
        found = {int(pdg) for part in self._all_conditions() for pdg in np.unique(np.abs(part.particle))}
        named = [pdg for pdg in PARTICLES.values() if pdg in found]
        return (*named, *sorted(found.difference(named)))

    def close(self) -> None:
        """Give all file handles back; reading opens files again."""
        for source in self._sources:
            source.reader.close()

    def __enter__(self) -> Self:
        """Return the files."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files."""
        self.close()

    def _all_conditions(self) -> Iterator[Conditions]:
        """Yield the conditions of all events, some at a time."""
        for start in range(0, self.count, LONGEST_ROWS):
            yield self.conditions(np.arange(start, min(start + LONGEST_ROWS, self.count)))

    def _sort(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the order that sorts event numbers, after checking that they exist."""
        if len(indices) and not 0 <= indices.min() <= indices.max() < self.count:
            raise IndexError(f"events {indices.min()} to {indices.max()} of {self.count}")
        return np.argsort(indices, kind="stable")

    def _by_file(self, events: NDArray[np.int64]) -> Iterator[tuple[slice, Source, NDArray[np.int64]]]:
        """Give each file with its own numbers of ascending event numbers, and their place among those."""
        cuts = np.searchsorted(events, self._borders)
        for number in np.flatnonzero(np.diff(cuts)):
            place, source = slice(int(cuts[number]), int(cuts[number + 1])), self._sources[number]
            yield place, source, events[place] - self._borders[number]
            if len(self._sources) > OPEN_FILES:
                source.reader.close()


def open_files(
    patterns: Sequence[str],
    format: str = "auto",
    detector: str = "ECAL",
    particles: Sequence[str] | None = None,
    grid: Sequence[int] | None = None,
    binning: str | None = None,
) -> ShowerFiles:
    """Open shower files to learn from, and check their structure.

    Args:
        patterns: Files or shell patterns (`**` for any folders); a file that several of them match counts once.
        format: Name of the layout, or "auto" to look into each file.
        detector: Which image to read.
        particles: Names of the particle classes to keep; None keeps all. Keeping some reads all conditions once.
        grid: Merge cells to so many along x, y, z; None keeps the files' cells.
        binning: XML file with the layers of a cylindrical calorimeter; None leaves it to the files.

    Raises:
        DataError: A pattern matches nothing, a file is not what it should be or has no image on a regular grid, or no
            event passes the filter.
    """
    stated = Stated(binning=Path(binning).expanduser() if binning else None)
    sources = [_open(path, format, stated, detector) for path in expand(patterns)]
    _check_shapes(sources, detector)
    merged = _check_grid(sources[0], detector, grid)
    if particles is not None:
        sources = _filter(sources, particles)
    return ShowerFiles(sources, detector, merged)


def expand(patterns: Sequence[str]) -> list[Path]:
    """Return the files of shell patterns: in the order of the patterns, sorted inside each, none twice.

    Raises:
        DataError: A pattern matches no file, or there is none.
    """
    found: dict[Path, Path] = {}
    for pattern in patterns:
        place = Path(pattern).expanduser()
        matches = [place] if place.exists() else sorted(Path(match) for match in glob.glob(str(place), recursive=True))
        if not matches:
            raise DataError(f"{pattern} matches no file; give files or shell patterns such as showers/*.h5")
        for match in matches:
            found.setdefault(match.resolve(), match)
    if not found:
        raise DataError("no files are given; give files or shell patterns such as showers/*.h5")
    return list(found.values())


def _open(path: Path, name: str, stated: Stated, detector: str) -> Source:
    """Open a file for one image, which has to be on a regular grid."""
    source = open_source(path, name, stated, (detector,))
    if len(source.contents.shapes[detector]) != 3:
        raise no_grid(source.reader, source.format)
    return source


def _check_shapes(sources: Sequence[Source], detector: str) -> None:
    """Raise unless all images have the same shape."""
    first = sources[0]
    for source in sources:
        shape, needed = source.contents.shapes[detector], first.contents.shapes[detector]
        if shape != needed:
            raise DataError(
                f"{source.reader.path}: {detector} has cells {shape} but {first.reader.path} has {needed}; "
                "give files of one shape"
            )


def _check_grid(source: Source, detector: str, grid: Sequence[int] | None) -> tuple[int, int, int] | None:
    """Return the grid after merging an empty image to it."""
    if grid is None:
        return None
    try:
        empty = np.zeros((1, *source.contents.shapes[detector]), dtype=np.float32)
        return merge_cells(empty, grid).shape[1:]
    except DataError as error:
        raise DataError(f"{source.reader.path}: {detector}: {error}") from None


def _filter(sources: Sequence[Source], particles: Sequence[str]) -> list[Source]:
    """Return the files with the numbers of the events of some particle classes."""
    unknown = [name for name in particles if name not in PARTICLES]
    if unknown or not particles:
        raise DataError(f"particles {unknown} cannot be kept; legal are {', '.join(PARTICLES)}")
    numbers = [PARTICLES[name] for name in particles]
    kept = [replace(source, kept=_find_particles(source, numbers)) for source in sources]
    if not any(len(source) for source in kept):
        raise DataError(f"{kept[0].reader.path} and the other {len(kept) - 1} files hold no {' or '.join(particles)}")
    return kept


def _find_particles(source: Source, numbers: list[int]) -> NDArray[np.int64]:
    """Return the numbers of the events of some particles or their antiparticles."""
    conditions = _join(list(source.read_conditions(np.arange(source.contents.count))))
    source.reader.close()
    if (conditions.particle == UNKNOWN).any():
        raise DataError(
            f"{source.reader.path} does not tell the class of its particles, so that none can be kept: leave out "
            "data.particles, or let `hvdgan convert --particle CLASS` store it"
        )
    return np.flatnonzero(np.isin(np.abs(conditions.particle), numbers))


def _join(parts: Sequence[Conditions]) -> Conditions:
    """Return conditions one after the other."""
    parts = parts or [Conditions.perpendicular(np.zeros(0))]
    columns = ("energy", "particle", "theta", "phi")
    return Conditions(*(np.concatenate([getattr(part, name) for part in parts]) for name in columns))
