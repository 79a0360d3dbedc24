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
    """Nothing is left to do: the group goes home.

    Args:
        reason: Why.
        lost: World ranks of the groups that were given up; those on its own host every rank ends before it leaves.
    """

    reason: str = "done"
    lost: tuple[int, ...] = ()


@dataclass(frozen=True)
class Advice:
    """What a running trial should do; always follows a report that is to be judged."""

    number: int
    verdict: Verdict


@dataclass(frozen=True)
class Alive:
    """A sign of life of a running trial (up) or of the coordinator (down)."""

    number: int | None = None


@dataclass(frozen=True)
class Report:
    """Intermediate values of a running trial, for the table, the log and the pruner.

    Args:
        number: The trial.
        step: The epoch, counted over all folds; of a judged report, its place on the trial's curve.
        values: Plain numbers by name ("merit", "events_per_second", "fold", "epoch", ...).
        judged: Whether the pruner judges the trial by it.
    """

    number: int
    step: int
    values: dict[str, float]
    judged: bool = False


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
        kind: "exception", "nan", "stall", "oom", "lost", "config", "preempted" or "unused".
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

    def report(self, step: int, values: dict[str, float], judged: bool = False) -> Verdict:
        """Tell intermediate values and learn whether to go on.

        Args:
            step: The epoch, counted over all folds; of a judged report, its place on the trial's curve.
            values: Plain numbers by name.
            judged: Whether the pruner judges the trial by them; waits a moment for its verdict.
        """

    def advice(self) -> Verdict:
        """Return the study's latest verdict; cheap enough for every step."""

    def beat(self) -> None:
        """Say that the trial makes progress; cheap enough for every step."""
