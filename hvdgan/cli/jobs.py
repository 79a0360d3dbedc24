"""The verbs that all processes of a job run together, and the one that starts such a job.

hvdgan train config.yaml                              one process
horovodrun -np 2 hvdgan train config.yaml             a Horovod ring of two, over MPI or --gloo
hvdgan launch -np 5 study config.yaml                 coordinator and groups, under mpirun
hvdgan launch -np 5 check config.yaml                 a few steps of what either would do
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from hvdgan.cli import words as word


def train(
    config: word.ConfigFile = None,
    out: word.RunOut = None,
    settings: word.Settings = None,
    resume: word.Resume = None,
    live: word.Live = "auto",
    timeline: word.Timeline = None,
) -> None:
    """Train one GAN on all processes of the job.

    Example: `horovodrun -np 2 hvdgan train config.yaml --set training.epochs=8 --out runs/first`
    """
    from hvdgan.parallel.horovod_start import is_alone
    from hvdgan.parallel.timeline import place_timeline, record_to
    from hvdgan.report.live import watch_training
    from hvdgan.run.request import request_run
    from hvdgan.run.train import train as verb

    with word.open_world() as world:
        made, path = world.agree(lambda: request_run(config, out, settings, resume))
        alone = is_alone(world) or world.size == made.training.replicas > 1
        record_to(world.agree(lambda: place_timeline(timeline, alone)))
        with watch_training(made.training.epochs, terminal=word.REDRAWN[live]) as told:
            code = verb(made, path, resume is not None, world, told)
    raise typer.Exit(code)


def study(
    config: word.ConfigFile = None,
    out: word.RunOut = None,
    settings: word.Settings = None,
    resume: word.Resume = None,
    trials: Annotated[int | None, typer.Option(help="alias of study.trials")] = None,
    ranks_per_trial: word.Ranks = None,
    despite_differences: word.Despite = False,
    live: word.Live = "auto",
    timeline: word.Timeline = None,
) -> None:
    """Search hyper-parameters: a coordinator, and groups of processes that train one trial each.

    Example: `hvdgan launch -np 5 study config.yaml --ranks-per-trial 2`
    """
    from hvdgan.parallel.timeline import place_timeline, record_to
    from hvdgan.run.layouts import largest_ring
    from hvdgan.run.looking import watching
    from hvdgan.run.request import request_run
    from hvdgan.run.study import study as verb

    aliases = {"study.trials": trials, "study.ranks_per_trial": ranks_per_trial}
    with word.open_world() as world:
        made, path = world.agree(lambda: request_run(config, out, settings, resume, aliases))
        record_to(world.agree(lambda: place_timeline(timeline, bool(timeline) and largest_ring(made) < 2)))
        code = verb(made, path, resume is not None, world, watching(path, word.REDRAWN[live]), despite_differences)
    raise typer.Exit(code)


def check(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="the YAML file", show_default=False)],
    settings: word.Settings = None,
    ranks_per_trial: word.Ranks = None,
) -> None:
    """Try a configuration on all processes of the job: a few steps, nothing kept; say what a run will take.

    Example: `hvdgan launch -np 5 check config.yaml`
    """
    from hvdgan.report.tables import print_table
    from hvdgan.report.terminal import reaches_person
    from hvdgan.run.check import check as verb
    from hvdgan.run.request import request_run

    aliases = {"study.ranks_per_trial": ranks_per_trial}
    with word.open_world() as world:
        seen = verb(world.agree(lambda: request_run(config, None, settings, None, aliases)[0]), world)
    if seen is not None:
        print_table(seen, sys.stdout, reaches_person())


def launch(
    context: typer.Context,
    processes: Annotated[int, typer.Option("--np", "-np", min=1, help="number of processes", show_default=False)],
    recover: word.Recover = False,
) -> None:
    """Start a verb under mpirun as it should be run here; Ctrl-C asks it to checkpoint first.

    Example: `hvdgan launch -np 5 study config.yaml`
    """
    from hvdgan.run.launching import launch_verb

    raise typer.Exit(launch_verb(processes, context.args, recover))
