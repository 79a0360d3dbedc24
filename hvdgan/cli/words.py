"""The words that verbs of the command line share."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

Settings = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="override a key of the file")]
Resume = Annotated[Path | None, typer.Option("--resume", metavar="RUN", help="go on with this run directory")]
RunOut = Annotated[Path | None, typer.Option("--out", "-o", help="run directory to make [default: runs/CONFIG]")]
ConfigFile = Annotated[Path | None, typer.Argument(metavar="CONFIG", help="the YAML file", show_default=False)]
Grid = Annotated[tuple[int, int, int] | None, typer.Option(metavar="X Y Z", help="merge cells to so many")]
Seed = Annotated[int, typer.Option(min=0, help="the same seed gives the same files")]
Terse = Annotated[bool, typer.Option("--json", help="print JSON for scripts")]
Live = Annotated[
    Literal["auto", "on", "off"],
    typer.Option("--live", help="redraw progress in place; auto finds out whether that reaches a terminal"),
]
RunIn = Annotated[Path, typer.Argument(metavar="RUN", help="run directory", show_default=False)]
Despite = Annotated[
    bool, typer.Option("--despite-differences", help="resume although config.yaml is not what stored trials ran with")
]
Recover = Annotated[bool, typer.Option("--recover", help="let the other groups of a study outlive a lost rank")]
Timeline = Annotated[
    Path | None, typer.Option(metavar="FILE", help="record what Horovod does, for a trace viewer; one file per ring")
]
Ranks = Annotated[int | None, typer.Option("--ranks-per-trial", help="alias of study.ranks_per_trial")]

REDRAWN = {"auto": None, "on": True, "off": False}
"""What the words of --live mean to a watcher."""


def open_world() -> AbstractContextManager[Any]:
    """Open the world of this job, guarded."""
    from hvdgan.parallel.guard import guarded_world

    return guarded_world()
