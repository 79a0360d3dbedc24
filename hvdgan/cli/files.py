"""The verbs of shower files.

hvdgan simulate --particle electron:2 photon --files 4 --out data
hvdgan inspect data/*.h5
hvdgan inspect gamma.hdf5 --particle photon --json
hvdgan convert 'ECAL_*.h5' --to lcd_v1 --grid 17 17 25 --out small.h5
"""

from pathlib import Path
from typing import Annotated, Literal

import typer

from hvdgan.cli.spans import Energy, Phi, Theta, read_span
from hvdgan.cli.words import Grid, Seed, Terse, open_world

Layout = Literal["lcd_v1", "lcd_window", "threedgan", "calochallenge", "calogan"]

Files = Annotated[list[str], typer.Argument(metavar="FILE", help="shower files", show_default=False)]
Format = Annotated[Literal["auto", Layout], typer.Option(help="layout of the files; auto looks into each")]
Particle = Annotated[str | None, typer.Option(help="class of all particles, for files that do not store it")]
Binning = Annotated[Path | None, typer.Option(help="XML file with the layers of CaloChallenge files")]


def simulate(
    out: Annotated[Path, typer.Option("--out", "-o", help="folder to make")] = Path("data"),
    files: Annotated[int, typer.Option(min=1, help="how many files")] = 4,
    events: Annotated[int, typer.Option(min=1, help="showers in each file")] = 2500,
    energy: Energy = "10 500",
    particle: Annotated[list[str] | None, typer.Option(metavar="CLASS[:PARTS]", help="[default: electron]")] = None,
    more: Annotated[list[str] | None, typer.Argument(metavar="CLASS[:PARTS]", help="further classes")] = None,
    theta: Theta = "90",
    phi: Phi = "0",
    hcal: Annotated[bool | None, typer.Option(help="HCAL, too [default: if there are hadrons]")] = None,
    layout: Annotated[str, typer.Option(help="layout of the files")] = "lcd_v1",
    geometry: Annotated[Path | None, typer.Option(help="YAML of another Si-W stack")] = None,
    grid: Grid = None,
    seed: Seed = 0,
) -> None:
    """Simulate electrons, photons, pi0, charged_hadron and neutral_hadron into HDF5 files of the LCD layout.

    Example: `hvdgan simulate --files 4 --particle electron:2 photon charged_hadron neutral_hadron --out data`
    """
    from hvdgan.run import simulate as verb

    spans = (read_span("--theta", theta), read_span("--phi", phi))
    particles = (*(particle or ()), *(more or ()))
    energies = read_span("--energy", energy, above=0)
    order = verb.Order(out, files, events, energies, particles, seed, *spans, hcal, layout)
    with open_world() as world:
        verb.write_files(order, geometry, grid, world, lambda path, count: typer.echo(f"{path}: {count} showers"))


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
