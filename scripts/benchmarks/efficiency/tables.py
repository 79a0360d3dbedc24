"""The figures of all studies as tables for people: medians over the repetitions, and their spread."""

import statistics
from collections.abc import Callable, Sequence
from typing import Any

from efficiency.cases import Case
from efficiency.figures import reached
from hvdgan.report.tables import Table

Measured = dict[Case, list[dict[str, Any]]]
"""The figures of each repetition of every case."""


def utilisation_table(measured: Measured) -> Table:
    """Tabulate how busy the groups were, beside what is asked."""
    columns = (
        *("case", "groups", "trial [s]", "trials", "busy [%]", "lowest", "highest", "whole [%]"),
        *("ceiling [%]", "asked [%]", "reached"),
    )
    rows = []
    for case, runs in measured.items():
        busy = [100 * run["utilisation"] for run in runs]
        ceiling = 100 * _median(runs, "ceiling") if case.sampler == "gp" else None
        asked = case.target and case.target * (ceiling if case.of_ceiling else 100)
        states = [reached(case, run) for run in runs]
        verdict = None if case.target is None else f"{sum(map(bool, states))} of {len(states)}"
        about = (case.name, case.groups, case.seconds, case.trials)
        middle = (statistics.median(busy), min(busy), max(busy), 100 * _median(runs, "utilisation_whole"))
        rows.append((*about, *map(_round, (*middle, ceiling, asked)), verdict))
    note = (
        "busy: objective time / (groups x wall) while the study had trials to give; whole: to the last outcome. "
        "ceiling: of a Gaussian process that proposes every point, trial / (groups x ask)."
    )
    return Table("Groups kept busy", columns, tuple(rows), note=note)


def time_table(measured: Measured) -> Table:
    """Tabulate what the coordinator's work costs, and where the points came from."""
    sources = sorted({name for runs in measured.values() for run in runs for name in run["sources"]})
    columns = (
        *("case", "dispatch [ms]", "lowest", "highest", "asked [ms]", "90 % [ms]", "ask [ms]", "ask cpu [ms]"),
        *("cpu [ms]", "serving [ms]", *sources),
    )
    rows = []
    for case, runs in measured.items():
        dispatch = [1000 * run["dispatch"] for run in runs]
        times = [1000 * _median(runs, key) for key in ("dispatch_p90", "ask", "ask_cpu", "cpu", "cpu_main")]
        counts = [int(statistics.median(run["sources"].get(name, 0) for run in runs)) for name in sources]
        asked = case.dispatch and 1000 * case.dispatch
        middle = (statistics.median(dispatch), min(dispatch), max(dispatch), asked)
        rows.append((case.name, *map(_round, (*middle, *times)), *counts))
    note = (
        "dispatch: from an outcome sent to the group's next assignment received. cpu: of the coordinator per trial; "
        "serving: of that, the thread that serves the groups. The last columns count points by their source."
    )
    return Table("Dispatch, and what it costs", columns, tuple(rows), note=note)


def resource_table(measured: Measured) -> Table:
    """Tabulate what the coordinator and a group hold early and at the end; of several repetitions the last."""
    rows = []
    for case, runs in measured.items():
        for process, key in (("coordinator", "resources"), ("group 1", "group_resources")):
            for look in runs[-1][key]:
                held = (round(look["memory"], 1), int(look["files"]), int(look["threads"]))
                rows.append((case.name, process, int(look["trials"]), *held))
    columns = ("case", "process", "trials", "memory [MB]", "files", "threads")
    return Table("What the processes hold", columns, tuple(rows))


def build(measured: Measured) -> list[Table]:
    """Return all tables."""
    makers: Sequence[Callable[[Measured], Table]] = (utilisation_table, time_table, resource_table)
    return [make(measured) for make in makers]


def _median(runs: Sequence[dict[str, Any]], key: str) -> float:
    """Return the median of a figure over the repetitions."""
    return statistics.median(run[key] for run in runs)


def _round(value: float | None) -> float | None:
    """Return a percentage or a time in ms with one digit."""
    return None if value is None else round(value, 1)
