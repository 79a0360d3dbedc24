"""One ring's part of a trial: trains its folds, with checkpoints, metrics and a voice in the group."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hvdgan.config import EVALUATED, Config
from hvdgan.files import append_json_line
from hvdgan.parallel.agreement import lead, together
from hvdgan.parallel.exchange import Exchange
from hvdgan.parallel.ring import Ring
from hvdgan.parallel.watchdog import Watchdog
from hvdgan.run.build import train_once
from hvdgan.run.conversation import Voice
from hvdgan.study.messages import Assignment
from hvdgan.training.checkpoint import Saved, has_checkpoint, load_checkpoint
from hvdgan.training.crossval import train_folds
from hvdgan.training.loop import Hooks, Result

METRICS = "metrics.jsonl"


@dataclass
class Trial:
    """The folds of one ring; used by every rank of it.

    Args:
        config: The configuration with the trial's parameters.
        assignment: The trial.
        voice: This rank's voice in the group.
        split_seed: Seeds which event belongs to which fold, the same in all trials of a study.
        folds: The folds of this ring.
        watchdog: Seconds without progress after which this process is ended; None never does.
    """

    config: Config
    assignment: Assignment
    voice: Voice
    split_seed: int
    folds: Sequence[int]
    watchdog: float | None

    def __post_init__(self) -> None:
        """Start with the first fold; `fold` is the current one."""
        self.fold = self.folds[0]

    def train(self, ring: Ring, exchange: Exchange) -> list[Result]:
        """Train the folds one after the other until one ends early; return how each ended. Collective.

        Args:
            ring: The ranks that train together with this one.
            exchange: With other rings that train replicas.
        """
        return train_folds(lambda fold: self._train_fold(ring, exchange, fold), self.folds)

    def _train_fold(self, ring: Ring, exchange: Exchange, fold: int) -> Result:
        """Train with one fold left out."""
        self.fold = fold
        number = fold if self.config.study.folds > 1 else None
        saved = together(ring, lambda: self._carry_over(exchange.replica) if ring.rank == 0 else None)
        lead(ring, lambda: self._folder.mkdir(parents=True, exist_ok=True))
        self.voice.begin(fold, saved.manifest["position"]["curve"] if saved else [])
        with Watchdog(self.watchdog) as watchdog:
            hooks = Hooks(self.voice.word, self._record, lambda: self._beat(watchdog))
            names = [name for name in self.config.study.objective if name in EVALUATED]
            result = train_once(
                self.config, ring, self._folder, hooks, number, saved, False, self.split_seed, names, exchange
            )
        if result.ending == "done":
            self.voice.end(fold, summarise(result))
        return result

    @property
    def _folder(self) -> Path:
        """Where the current fold writes."""
        return Path(self.assignment.directory, f"fold-{self.fold}")

    def _carry_over(self, replica: int) -> Saved | None:
        """Return where an earlier attempt left the current fold; None when it stored nothing of it.

        Its checkpoints are copied, so that an attempt after this one finds them here, and a fold that was finished
        before a preemption is never trained again, however often the trial is preempted.

        Args:
            replica: Which asks; the first one that has copied everything does it for all.
        """
        earlier = self.assignment.resume_from and Path(self.assignment.resume_from, self._folder.name)
        if not earlier or not has_checkpoint(earlier):
            return None
        if not self._folder.exists():
            temporary = self._folder.with_name(f".{self._folder.name}.{replica}.tmp")
            shutil.rmtree(temporary, ignore_errors=True)
            shutil.copytree(earlier, temporary, ignore=shutil.ignore_patterns(METRICS))
            try:
                temporary.rename(self._folder)
            except OSError:
                if not has_checkpoint(self._folder):
                    raise
                shutil.rmtree(temporary)
        return load_checkpoint(self._folder)

    def _beat(self, watchdog: Watchdog) -> None:
        """Say that this process makes progress."""
        watchdog.beat()
        self.voice.beat()

    def _record(self, row: dict[str, Any]) -> None:
        """Store a line of metrics and tell it; on rank 0 of the ring."""
        append_json_line(self._folder / METRICS, {"fold": self.fold, **row})
        numbers = {name: value for name, value in row.items() if isinstance(value, int | float)}
        say = self.voice.reach if row["kind"] == "epoch" else self.voice.tell
        say(self.fold, row["epoch"], numbers)


def summarise(result: Result) -> dict[str, float]:
    """Return the values of a finished fold: each objective by its name."""
    return {
        "merit": result.position.merit,
        "generation_time": result.timing.generation,
        "training_time": result.timing.training,
        **result.metrics,
    }
