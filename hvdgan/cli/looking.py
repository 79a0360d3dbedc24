"""The verbs that look at a run, while it goes on or after, and change nothing in it.

hvdgan status runs/search --follow
hvdgan trials runs/search --csv > trials.csv
hvdgan best runs/search > best.yaml
hvdgan report runs/search
"""

from pathlib import Path
from typing import Annotated

import typer

from hvdgan.cli import words as word


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


def best(
    run: word.RunIn,
    trial: Annotated[int | None, typer.Option(min=0, help="another one, such as a member of the front")] = None,
) -> None:
    """Print the configuration of a study's best trial, for `hvdgan train`.

    Example: `hvdgan best runs/search > best.yaml`
    """
    from hvdgan.run.looking import best as verb

    typer.echo(verb(run, trial), nl=False)


def report(
    run: word.RunIn,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="folder to make [default: RUN/report]")] = None,
) -> None:
    """Draw a study or a training: pictures, tables and one HTML page.

    Example: `hvdgan report runs/search`
    """
    from hvdgan.run.report import report as verb

    typer.echo(verb(run, out or run / "report"))
