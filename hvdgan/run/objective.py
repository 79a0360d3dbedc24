"""The objective of a study: one trial, trained by one group of processes, gives one figure of merit."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hvdgan.config import Config
from hvdgan.files import append_json_line
from hvdgan.parallel.agreement import lead, together
from hvdgan.parallel.ring import Ring
from hvdgan.parallel.watchdog import Watchdog
from hvdgan.parallel.world import World
from hvdgan.run.build import train_once
from hvdgan.run.processes import open_ring
from hvdgan.study.messages import Assignment, Control, Done, Outcome, Preempted, Pruned
from hvdgan.training.checkpoint import Saved, has_checkpoint, load_checkpoint
from hvdgan.training.crossval import FoldValues, cross_validate
from hvdgan.training.interrupt import Interrupt
from hvdgan.training.loop import PREEMPT, PRUNE, STOP, Hooks, Result

WORDS = {"go": 0, "prune": PRUNE, "preempt": PREEMPT, "stop": STOP}
"""The study's advice as control bits of the training loop."""


@dataclass(frozen=True)
class Objective:
    """Trains trials of a study; called by every rank of a group.

    Args:
        config: The study's configuration; a trial's parameters are set in it.
        interrupt: Whether somebody asked this process to leave.
    """

    config: Config
    interrupt: Interrupt

    def __call__(self, assignment: Assignment, group: World, control: Control) -> Outcome:
        """Train one trial with cross validation and return its merit.

        Raises:
            HvdganError: The trial has no value; the worker makes a Failed of it.
        """
        config = self.config.replace(assignment.params)
        with open_ring(config, group) as ring:
            trial = Trial(config, ring, assignment, control, self.interrupt)
            values = cross_validate(trial.train_fold, config.study.folds)
            return trial.early_ending() or Done((values.mean,), trial.details(values))


class Trial:
    """One trial on its ring: turns lines of metrics into reports, and advice into control bits."""

    def __init__(
        self, config: Config, ring: Ring, assignment: Assignment, control: Control, interrupt: Interrupt
    ) -> None:
        """Start before the first fold. Collective."""
        self._config, self._ring, self._directory = config, ring, Path(assignment.directory)
        self._earlier = Path(assignment.resume_from) if assignment.resume_from else None
        self._control, self._interrupt = control, interrupt
        self._fold, self._advice = 0, 0
        self._results: list[Result] = []
        lead(ring, lambda: self._directory.mkdir(parents=True, exist_ok=True))

    def train_fold(self, fold: int) -> float | None:
        """Train with one fold left out; return its merit there, or None when the training ended early."""
        self._fold = fold
        number = fold if self._config.study.folds > 1 else None
        with Watchdog(self._config.training.stall_timeout) as watchdog:
            hooks = Hooks(self._word, self._record, watchdog.beat)
            folder = self._directory / f"fold-{fold}"
            saved = self._saved(fold)
            result = train_once(self._config, self._ring, folder, hooks, number, saved, baseline=False)
        self._results.append(result)
        return result.position.merit if result.ending == "done" else None

    def _saved(self, fold: int) -> Saved | None:
        """Return where an earlier attempt at this trial left a fold, on rank 0; None when it did not begin it."""
        folder = self._earlier / f"fold-{fold}" if self._earlier else None
        return together(self._ring, lambda: load_checkpoint(folder) if self._leads(folder) else None)

    def _leads(self, folder: Path | None) -> bool:
        """Tell whether this rank reads a checkpoint from a folder."""
        return self._ring.rank == 0 and folder is not None and has_checkpoint(folder)

    def early_ending(self) -> Outcome | None:
        """Return how the trial ended before its time, in the study's words; None when it did not."""
        last = self._results[-1]
        if last.ending == "done":
            return None
        if last.ending == "pruned":
            return Pruned(self._fold * self._config.training.epochs + last.position.epoch)
        return Preempted(str(self._directory))

    def details(self, values: FoldValues) -> dict[str, Any]:
        """Return what is kept with the trial beside its value."""
        positions = [result.position for result in self._results]
        return {
            "folds": list(values.values),
            "spread": values.spread,
            "best_epochs": [position.best_epoch for position in positions],
            "events_per_second": [round(result.events_per_second, 1) for result in self._results],
        }

    def _word(self) -> int:
        """Return what this rank wants of the loop."""
        return self._advice | PREEMPT * self._interrupt.wanted

    def _record(self, row: dict[str, Any]) -> None:
        """Store a line of metrics and report it; on rank 0 of the ring."""
        append_json_line(self._directory / "metrics.jsonl", {"fold": self._fold, **row})
        step = self._fold * self._config.training.epochs + row["epoch"]
        numbers = {name: value for name, value in row.items() if isinstance(value, int | float)}
        self._advice |= WORDS[self._control.report(step, {"fold": self._fold, **numbers})]
