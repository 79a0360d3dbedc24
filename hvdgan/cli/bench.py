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
def step(
    config: word.ConfigFile = None,
    backend: Annotated[Literal["torch", "keras"] | None, typer.Option(help="framework [default: the file's]")] = None,
    steps: Annotated[int, typer.Option(min=1, help="in a row")] = 2,
    repeats: Repeats = 3,
    settings: word.Settings = None,
    out: Lines = Path("bench.jsonl"),
) -> None:
    """Time a training step of one process, by phase, beside a product of matrices.

    Example: `OMP_NUM_THREADS=1 hvdgan bench step --backend keras --set gan.precision=bfloat16`
    """
    from hvdgan.run import stepping as verb

    _show(verb.bench_step(config, backend, settings or (), steps, repeats, out))


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
        table = verb.bench_ring(backend, bytes or (), repeats, settings or (), verb.Link(link, bandwidth), out, world)
    _show(table)


@app.command()
def scaling(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[CONFIG]", help="YAML; further --ranks", show_default=False)
    ] = None,
    ranks: Annotated[list[int] | None, typer.Option(metavar="N...", help="numbers of ranks [default: 1 2]")] = None,
    mode: Annotated[
        Literal["weak", "strong", "both"], typer.Option(help="keep the batch of a rank, or the ring's")
    ] = "both",
    emulate_compute: Annotated[
        float | None, typer.Option(min=0.0, help="seconds that a step sleeps instead of computing")
    ] = None,
    control: Annotated[
        list[str] | None,
        typer.Option(
            metavar="<ddp|apart>", help="also train with torch's DistributedDataParallel, or without a ring; repeat"
        ),
    ] = None,
    backend: Annotated[Literal["torch", "keras"] | None, typer.Option(help="framework [default: the file's]")] = None,
    transport: Annotated[Literal["mpi", "gloo"], typer.Option(help="how ranks talk")] = "mpi",
    threads: Annotated[int, typer.Option(min=1, help="of every rank")] = 1,
    batch: Annotated[
        int | None, typer.Option(min=1, help="events per rank and step, the fewest ranks' in strong scaling")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=3, help="of the most ranks, on simulated showers")] = None,
    grid: Annotated[tuple[int, int, int] | None, typer.Option(metavar="X Y Z", help="their cells")] = None,
    repeats: Repeats = 3,
    settings: word.Settings = None,
    oversubscribe: Annotated[bool, typer.Option("--oversubscribe", help="let ranks share cores")] = False,
    timeout: Annotated[float, typer.Option(min=1.0, help="seconds after which a job counts as hung")] = 900.0,
    out: Lines = Path("bench.jsonl"),
) -> None:
    """Train on more and more ranks, weak and strong scaling, and say what they bring.

    Example: `hvdgan bench scaling --ranks 1 2 --control ddp`
    """
    from hvdgan.run import scaling as verb

    config, numbers = verb.sort_words(words or (), ranks or ())
    modes = ("weak", "strong") if mode == "both" else (mode,)
    order = verb.Order(
        numbers, modes, batch, steps, grid, repeats, emulate_compute, tuple(dict.fromkeys(control or ())),
        backend, transport, threads, oversubscribe, timeout,
    )  # fmt: skip
    _show(verb.bench_scaling(order, config, settings or (), out, lambda line: typer.echo(line, err=True)))


@app.command(hidden=True)
def emulate(
    compute: Annotated[float, typer.Option(min=0.0)],
    steps: Annotated[int, typer.Option(min=1)],
    out: Lines,
    ranks: Annotated[list[int] | None, typer.Option()] = None,
    repeats: Repeats = 1,
    backend: Backend = "torch",
    settings: word.Settings = None,
    link: LinkName = None,
    bandwidth: Bandwidth = None,
) -> None:
    """Be a rank of `hvdgan bench scaling --emulate-compute`."""
    from hvdgan.run import bench as verb

    with word.open_world() as world:
        order = verb.Emulation(compute, steps, tuple(ranks or ()), repeats)
        verb.emulate(order, backend, settings or (), verb.Link(link, bandwidth), out, world)


def _show(table: object) -> None:
    """Print a table, where there is one."""
    from hvdgan.report.tables import print_table
    from hvdgan.report.terminal import reaches_person

    if table is not None:
        print_table(table, sys.stdout, reaches_person())
