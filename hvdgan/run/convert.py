"""`hvdgan convert`: showers from files of any known layout, in one file of another."""

from pathlib import Path

from hvdgan.data.convert import Conversion, convert_files
from hvdgan.errors import UsageError


def convert(conversion: Conversion, out: Path) -> int:
    """Write one file and return the number of its showers.

    Args:
        conversion: Which showers, and how.
        out: The file to make.

    Raises:
        UsageError: The file exists already, or its folder does not.
        DataError: A file is not what it should be, or the layout has no place for its showers.
    """
    if out.exists():
        raise UsageError(f"{out} exists already; choose another --out or remove it")
    if not out.absolute().parent.is_dir():
        raise UsageError(f"{out.parent} is no folder; make it first or choose another --out")
    return convert_files(conversion, out)
