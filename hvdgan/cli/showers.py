"""The verbs of a trained generator: what it makes, and how close that is.

hvdgan generate RUN --like data/*.h5 --out made.h5
horovodrun -np 4 hvdgan generate RUN --events 1000000
hvdgan evaluate made.h5 --reference data/*.h5 --out report
"""

from pathlib import Path
from typing import Annotated

import typer

from hvdgan.cli import words as word
from hvdgan.cli.spans import SPAN, Energy, read_span


def generate(
    run: Annotated[Path, typer.Argument(help="run directory of a training", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="HDF5 file to write")] = Path("generated.h5"),
    like: Annotated[list[str] | None, typer.Option(help="files whose energies, classes, angles to use; repeat")] = None,
    events: Annotated[int | None, typer.Option(min=1, help="how many [default: as many as --like has]")] = None,
    energy: Energy = "10 500",
    theta: Annotated[str | None, typer.Option(metavar=SPAN, help="degrees [default: as in training]")] = None,
    particle: Annotated[str, typer.Option(help="class of the incident particle")] = "electron",
    seed: word.Seed = 0,
) -> None:
    """Generate showers with a trained generator, in the layout of the training files.

    Several processes share the work; each writes a file of its own.

    Examples: `hvdgan generate runs/first --like data/showers_003.h5 --out generated.h5`,
    `hvdgan generate runs/first --particle photon --energy 50 --theta 60 120`
    """
    from hvdgan.run import generate as verb

    energies, angles = read_span("--energy", energy, above=0), theta and read_span("--theta", theta)
    order = verb.Order(tuple(like or ()), events, energies, particle, seed, angles or None)
    with word.open_world() as world:
        paths, count = verb.generate(run, order, out, world)
        if world.rank == 0:
            typer.echo(f"{' '.join(map(str, paths))}: {count} showers")


def evaluate(
    generated: Annotated[list[str], typer.Argument(help="generated shower files", show_default=False)],
    reference: Annotated[list[str], typer.Option(help="reference files; repeat", show_default=False)],
    reference_too: Annotated[list[str] | None, typer.Option(help="another sample, for the floor, else halves")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="folder of the report")] = Path("report"),
    run: Annotated[Path | None, typer.Option(help="the training: adds the untrained generator as baseline")] = None,
    study: Annotated[Path | None, typer.Option(help="the study: adds its history")] = None,
    events: Annotated[int, typer.Option(min=1, help="at most so many of each are compared")] = 20_000,
    bins: Annotated[str | None, typer.Option(help="energy bins: how many, or edges as 10,100,500 [default: 4]")] = None,
    config: Annotated[Path | None, typer.Option(help="YAML whose section `evaluation` says how to compare")] = None,
    settings: word.Settings = None,
) -> None:
    """Compare generated with reference showers: metrics beside their floors, pictures and one HTML page.

    Example: `hvdgan evaluate generated.h5 --reference data/showers_003.h5 --run runs/first --out report`
    """
    from hvdgan.run import evaluate as verb

    order = verb.Order(generated, reference, reference_too or [], events, run, verb.choose(config, settings, bins))
    typer.echo(verb.evaluate(order, out, study))
