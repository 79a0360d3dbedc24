"""Where a training stands, what it costs, how it ended, and its ties to the outside: plain values."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Position:
    """Where a run stands; kept in every checkpoint.

    Args:
        epoch: Epochs finished.
        step: Steps done in the current epoch.
        steps: Steps done in all.
        merit: The best figure of merit so far, None before the first validation of a trained generator.
        best_epoch: The epoch that gave it.
        untrained: Merit of the generator before the first step, where it was measured.
        curve: Merit after every epoch.
    """

    epoch: int = 0
    step: int = 0
    steps: int = 0
    merit: float | None = None
    best_epoch: int = 0
    untrained: float | None = None
    curve: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Walk:
    """How far a ring has walked through its own part of the events; where it is alone, this is the position.

    Args:
        lap: Walks finished; each is through other events, in another order.
        step: Steps done in the current one.
        steps: Steps done in all.
    """

    lap: int = 0
    step: int = 0
    steps: int = 0


@dataclass(frozen=True)
class Timing:
    """What a run costs; kept in every checkpoint, beside the position.

    Args:
        training: Seconds of training steps in all, without validation.
        events: Events that all ranks trained on in that time, those of other replicas included.
        generation: Seconds in which one process makes one shower, at the best of all validations; None before the
            first one.
    """

    training: float = 0.0
    events: int = 0
    generation: float | None = None

    @property
    def events_per_second(self) -> float:
        """Return the events of all ranks per second; 0 before the first step."""
        return self.events / self.training if self.training else 0.0


@dataclass(frozen=True)
class Result:
    """How a training ended.

    Args:
        ending: "done", "preempted", "stopped" or "pruned".
        position: Where it stands.
        timing: What it cost, earlier attempts included.
        metrics: Of the best epoch, by name, where some were asked for; see `appraisal`.
    """

    ending: str
    position: Position
    timing: Timing
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Hooks:
    """What the loop asks from, and tells to, the outside.

    Args:
        word: This rank's wishes as control bits, asked at every step.
        record: Takes each line of metrics, on rank 0 of the ring that speaks for the training.
        beat: Called at every step: the process makes progress.
        manifest: Plain values to keep in every checkpoint.
    """

    word: Callable[[], int] = lambda: 0
    record: Callable[[dict[str, Any]], None] = lambda row: None
    beat: Callable[[], None] = lambda: None
    manifest: dict[str, Any] = field(default_factory=dict)
