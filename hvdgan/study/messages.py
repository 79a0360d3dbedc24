"""What travels between the coordinator and the groups, and the four endings of a trial."""

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Verdict = Literal["go", "prune", "preempt", "stop"]
"""What `Control.report` answers: go on, give the trial up, checkpoint and leave, or leave now."""


@dataclass(frozen=True)
class Assignment:
    """One trial for one group.

    Args:
        number: The trial's number in the study.
        attempt: 0 for the first try; retries and resumed trials count up.
        params: Dotted config names and their values.
        directory: Where the trial may write; an opaque string to `study`.
        resume_from: An opaque path to continue from, or None.
    """

    number: int
    params: dict[str, Any]
    directory: str
    attempt: int = 0
    resume_from: str | None = None


@dataclass(frozen=True)
class Stop:
    """Nothing is left to do: the group goes home."""

    reason: str = "done"


@dataclass(frozen=True)
class Report:
    """An intermediate value of a running trial, for the table, the log and (later) the pruner.

    Args:
        number: The trial.
        step: The epoch, counted over all folds.
        values: Plain numbers by name ("merit", "events_per_second", "fold", "epoch", ...).
    """

    number: int
    step: int
    values: dict[str, float]


@dataclass(frozen=True)
class Done:
    """The trial has a value.

    Args:
        values: One per objective.
        details: Plain numbers and texts to keep with the trial; `folds` lists the value of each fold.
    """

    values: tuple[float, ...]
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Pruned:
    """The trial was given up on the study's advice, at a step."""

    step: int
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed:
    """The trial has no value.

    Args:
        kind: "exception", "nan", "stall", "oom", "lost" or "config".
        message: What happened, where (rank, host) and, for exceptions, the remote traceback.
    """

    kind: str
    message: str
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Preempted:
    """The trial was asked to leave and can be continued from a checkpoint."""

    checkpoint: str | None
    details: dict[str, Any] = field(default_factory=dict)


Outcome = Done | Pruned | Failed | Preempted
"""How a trial ends; there is no fifth way."""


class Control(Protocol):
    """The objective's line to the coordinator; rank 0 of a group speaks for it."""

    def report(self, step: int, values: dict[str, float]) -> Verdict:
        """Tell an intermediate value and learn whether to go on."""
