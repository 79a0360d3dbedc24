"""How a study ends: the best configuration, and the verdict of the run."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hvdgan.config import Config
from hvdgan.errors import EXIT_DONE, EXIT_FAILED, EXIT_LOSSES, EXIT_PREEMPTED, DiskFullError
from hvdgan.files import write_atomically
from hvdgan.study import history
from hvdgan.study.store.storage import load_study
from hvdgan.verdict import write_verdict

ENOUGH = {
    "target": "reached its target",
    "patience": "got no better",
    "timeout": "ran out of time",
}
"""Why a study may end before its total."""


@contextmanager
def verdict_of_errors(path: Path) -> Iterator[None]:
    """Store the verdict of a run that an exception ends, if there is room for it."""
    try:
        yield
    except Exception as error:
        with suppress(OSError, DiskFullError):
            write_verdict(path, getattr(error, "exit_code", EXIT_FAILED), f"{type(error).__name__}: {error}")
        raise


def conclude(config: Config, path: Path, reason: str | None, lost: int = 0) -> int:
    """Write the best configuration and the verdict of a study that came to its end; return its exit code.

    Args:
        config: The study's configuration.
        path: The run directory.
        reason: Why no trial starts any more; None when all groups were lost before.
        lost: Number of groups that fell silent.
    """
    table = history.rows(load_study(config, path))
    best = history.best(table)
    if best is not None:
        write_atomically(path / "best.yaml", best_config(config, best["params"]).dump())
    code, message = _judge(table, best, reason, lost, config.study.objective)
    write_verdict(path, code, message)
    return code


def _judge(
    table: list[history.Row], best: history.Row | None, reason: str | None, lost: int, objectives: list[str]
) -> tuple[int, str]:
    """Return exit code and verdict of a study."""
    if reason is None:
        return EXIT_FAILED, f"all {lost} groups were lost after {history.count(table)} trials; go on with --resume"
    if reason == "preempted":
        return EXIT_PREEMPTED, f"preempted after {history.count(table)} trials; go on with --resume"
    if best is None:
        failures = sorted({row["failure"] for row in table if row["failure"]})
        return EXIT_FAILED, f"none of {len(table)} trials has a value ({', '.join(failures)}); see trials.csv"
    value = f"best trial {best['number']} has a {_name(objectives)} of {best['value']:.4g}"
    if reason in ENOUGH:
        value = f"the study {ENOUGH[reason]} after {history.count(table)} trials; {value}"
    if lost:
        return EXIT_LOSSES, f"{value}; {lost} of the groups were lost on the way, see trials.csv"
    return EXIT_DONE, value


def _name(objectives: list[str]) -> str:
    """Return what the first objective is called in a sentence."""
    return "figure of merit" if objectives[0] == "merit" else objectives[0].replace("_", " ")


def best_config(config: Config, params: dict[str, Any]) -> Config:
    """Return a configuration that `train` takes as it is: a trial's parameters set, the search left out."""
    return config.replace({**params, "study.space": {}, "study.enqueue": [], "study.storage": None})
