"""The verbs of shower files.

hvdgan inspect data/*.h5
hvdgan inspect gamma.hdf5 --particle photon --json
hvdgan convert 'ECAL_*.h5' --to lcd_v1 --grid 17 17 25 --out small.h5
"""

from pathlib import Path
from typing import Annotated, Literal

import typer

Layout = Literal["lcd_v1", "lcd_window", "threedgan", "calochallenge", "calogan"]

Terse = Annotated[bool, typer.Option("--json", help="print JSON for scripts")]
Grid = Annotated[tuple[int, int, int] | None, typer.Option(metavar="X Y Z", help="merge cells to so many")]
Files = Annotated[list[str], typer.Argument(metavar="FILE", help="shower files", show_default=False)]
Format = Annotated[Literal["auto", Layout], typer.Option(help="layout of the files; auto looks into each")]
Particle = Annotated[str | None, typer.Option(help="class of all particles, for files that do not store it")]
Binning = Annotated[Path | None, typer.Option(help="XML file with the layers of CaloChallenge files")]


def inspect(
    files: Files,
    json: Terse = False,
    format: Format = "auto",
    particle: Particle = None,
    binning: Binning = None,
) -> None:
    """Show what shower files hold, and what is wrong with them.

    Example: `hvdgan inspect data/*.h5`
    """
    from hvdgan.data.formats import Stated
    from hvdgan.run.inspect import inspect_files

    raise typer.Exit(inspect_files([Path(file) for file in files], json, format, Stated(particle, binning)))


def convert(
    files: Files,
    to: Annotated[Layout, typer.Option(help="layout to write", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="HDF5 file to make", show_default=False)],
    grid: Grid = None,
    format: Format = "auto",
    particle: Particle = None,
    binning: Binning = None,
) -> None:
    """Write the showers of files of any known layout into one file of another; energies become its units.

    Example: `hvdgan convert dataset_2_1.hdf5 --to lcd_v1 --out data/electrons.h5`
    """
    from hvdgan.data.convert import Conversion
    from hvdgan.data.formats import Stated
    from hvdgan.run.convert import convert as verb

    count = verb(Conversion(files, to, format, Stated(particle, binning), grid), out)
    typer.echo(f"{out}: {count} showers")
