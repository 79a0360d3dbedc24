"""The history of a study as plain rows: the one exporter for tables, files, pictures and the best configuration."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hvdgan.files import write_atomically

Row = dict[str, Any]
"""One trial: the keys of `row`."""

STATES = {"COMPLETE": "done", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running", "WAITING": "waiting"}
ENDED = ("done", "pruned", "failed")
_SUCCESSION = ("retry_of", "resume_of")
_COLUMNS = (
    *("number", "state", "value", "source", "group", "attempt", "failure", "message"),
    *("start", "end", "seconds", "fold_values", *_SUCCESSION),
)


def rows(study: Any) -> list[Row]:
    """Return one row per trial of an Optuna study, in the order of numbers."""
    return [row(trial) for trial in study.get_trials(deepcopy=False)]


def row(trial: Any) -> Row:
    """Return an Optuna trial as plain numbers and texts.

    Returns:
        number, state (done, pruned, failed, running, waiting), values, value (the first one, or None), params,
        source, group, attempt, failure (kind, or None), message, start and end (ISO 8601), seconds, fold_values (from
        the detail `folds`), retry_of and resume_of (number of the attempt it continues, or None), details (whatever
        else was kept).
    """
    attributes, details = trial.user_attrs, dict(trial.user_attrs.get("details", {}))
    values = [] if trial.values is None else list(trial.values)
    start, end = trial.datetime_start, trial.datetime_complete
    return {
        "number": trial.number,
        "state": STATES[trial.state.name],
        "values": values,
        "value": values[0] if values else None,
        "params": dict(trial.params),
        "attempt": attributes.get("attempt", 0),
        **{key: attributes.get(key) for key in ("source", "group", "failure", "message", *_SUCCESSION)},
        "start": start and start.isoformat(timespec="milliseconds"),
        "end": end and end.isoformat(timespec="milliseconds"),
        "seconds": (end - start).total_seconds() if start and end else None,
        "fold_values": list(details.pop("folds", [])),
        "details": details,
    }


def succeeded(table: Iterable[Row]) -> set[int]:
    """Return the numbers of the attempts that another attempt continues."""
    return {one[key] for one in table for key in _SUCCESSION if one[key] is not None}


def count(table: Sequence[Row]) -> int:
    """Count the trials towards the total: those that were run to an end and have no successor."""
    continued = succeeded(table)
    run = [one for one in table if one["state"] in ENDED and one["failure"] != "unused"]
    return sum(one["number"] not in continued for one in run)


def best(table: Iterable[Row]) -> Row | None:
    """Return the row with the lowest value, the earliest of equals; None before any trial is done."""
    done = [one for one in table if one["state"] == "done"]
    return min(done, key=lambda one: (one["value"], one["number"]), default=None)


def importances(study: Any) -> dict[str, float]:
    """Return how much each parameter decided about a trial being among the best, largest first, summing to 1.

    PED-ANOVA (Watanabe, Bansal and Hutter, IJCAI 2023, arXiv:2304.10255): how far the best trials' distribution of the
    parameter differs from that of all trials. The best are the best tenth, but at least two.

    Returns:
        Nothing when fewer than four trials are done (the best two would be half of them), or when no parameter
        varies.
    """
    from optuna.importance import PedAnovaImportanceEvaluator

    done = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]
    if len(done) < 4:
        return {}
    scores = PedAnovaImportanceEvaluator().evaluate(study)
    total = sum(scores.values())
    ordered = sorted(scores.items(), key=lambda item: -item[1])
    return {name: float(score / total) for name, score in ordered} if total and math.isfinite(total) else {}


def write_csv(table: Sequence[Row], path: Path) -> None:
    """Write the rows as a table, one column per parameter and per detail; of messages only the first line."""
    flat = [_flatten(one) for one in table]
    names = dict.fromkeys([*_COLUMNS, *(name for one in flat for name in one)])
    text = io.StringIO()
    writer = csv.DictWriter(text, list(names), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    write_atomically(path, text.getvalue())


def _flatten(one: Row) -> dict[str, Any]:
    """Return a row as the cells of one line."""
    cells = {name: one[name] for name in _COLUMNS}
    cells["message"] = (one["message"] or "").partition("\n")[0]
    cells.update({f"value_{place}": value for place, value in enumerate(one["values"][1:], 1)})
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
