"""From what the ranks of a study noted to figures: pure arithmetic.

A study has edges: at its end groups run out of trials one after the other and idle, whatever the coordinator does. The
utilisation is therefore told twice: of the window in which the study still had trials to give, from the first
assignment received to the last one, and of the whole, from the first assignment received to the last outcome sent.
Starting processes and loading libraries comes before the first assignment and counts in neither.
"""

import statistics
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from efficiency.cases import Case

Trial = dict[str, float]
"""Seconds of one clock: `received` the assignment, `begin` and `end` of the objective, `sent` the outcome."""

SOURCES = ("startup", "quasi-random")
"""Points that the sampler did not model, by their source."""


def measure(case: Case, coordinator: dict[str, Any], groups: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of one study.

    Args:
        case: What was run.
        coordinator: Notes of rank 0: `asks`, `sources`, `cpu` and `resources`, see `rank.coordinate`.
        groups: Notes of the other ranks: `trials` and `resources`.

    Returns:
        utilisation (while the study had trials to give), utilisation_whole, wall (s, of the whole), dispatch and
        dispatch_p90 (s from outcome sent to next assignment received), sources (how many points came from where),
        ask and ask_cpu (s, median over the points that the sampler modelled itself), ceiling (of a Gaussian process
        that proposes every point), cpu and cpu_main (s per trial: of the coordinator, of its thread that serves the
        groups), resources (first and last look at the coordinator), group_resources (the same of the first group).
    """
    trials = [one["trials"] for one in groups]
    received = [trial["received"] for one in trials for trial in one]
    start, stop = min(received), max(trial["sent"] for one in trials for trial in one)
    waits = sorted(dispatches(trials))
    (_, process, thread), (_, process_end, thread_end) = coordinator["cpu"][0], coordinator["cpu"][-1]
    asks = [ask for ask in coordinator["asks"] if ask["source"] not in SOURCES] or coordinator["asks"]
    ask = statistics.median(one["wall"] for one in asks)
    return {
        "utilisation": utilisation(trials, start, max(received)),
        "utilisation_whole": utilisation(trials, start, stop),
        "wall": stop - start,
        "dispatch": statistics.median(waits),
        "dispatch_p90": waits[int(0.9 * (len(waits) - 1))],
        "sources": dict(Counter(coordinator["sources"].values())),
        "ask": ask,
        "ask_cpu": statistics.median(one["cpu"] for one in asks),
        "ceiling": min(1.0, case.seconds / (case.groups * ask)),
        "cpu": (process_end - process) / case.trials,
        "cpu_main": (thread_end - thread) / case.trials,
        "resources": edges(coordinator["resources"]),
        "group_resources": edges(groups[0]["resources"]),
    }


def utilisation(groups: Sequence[Sequence[Trial]], start: float, stop: float) -> float:
    """Return the share of a window that the groups spent in the objective.

    >>> utilisation([[{"begin": 0.0, "end": 6.0}], [{"begin": 1.0, "end": 4.0}]], 0.0, 5.0)
    0.8
    """
    spent = sum(max(0.0, min(one["end"], stop) - max(one["begin"], start)) for group in groups for one in group)
    return spent / (len(groups) * (stop - start))


def dispatches(groups: Sequence[Sequence[Trial]]) -> list[float]:
    """Return how long each group waited, from every outcome sent to its next assignment received.

    >>> dispatches([[{"received": 0.0, "sent": 2.0}, {"received": 2.5, "sent": 4.0}]])
    [0.5]
    """
    return [after["received"] - before["sent"] for one in groups for before, after in pairwise(one)]


def edges(looks: Sequence[dict[str, float]]) -> list[dict[str, float]]:
    """Return the look at a process nearest to a hundred trials, when everything is loaded, and the last one."""
    return [looks[min(1, len(looks) - 1)], looks[-1]]


def reached(case: Case, figures: dict[str, Any]) -> bool | None:
    """Tell whether the utilisation is what the case asks for; None where it asks for nothing."""
    if case.target is None:
        return None
    return figures["utilisation"] >= case.target * (figures["ceiling"] if case.of_ceiling else 1.0)
