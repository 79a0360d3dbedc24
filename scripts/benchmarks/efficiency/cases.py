"""The cases: how many groups, what kind of trials, which sampler, and what the issue asks of them."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One study to measure.

    Args:
        name: What the command line calls it.
        groups: Groups of one rank each, beside the coordinator.
        seconds: Mean time of a trial; its spread is `emulation.SPREAD` of it.
        sampler: `study.sampler`.
        trials: How many of them.
        target: Utilisation to reach while the study has trials to give; None asks for nothing.
        of_ceiling: Whether the target is a share of the Gaussian process's ceiling.
        dispatch: Seconds under which the median dispatch should stay; None asks for nothing.
        reports: Judged reports of a trial, to a median pruner.
        parameters: How many of `emulation.SPACE` are searched.
    """

    name: str
    groups: int
    seconds: float
    sampler: str
    trials: int
    target: float | None = None
    of_ceiling: bool = False
    dispatch: float | None = None
    reports: int = 0
    parameters: int = 5


DEFAULT = (
    Case("gp-10s", 8, 10.0, "gp", 48, target=0.97, dispatch=0.030),
    Case("tpe-1s", 8, 1.0, "tpe", 200, target=0.85),
    Case("gp-1s", 8, 1.0, "gp", 200, target=0.90, of_ceiling=True),
    Case("gp-10s-32", 32, 10.0, "gp", 160),
    Case("random-1ms", 2, 0.001, "random", 1000),
    Case("judged-1ms", 2, 0.001, "random", 1000, reports=5),
)
"""What runs without options."""

QUICK = (
    Case("tpe-1s", 8, 1.0, "tpe", 64, target=0.85),
    Case("gp-1s", 8, 1.0, "gp", 64, target=0.90, of_ceiling=True),
    Case("random-1ms", 2, 0.001, "random", 200),
)
"""What runs with --quick."""


def select(names: Sequence[str], cases: Sequence[Case]) -> list[Case]:
    """Return the cases of some names, all of them for no name.

    Raises:
        ValueError: There is no such case; says which ones there are.
    """
    known = {case.name: case for case in cases}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"there is no case {unknown[0]}; choose from {', '.join(known)}")
    return [known[name] for name in names] or list(cases)
