"""The command line: words become a configuration and one function of `run`.

hvdgan simulate --files 4 --events 2500 --out data
hvdgan inspect data/*.h5
hvdgan convert dataset_2_1.hdf5 --to lcd_v1 --out data/electrons.h5
hvdgan check config.yaml                              does it work, and how long will it take?
hvdgan train config.yaml                              one process
horovodrun -np 2 hvdgan train config.yaml             a Horovod ring of two, over MPI or --gloo
hvdgan launch -np 5 study config.yaml                 coordinator and groups, under mpirun
hvdgan generate RUN --like data/*.h5 --out made.h5
hvdgan evaluate made.h5 --reference data/*.h5 --out report
hvdgan status RUN --follow                            trials, best and report look at a run, too
"""

import os
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import Abort, TyperException

from hvdgan import __version__
from hvdgan.cli import bench
from hvdgan.cli import words as word
from hvdgan.cli.files import convert, inspect, simulate
from hvdgan.cli.plan import plan
from hvdgan.cli.spans import SPAN, Energy, SpanCommand, read_span
from hvdgan.errors import EXIT_USAGE, HvdganError
from hvdgan.parallel.launcher import is_first

PRECEDENCE = 1.0
"""Seconds by which the rank that tells an error leaves first: launchers end all ranks when one has left."""

app = typer.Typer(
    name="hvdgan",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Train and tune calorimeter-simulation GANs with Horovod and Optuna inside one MPI job.",
)


def main() -> None:
    """Run the command line; tell an error once and leave with its exit code."""
    try:
        code = app(standalone_mode=False)
    except (HvdganError, TyperException) as error:
        usage = isinstance(error, TyperException)
        if is_first(os.environ):
            hint = "; see --help" if usage else ""
            sys.stderr.write(f"hvdgan: {error.format_message() if usage else error}{hint}\n")
        else:
            time.sleep(PRECEDENCE)
        code = EXIT_USAGE if usage else error.exit_code
    except Abort:
        code = 130
    sys.exit(code or 0)


@app.callback(invoke_without_command=True)
def show_version(version: Annotated[bool, typer.Option("--version", help="print the version")] = False) -> None:
    """Train and tune calorimeter-simulation GANs with Horovod and Optuna inside one MPI job."""
    if version:
        typer.echo(__version__)


app.command(cls=SpanCommand)(simulate)
app.command()(inspect)
app.command()(convert)
app.add_typer(bench.app, name="bench")
app.command()(plan)


@app.command()
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


@app.command()
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


@app.command()
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


@app.command(cls=SpanCommand)
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


@app.command()
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


@app.command()
def doctor(
    json: word.Terse = False, deep: Annotated[bool, typer.Option(help="also start rings of two processes")] = False
) -> None:
    """Check the environment: versions, Horovod build, MPI, devices; say what to do.

    Example: `hvdgan doctor --deep`
    """
    from hvdgan import doctor as verb

    checks = verb.examine(deep)
    typer.echo(verb.to_json(checks) if json else "\n".join(verb.format_lines(checks)))
    raise typer.Exit(0 if all(check.ok for check in checks) else 1)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
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


@app.command()
def status(
    run: word.RunIn,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="go on until the run ends, or Ctrl-C")] = False,
    live: word.Live = "auto",
) -> None:
    """Show how a run stands, from another shell, and leave with the exit code it ended with.

    Example: `hvdgan status runs/search --follow`
    """
    from hvdgan.run.looking import status as verb

    raise typer.Exit(verb(run, follow, word.REDRAWN[live]))


@app.command()
def trials(
    run: word.RunIn,
    csv: Annotated[bool, typer.Option("--csv", help="print CSV, everything included")] = False,
    json: word.Terse = False,
) -> None:
    """List the trials of a study; the best, or the Pareto front, stands out.

    Example: `hvdgan trials runs/search --csv > trials.csv`
    """
    from hvdgan.run.looking import trials as verb

    verb(run, "csv" if csv else "json" if json else "table")


@app.command()
def best(
    run: word.RunIn,
    trial: Annotated[int | None, typer.Option(min=0, help="another one, such as a member of the front")] = None,
) -> None:
    """Print the configuration of a study's best trial, for `hvdgan train`.

    Example: `hvdgan best runs/search > best.yaml`
    """
    from hvdgan.run.looking import best as verb

    typer.echo(verb(run, trial), nl=False)


@app.command()
def report(
    run: word.RunIn,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="folder to make [default: RUN/report]")] = None,
) -> None:
    """Draw a study or a training: pictures, tables and one HTML page.

    Example: `hvdgan report runs/search`
    """
    from hvdgan.run.report import report as verb

    typer.echo(verb(run, out or run / "report"))
