"""`hvdgan status`, `trials` and `best`: look at a run from another shell; they change nothing in it."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from rich.console import Console

from hvdgan.config import Config
from hvdgan.errors import EXIT_DONE, UsageError
from hvdgan.report.board import Board
from hvdgan.report.live import watch_board, watch_study, watch_training
from hvdgan.report.progress import duration
from hvdgan.report.screen import Screen, board_text
from hvdgan.report.tables import print_table, show, study_table
from hvdgan.report.terminal import reaches_person
from hvdgan.run.conclusion import best_config
from hvdgan.run.directory import RunDirectory, existing, read_config
from hvdgan.run.tail import Row, Tail
from hvdgan.study import history
from hvdgan.study.store.storage import load_study
from hvdgan.verdict import read_verdict

PAUSE = 0.3
"""Seconds between two looks at a run that is followed."""
LAST = 5
"""Lines of metrics that tell how a training stands."""
OPEN = "no verdict: the run goes on, or was killed; continue it with --resume"

Told = Callable[[Row], None]


def watching(path: Path, redrawn: bool | None) -> Callable[[int, int], AbstractContextManager[Told]]:
    """Return what shows the events of a study in a run directory, given the total of trials and the number of groups.

    Args:
        path: The run directory; what earlier jobs left there is shown, too.
        redrawn: Whether lines can be redrawn; found out by default.
    """
    return lambda total, groups: watch_study(total, groups, None, redrawn, Tail(path / "events.jsonl").read())


def status(path: Path, follow: bool, redrawn: bool | None) -> int:
    """Show how a run stands, and return the exit code it ended with, 0 while it has not.

    Args:
        path: The run directory.
        follow: Go on showing it until it has a verdict, or Ctrl-C.
        redrawn: Whether lines can be redrawn; found out by default.

    Raises:
        UsageError: There is no run.
    """
    directory = existing(path)
    redrawn = reaches_person() if redrawn is None else redrawn
    verdict = read_verdict(path)
    with suppress(KeyboardInterrupt):
        while follow and verdict is None and not (directory.metrics.exists() or directory.events.exists()):
            time.sleep(PAUSE)
            verdict = read_verdict(path)
        look = _look_at_training if directory.metrics.exists() else _look_at_study
        with look(directory, redrawn, follow and verdict is None) as (tail, told):
            while follow and verdict is None:
                time.sleep(PAUSE)
                verdict = read_verdict(path)
                for row in tail.read():
                    told(row)
    sys.stdout.write(f"{verdict.message if verdict else _say_open(directory)}\n")
    return verdict.code if verdict else EXIT_DONE


def trials(path: Path, form: str) -> None:
    """Print the trials of a study.

    Args:
        path: The run directory.
        form: "table", "csv" or "json"; the last two leave nothing out.

    Raises:
        UsageError: There is no study.
    """
    config, table = _read_study(path)
    names = config.study.objective
    if form == "csv":
        sys.stdout.write(history.to_csv(table, names))
    elif form == "json":
        named = [{**row, "values": dict(zip(names, row["values"], strict=False))} for row in table]
        sys.stdout.write(json.dumps(named, indent=2) + "\n")
    else:
        print_table(study_table(history.used(table), objectives=names), sys.stdout, reaches_person())


def best(path: Path, number: int | None) -> str:
    """Return the configuration of the best trial, or of another one, as `train` takes it.

    Args:
        path: The run directory.
        number: Which trial; by default the best one, of a Pareto front the best in the first objective.

    Raises:
        UsageError: There is no such trial, or none has a value.
    """
    config, table = _read_study(path)
    chosen = {row["number"]: row for row in table}
    row = history.best(table) if number is None else chosen.get(number)
    if row is None or not row["params"]:
        raise UsageError(_say_missing(path, number, table))
    return f"{_introduce(path, row, table, config.study.objective)}\n{best_config(config, row['params']).dump()}"


@contextmanager
def _look_at_study(directory: RunDirectory, redrawn: bool, follow: bool) -> Iterator[tuple[Tail, Told]]:
    """Show the table of a study; give the file of its events, and what takes further ones."""
    tail, board = Tail(directory.events), Board()
    rows = tail.read()
    for row in rows:
        board.take(row)
    if not follow and read_verdict(directory.path) and rows and not board.job.ended:
        board.take({"event": "ended", "time": board.job.last})  # the job told its verdict, and nothing after it
    if not redrawn:
        sys.stdout.write(f"{board_text(board)}\n" if rows else "")
    if follow:
        with watch_board(board, sys.stdout, redrawn) as told:
            yield tail, told
        return
    if redrawn and rows:
        Console(file=sys.stdout, force_terminal=True, highlight=False).print(Screen(board))
    yield tail, board.take


@contextmanager
def _look_at_training(directory: RunDirectory, redrawn: bool, follow: bool) -> Iterator[tuple[Tail, Told]]:
    """Show the last lines of a training; give the file of its metrics, and what takes further ones."""
    tail = Tail(directory.metrics)
    with watch_training(read_config(directory.path).training.epochs, terminal=redrawn) as told:
        for row in tail.read()[-LAST:]:
            told(row)
        yield tail, told


def _say_open(directory: RunDirectory) -> str:
    """Say that a run has no verdict, and when it was last heard of."""
    written = [path.stat().st_mtime for path in (directory.events, directory.metrics) if path.exists()]
    if not written:
        return f"nothing was recorded yet; {OPEN}"
    return f"last heard of {duration(time.time() - max(written))} ago; {OPEN}"


def _read_study(path: Path) -> tuple[Config, list[history.Row]]:
    """Return the configuration and the trials of a study."""
    config = read_config(path)
    return config, history.rows(load_study(config, path))


def _say_missing(path: Path, number: int | None, table: list[history.Row]) -> str:
    """Say that there is no such trial, and which ones there are."""
    known = [row["number"] for row in table if row["params"]]
    if number is None:
        return f"no trial of {path} has a value; `hvdgan trials {path}` says why"
    if not known:
        return f"{path} has no trial {number}: no trial has begun"
    return f"{path} has no trial {number} with parameters; legal are {known[0]} to {known[-1]}"


def _introduce(path: Path, row: history.Row, table: list[history.Row], names: list[str]) -> str:
    """Return comment lines that say which trial a configuration is of."""
    values = ", ".join(f"{name} {show(value)}" for name, value in zip(names, row["values"], strict=False))
    lines = [f"# trial {row['number']} of {path}: {row['state']}{', ' if values else ''}{values}"]
    front = history.front(table)
    if len(names) > 1 and front:
        lines.append(f"# on the Pareto front: {', '.join(map(str, front))}; choose one with --trial")
    return "\n".join(lines)
