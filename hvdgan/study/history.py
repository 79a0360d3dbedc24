"""The history of a study as plain rows: the one exporter for tables, files, pictures and the best configuration."""

import csv
import io
import math
import statistics
import warnings
from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from hvdgan import pareto
from hvdgan.files import write_atomically

Row = dict[str, Any]
"""One trial: the keys of `row`."""

STATES = {"COMPLETE": "done", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running", "WAITING": "waiting"}
ENDED = ("done", "pruned", "failed")
UNUSED = "unused"
"""Failure of a point that was asked for ahead of time and that no group ran."""

_SUCCESSION = ("retry_of", "resume_of")
_COLUMNS = (
    *("number", "state", "value", "best", "spread", "source", "group", "attempt", "failure", "message"),
    *("start", "end", "seconds", "pruned_at", "fold_values", *_SUCCESSION),
)


def rows(study: Any) -> list[Row]:
    """Return one row per trial of an Optuna study, in the order of numbers."""
    return [row(trial) for trial in study.get_trials(deepcopy=False)]


def row(trial: Any) -> Row:
    """Return an Optuna trial as plain numbers and texts.

    Returns:
        number, state (done, pruned, failed, running, waiting), values (one per objective), value (the first one, or
        None), params, source, group, attempt, failure (kind, or None), message, start and end (ISO 8601), seconds,
        fold_values and spread (values of the folds and their standard deviation, or None), pruned_at (step, or None),
        intermediate ([step, value] in order of steps), retry_of and resume_of (number of the attempt it continues, or
        None), details (whatever else was kept).
    """
    attributes, details = trial.user_attrs, dict(trial.user_attrs.get("details", {}))
    values = [] if trial.values is None else list(trial.values)
    folds = list(details.pop("folds", []))
    spread = details.pop("spread", None)
    return {
        "number": trial.number,
        "state": STATES[trial.state.name],
        "values": values,
        "value": values[0] if values else None,
        "params": dict(trial.params),
        "attempt": attributes.get("attempt", 0),
        **{key: attributes.get(key) for key in ("source", "group", "failure", "message", "pruned_at", *_SUCCESSION)},
        **_times(trial),
        "fold_values": folds,
        "spread": spread if len(folds) < 2 else statistics.stdev(folds),
        "intermediate": _intermediate(trial),
        "details": details,
    }


def succeeded(table: Iterable[Row]) -> set[int]:
    """Return the numbers of the attempts that another attempt continues."""
    return {one[key] for one in table for key in _SUCCESSION if one[key] is not None}


def used(table: Iterable[Row]) -> list[Row]:
    """Return the rows without the points that nobody ran."""
    return [one for one in table if one["failure"] != UNUSED]


def count(table: Sequence[Row]) -> int:
    """Count the trials towards the total."""
    continued = succeeded(table)
    return sum(counts(one, continued) for one in table)


def counts(one: Row, continued: Container[int]) -> bool:
    """Tell whether a trial counts towards the total: it was run, has ended and has no successor.

    Args:
        one: Its row.
        continued: Numbers of the attempts that another attempt continues.
    """
    return one["state"] in ENDED and one["failure"] != UNUSED and one["number"] not in continued


def best(table: Iterable[Row]) -> Row | None:
    """Return the row with the lowest first value, the earliest of equals; None before any trial is done.

    With several objectives it is the member of the front that is best in the first one.
    """
    done = [one for one in table if one["state"] == "done"]
    return min(done, key=lambda one: (*one["values"], one["number"]), default=None)


def front(table: Iterable[Row]) -> list[int]:
    """Return the numbers of the done trials that no other one dominates, the best in the first objective first.

    Every objective is minimised; with a single one these are the trials of the lowest value.
    """
    return pareto.front({one["number"]: one["values"] for one in table if one["state"] == "done"})


def importances(study: Any, objective: int = 0) -> dict[str, float]:
    """Return how much each parameter decided about a trial being among the best, largest first, summing to 1.

    PED-ANOVA (Watanabe, Bansal and Hutter, IJCAI 2023, arXiv:2304.10255): how far the best trials' distribution of the
    parameter differs from that of all trials. The best are the best tenth, but at least two.

    Args:
        study: An Optuna study.
        objective: Place of the objective by which trials are good.

    Returns:
        Nothing when fewer than four trials are done (the best two would be half of them), or when no parameter
        varies.
    """
    from optuna.importance import PedAnovaImportanceEvaluator

    done = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]
    if len(done) < 4:
        return {}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*low `target` values")  # low values are what is wanted here
        scores = PedAnovaImportanceEvaluator().evaluate(study, target=lambda trial: trial.values[objective])
    total = sum(scores.values())
    ordered = sorted(scores.items(), key=lambda item: -item[1])
    return {name: float(score / total) for name, score in ordered} if total and math.isfinite(total) else {}


def write_csv(table: Sequence[Row], path: Path, objectives: Sequence[str] = ()) -> None:
    """Write the rows as a table into a file, see `to_csv`."""
    write_atomically(path, to_csv(table, objectives))


def to_csv(table: Sequence[Row], objectives: Sequence[str] = ()) -> str:
    """Return the rows as a table, one column per parameter and per detail; of messages only the first line.

    The column `best` says yes for the best trial, or for each member of the Pareto front.

    Args:
        table: The rows.
        objectives: Their names. The first one's column is always `value`; those of others are called like
            `value_generation_time`, or `value_1` without a name.
    """
    leading = front(table)
    flat = [_flatten({**one, "best": "yes" if one["number"] in leading else None}, objectives) for one in table]
    names = dict.fromkeys([*_COLUMNS, *(name for one in flat for name in one)])
    text = io.StringIO()
    writer = csv.DictWriter(text, list(names), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue()


def _times(trial: Any) -> Row:
    """Return when a trial ran, and how long.

    A point that is asked for ahead of time waits in the queue; `began` tells when its group took it up.
    """
    start, end = trial.datetime_start, trial.datetime_complete
    if (began := trial.user_attrs.get("began")) is not None:
        start = datetime.fromtimestamp(began)
    return {
        "start": start and start.isoformat(timespec="milliseconds"),
        "end": end and end.isoformat(timespec="milliseconds"),
        "seconds": (end - start).total_seconds() if start and end else None,
    }


def _intermediate(trial: Any) -> list[list[float]]:
    """Return the judged reports of a trial; Optuna itself holds them for a single objective only."""
    known = trial.intermediate_values.items() or trial.user_attrs.get("reports", ())
    return [[step, value] for step, value in sorted(known)]


def _flatten(one: Row, objectives: Sequence[str]) -> dict[str, Any]:
    """Return a row as the cells of one line."""
    cells = {name: one[name] for name in _COLUMNS}
    cells["message"] = (one["message"] or "").partition("\n")[0]
    names = dict(enumerate(objectives))
    cells.update({f"value_{names.get(place, place)}": value for place, value in enumerate(one["values"]) if place})
    cells.update(one["params"])
    cells.update({f"details.{name}": value for name, value in one["details"].items()})
    return {name: _cell(value) for name, value in cells.items()}


def _cell(value: Any) -> Any:
    """Return a value as one cell: lists as their members, nothing as an empty cell.

    >>> _cell([0.5, 0.25]), _cell(None), _cell(3)
    ('0.5 0.25', '', 3)
    """
    if isinstance(value, Mapping):
        return " ".join(f"{key}={member}" for key, member in value.items())
    if isinstance(value, list | tuple):
        return " ".join(str(member) for member in value)
    return "" if value is None else value
