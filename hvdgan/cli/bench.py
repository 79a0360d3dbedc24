"""The verbs that measure; each appends lines of JSON to a file.

hvdgan launch -np 2 bench ring                    all-reduce by size
horovodrun --gloo -np 2 hvdgan bench ring
"""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from hvdgan.cli import words as word

app = typer.Typer(
    no_args_is_help=True,
    help="Measure a step, the all-reduce of a ring, and what more ranks bring.",
)

Backend = Annotated[Literal["torch", "keras"], typer.Option(help="framework")]
Lines = Annotated[Path, typer.Option("--out", "-o", help="file that lines of JSON are appended to")]
Repeats = Annotated[int, typer.Option(min=1, help="measurements that a median is of; all points take turns")]
LinkName = Annotated[str | None, typer.Option(help="name of the network between hosts, for the records")]
Bandwidth = Annotated[float | None, typer.Option(help="of that network in bits/s, for the records")]


@app.command()
def ring(
    backend: Backend = "torch",
    bytes: Annotated[list[int] | None, typer.Option(help="sizes; repeat [default: 8 to 64 MB]")] = None,
    repeats: Repeats = 5,
    settings: word.Settings = None,
    link: LinkName = None,
    bandwidth: Bandwidth = None,
    out: Lines = Path("bench.jsonl"),
) -> None:
    """Time the all-reduce of gradients on the launched world, by size.

    Example: `hvdgan launch -np 2 bench ring`
    """
    from hvdgan.run import bench as verb

    with word.open_world() as world:
        table = verb.bench_ring(
            backend, bytes or (), repeats, settings or (), verb.Link(link, bandwidth), out, world
        )
    _show(table)


@app.command(hidden=True)
def emulate(
    compute: Annotated[float, typer.Option(min=0.0)],
    steps: Annotated[int, typer.Option(min=1)],
    out: Lines,
    backend: Backend = "torch",
    settings: word.Settings = None,
) -> None:
    """Be a rank of `hvdgan bench scaling --emulate-compute`."""
    from hvdgan.run import bench as verb

    with word.open_world() as world:
        verb.emulate(backend, compute, steps, settings or (), out, world)


def _show(table: object) -> None:
    """Print a table, where there is one."""
    from hvdgan.report.tables import print_table
    from hvdgan.report.terminal import reaches_person

    if table is not None:
        print_table(table, sys.stdout, reaches_person())
