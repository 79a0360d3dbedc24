"""Look into a file without trusting it: every problem becomes a text of the answer."""

from collections import Counter
from collections.abc import Callable, Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from hvdgan.calo.shower import particle_name
from hvdgan.data.checks import unit_problem
from hvdgan.data.formats import NOTHING, Format, Stated
from hvdgan.data.hdf5 import Reader
from hvdgan.data.source import Source, block_length, open_source
from hvdgan.errors import DataError

BLOCK_ROWS = 65536
"""Conditions are scanned this many events at a time."""


def inspect_file(path: Path | str, format: str = "auto", stated: Stated = NOTHING) -> dict[str, Any]:
    """Describe a shower file and find what is wrong with it; a bad file is an answer, not an error.

    Args:
        path: The file.
        format: Name of the layout, or "auto" to look into the file.
        stated: What a person says of the file.

    Returns:
        A plain row: `file`, `format`, `detectors` (cells by name), `events`, `energy` (lowest and highest incident
        energy in GeV), `particles` (events by class), `compression`, `chunk` (events stored together), `bytes` and
        `problems` (texts; empty for a good file). What could not be found out is None or empty.
    """
    row: dict[str, Any] = {"file": str(path), "format": None, "detectors": {}, "events": None, "energy": None}
    row |= {"particles": {}, "compression": None, "chunk": None, "bytes": None, "problems": []}
    try:
        source = open_source(Path(path), format, stated)
        try:
            row |= _describe(source)
        finally:
            source.reader.close()
    except (DataError, OSError) as error:
        row["problems"] = [str(error)]
    return row


def _describe(source: Source) -> dict[str, Any]:
    """Return what can be told about a file whose structure is sound."""
    reader, layout, contents = source.reader, source.format, source.contents
    problems: list[str] = []
    row = _scan_conditions(reader, layout, contents.count, problems)
    incident = row.pop("incident")
    for detector, shape in contents.shapes.items():
        total = _scan_images(reader, layout, contents.count, detector, shape, problems)
        unit = None if problems else unit_problem(total, incident)
        if unit is not None:
            problems.append(f"{reader.path}: {detector}: {unit}")
    return row | {
        "format": layout.name,
        "detectors": {detector: list(shape) for detector, shape in contents.shapes.items()},
        "events": contents.count,
        "compression": reader.layout(layout.key(next(iter(contents.shapes)))).compression,
        "chunk": source.chunk,
        "bytes": reader.path.stat().st_size,
        "problems": problems,
    }


def _scan_conditions(reader: Reader, layout: Format, count: int, problems: list[str]) -> dict[str, Any]:
    """Return the energy range, the sum of all energies and the particles; note the first problem."""
    low, high, incident = np.inf, 0.0, 0.0
    particles: Counter[str] = Counter()
    for conditions in _blocks(lambda *span: layout.read_conditions(reader, *span), count, BLOCK_ROWS, problems):
        low, high = min(low, float(conditions.energy.min())), max(high, float(conditions.energy.max()))
        incident += float(conditions.energy.sum(dtype=np.float64))
        for number, many in zip(*np.unique(conditions.particle, return_counts=True), strict=True):
            particles[particle_name(number)] += int(many)
    return {"energy": [low, high] if incident else None, "incident": incident, "particles": dict(particles)}


def _scan_images(
    reader: Reader, layout: Format, count: int, detector: str, shape: tuple[int, ...], problems: list[str]
) -> float:
    """Return the energy in all cells in GeV; note the first problem."""
    length = block_length(prod(shape))
    blocks = _blocks(lambda *span: layout.read_images(reader, detector, *span), count, length, problems)
    return sum(float(images.sum(dtype=np.float64)) for images in blocks)


def _blocks(read: Callable[[int, int], Any], count: int, length: int, problems: list[str]) -> Iterator[Any]:
    """Give what `read` returns for each block of events, up to one that cannot be read; note that problem."""
    for start in range(0, count, length):
        try:
            block = read(start, min(start + length, count))
        except DataError as error:
            problems.append(str(error))
            return
        yield block
