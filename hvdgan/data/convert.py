"""Copy showers from files of any layout into one file of another, in bounded memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

from hvdgan.calo.geometry import merge_cells
from hvdgan.calo.shower import Showers
from hvdgan.data.files import expand
from hvdgan.data.formats import FORMATS, NOTHING, Stated
from hvdgan.data.source import Source, block_length, open_source
from hvdgan.errors import DataError


@dataclass(frozen=True)
class Conversion:
    """Which showers go into a file, and how.

    Args:
        patterns: Files or shell patterns.
        layout: Name of the layout to write.
        format: Name of the layout of the files, or "auto" to look into each.
        stated: What a person says of the files.
        grid: Merge the cells of ECAL to so many along x, y, z; None keeps the files' cells.
    """

    patterns: Sequence[str]
    layout: str
    format: str = "auto"
    stated: Stated = NOTHING
    grid: tuple[int, int, int] | None = None


def convert_files(conversion: Conversion, out: Path) -> int:
    """Write the showers of all files, in their order, into one file, and return how many.

    Args:
        conversion: Which showers, and how.
        out: The file to write, atomically.

    Raises:
        DataError: A file is not what it should be, the files' images differ, or the layout has no place for them.
    """
    if conversion.layout not in FORMATS:
        raise DataError(f"layout {conversion.layout} is unknown; legal are {', '.join(FORMATS)}")
    paths = expand(conversion.patterns)
    sources = [open_source(path, conversion.format, conversion.stated) for path in paths]
    _check_alike(sources)
    FORMATS[conversion.layout]().write_blocks(out, _read_blocks(sources, conversion.grid))
    return sum(len(source) for source in sources)


def _check_alike(sources: Sequence[Source]) -> None:
    """Raise unless all files have the same images."""
    first = sources[0]
    for source in sources:
        if source.contents.shapes != first.contents.shapes:
            raise DataError(
                f"{source.reader.path} has images {source.contents.shapes} but {first.reader.path} has "
                f"{first.contents.shapes}; convert files of equal images together"
            )


def _read_blocks(sources: Sequence[Source], grid: tuple[int, int, int] | None) -> Iterator[Showers]:
    """Give the showers of files block by block."""
    for source in sources:
        cells = sum(prod(shape) for shape in source.contents.shapes.values())
        length = block_length(cells)
        try:
            for start in range(0, len(source), length):
                block = _read_block(source, start, min(start + length, len(source)))
                yield block if grid is None else _merge(source, block, grid)
        finally:
            source.reader.close()


def _read_block(source: Source, start: int, stop: int) -> Showers:
    """Return events start to stop (excluded) of a file, with all images."""
    conditions = source.format.read_conditions(source.reader, start, stop)
    images = {name: source.format.read_images(source.reader, name, start, stop) for name in source.contents.shapes}
    return Showers(conditions, images)


def _merge(source: Source, block: Showers, grid: tuple[int, int, int]) -> Showers:
    """Return showers with cells of ECAL merged."""
    if "ECAL" not in block.images:
        raise DataError(
            f"{source.reader.path}: only ECAL can be merged to a grid; images are {', '.join(block.images)}"
        )
    try:
        return replace(block, images={**block.images, "ECAL": merge_cells(block.images["ECAL"], grid)})
    except DataError as error:
        raise DataError(f"{source.reader.path}: ECAL: {error}") from None
