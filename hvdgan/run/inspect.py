"""`hvdgan inspect`: what shower files hold, as a table or as JSON."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hvdgan.data.formats import NOTHING, Stated
from hvdgan.data.inspect import inspect_file
from hvdgan.errors import EXIT_DONE, EXIT_FAILED
from hvdgan.report.tables import Table, print_table
from hvdgan.report.terminal import reaches_person

COLUMNS = ("file", "format", "events", "cells", "E [GeV]", "particles", "compression", "MB")


def inspect_files(files: Sequence[Path], as_json: bool, format: str = "auto", stated: Stated = NOTHING) -> int:
    """Print what files hold and their problems; return the exit code: failed when there is a problem.

    Args:
        files: The files.
        as_json: Print JSON instead of a table.
        format: Name of their layout, or "auto" to look into each.
        stated: What a person says of them.
    """
    rows = [inspect_file(path, format, stated) for path in files]
    if as_json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    else:
        print_table(Table("Shower files", COLUMNS, tuple(_line(row) for row in rows)), sys.stdout, reaches_person())
        sys.stdout.writelines(f"problem: {problem}\n" for row in rows for problem in row["problems"])
    return EXIT_FAILED if any(row["problems"] for row in rows) else EXIT_DONE


def _line(row: dict[str, Any]) -> tuple[Any, ...]:
    """Return one file as a row of the table."""
    cells = ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in row["detectors"].items())
    energy = " - ".join(f"{end:.4g}" for end in row["energy"]) if row["energy"] else None
    particles = ", ".join(f"{name} {count}" for name, count in row["particles"].items())
    size = row["bytes"] / 1e6 if row["bytes"] else None
    return (row["file"], row["format"], row["events"], cells, energy, particles, row["compression"], size)
