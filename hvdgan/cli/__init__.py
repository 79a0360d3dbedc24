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
from typing import Annotated

import typer
from typer.exceptions import Abort, TyperException

from hvdgan import __version__
from hvdgan.cli import bench
from hvdgan.cli import words as word
from hvdgan.cli.files import convert, inspect, simulate
from hvdgan.cli.jobs import check, launch, study, train
from hvdgan.cli.looking import best, report, status, trials
from hvdgan.cli.plan import plan
from hvdgan.cli.showers import evaluate, generate
from hvdgan.cli.spans import SpanCommand
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


app.command(cls=SpanCommand)(simulate)
app.command()(inspect)
app.command()(convert)
app.add_typer(bench.app, name="bench")
app.command()(plan)
app.command()(train)
app.command()(study)
app.command()(check)
app.command(cls=SpanCommand)(generate)
app.command()(evaluate)
app.command()(doctor)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(launch)
app.command()(status)
app.command()(trials)
app.command()(best)
app.command()(report)
