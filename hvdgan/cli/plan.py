"""The verb that says how to use an allocation before anything is started.

hvdgan plan --ranks 129 --trials 200 --epochs 30 --events 200000
hvdgan plan --ranks 129 --trials 200 --epochs 30 --events 200000 --folds 2 --bench bench.jsonl --memory 2
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from hvdgan.cli.words import Terse


def plan(
    ranks: Annotated[int, typer.Option("--ranks", "-np", min=1, help="of the whole job", show_default=False)],
    trials: Annotated[int, typer.Option(min=1, help="of the study", show_default=False)],
    epochs: Annotated[int, typer.Option(min=1, help="of each training", show_default=False)],
    events: Annotated[int, typer.Option(min=2, help="in the files", show_default=False)],
    batch_size: Annotated[int, typer.Option(min=1, help="events per rank and step")] = 64,
    folds: Annotated[int, typer.Option(min=1, help="of the cross validation")] = 1,
    replicas: Annotated[int, typer.Option(min=1, help="of each training, loosely coupled")] = 1,
    shards: Annotated[int | None, typer.Option(min=1, help="of each model [default: what memory asks for]")] = None,
    ranks_per_host: Annotated[int, typer.Option(min=1, help="ranks of a host")] = 16,
    cores_per_host: Annotated[int | None, typer.Option(min=1, help="[default: one per rank]")] = None,
    network: Annotated[float, typer.Option(min=0.001, help="Gb/s between hosts")] = 10.0,
    memory: Annotated[float | None, typer.Option(min=0.001, help="GB that a rank may take")] = None,
    parameters: Annotated[
        tuple[int, int], typer.Option(metavar="DISCRIMINATOR GENERATOR", help="weights of the networks")
    ] = (73_450, 872_948),
    validation: Annotated[float, typer.Option(min=0.0, max=0.99, help="fraction held out, without folds")] = 0.1,
    validation_events: Annotated[int, typer.Option(min=1, help="showers compared after an epoch, at most")] = 2000,
    bench: Annotated[Path | None, typer.Option(help="lines of `hvdgan bench`: measured instead of assumed")] = None,
    json: Terse = False,
) -> None:
    """Predict for each layout of an allocation when a study is done, and recommend one; starts nothing.

    Example: `hvdgan plan --ranks 129 --trials 200 --epochs 30 --events 200000`
    """
    from hvdgan.parallel.allocation import Allocation, Work
    from hvdgan.report.tables import print_table
    from hvdgan.report.terminal import reaches_person
    from hvdgan.run import plan as verb

    work = Work(trials, epochs, events, batch_size, folds, validation, validation_events)
    allocation = Allocation(ranks, ranks_per_host, cores_per_host or ranks_per_host, verb.bytes_of(memory))
    answer = verb.plan(work, verb.Order(allocation, replicas, shards, parameters, network, bench))
    if json:
        typer.echo(verb.to_json(answer))
        return
    print_table(answer.table, sys.stdout, reaches_person())
    typer.echo("\n".join([answer.advice, "", *answer.assumptions]))
