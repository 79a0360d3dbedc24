"""The training loop: epochs of steps, metrics, validation, checkpoints; reads top to bottom.

All ranks of a ring leave the loop at the same step: each step every rank posts a control word and reads the OR of what
all posted one step earlier. NaN is looked for on ring-averaged losses, and a checkpoint follows only a finite interval.
"""

import math
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from hvdgan.backends.interface import Batch, Gan, Rates
from hvdgan.calo.shower import Showers
from hvdgan.config import Training
from hvdgan.data.stream import stream
from hvdgan.errors import HvdganError, NotFiniteError
from hvdgan.parallel.agreement import gather_texts, lead
from hvdgan.parallel.ring import Ring
from hvdgan.parallel.world import mark_agreed
from hvdgan.training.checkpoint import Saved, save_checkpoint
from hvdgan.training.course import Course
from hvdgan.training.draws import draw
from hvdgan.training.meter import Meter
from hvdgan.training.validation import Validation

PREEMPT, STOP, PRUNE = 1, 2, 4
"""Bits of the control word: checkpoint and leave, leave now, leave because the study advises it."""

ENDINGS = {PREEMPT: "preempted", STOP: "stopped", PRUNE: "pruned"}


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
    """

    epoch: int = 0
    step: int = 0
    steps: int = 0
    merit: float | None = None
    best_epoch: int = 0
    untrained: float | None = None


@dataclass(frozen=True)
class Result:
    """How a training ended.

    Args:
        ending: "done", "preempted", "stopped" or "pruned".
        position: Where it stands.
        events_per_second: Of the whole ring, over the training steps of this process.
    """

    ending: str
    position: Position
    events_per_second: float


@dataclass(frozen=True)
class Hooks:
    """What the loop asks from, and tells to, the outside.

    Args:
        word: This rank's wishes as control bits, asked at every step.
        record: Takes each line of metrics, on rank 0.
        beat: Called at every step: the process makes progress.
        manifest: Plain values to keep in every checkpoint.
    """

    word: Callable[[], int] = lambda: 0
    record: Callable[[dict[str, Any]], None] = lambda row: None
    beat: Callable[[], None] = lambda: None
    manifest: dict[str, Any] = field(default_factory=dict)


class Run:
    """One training: networks, ring, events, settings, and where it stands."""

    def __init__(self, gan: Gan, ring: Ring, course: Course, settings: Training, directory: Path, hooks: Hooks) -> None:
        """Prepare; nothing is read or computed yet.

        Args:
            gan: The networks, built over the same ring.
            ring: The ranks that train together.
            course: The events.
            settings: Section `training` of the configuration.
            directory: Folder of the checkpoints.
            hooks: Ties to the outside.
        """
        self.gan, self.ring, self.course, self.settings = gan, ring, course, settings
        self.directory, self.hooks = directory, hooks
        self.position = Position()
        self._meter = Meter(ring.size * settings.batch_size)
        rate = settings.learning_rate * (ring.size if settings.scale_rate else 1)
        self._rates = Rates(rate, rate * settings.discriminator_rate)

    def train(self, validation: Validation, saved: Saved | None = None, baseline: bool = True) -> Result:
        """Train to the last epoch, or until somebody wants to leave. Collective.

        Args:
            validation: Gives the figure of merit after every epoch.
            saved: A checkpoint to go on from; only rank 0's is looked at.
            baseline: Also measure the untrained generator.

        Raises:
            NotFiniteError: A loss became NaN or infinite; on every rank at the same step.
            HvdganError: The weights of the ranks differ at the end of an epoch.
        """
        self._start_alike(saved)
        if baseline and self.position.untrained is None:
            self.position = replace(self.position, untrained=validation.measure(self.gan).value)
            self._record("untrained", {"merit": self.position.untrained})
        while self.position.epoch < self.settings.epochs:
            word = self._train_epoch()
            if word:
                return self._leave(word)
            self._finish_epoch(validation)
        return self._result("done")

    def _start_alike(self, saved: Saved | None) -> None:
        """Give every rank rank 0's state and position."""
        position = saved.manifest["position"] if saved else asdict(self.position)
        self.position = Position(**lead(self.ring, lambda: position))
        self.gan.restore(self.ring.broadcast(saved.state if saved else self.gan.state()))

    def _train_epoch(self) -> int:
        """Train to the end of the epoch; return the control word that ended it early, or 0."""
        batches = self._stream()
        waited = 0.0
        self._meter.begin()
        with closing(batches):
            for showers in batches:
                self._step(showers)
                word = self.ring.exchange_word(self.hooks.word())
                due = self.position.step % self.settings.metric_every == 0
                if due or word:
                    self._check_losses(batches.waited - waited)
                    waited = batches.waited
                if word:
                    return word
        self._check_losses(batches.waited - waited)
        return 0

    def _stream(self) -> Any:
        """Open this rank's batches of the current epoch, from the current step on."""
        return stream(
            self.course.files, self.course.train, self.ring.rank, self.ring.size, self.settings.batch_size,
            seed=self.settings.seed, epoch=self.position.epoch, block=self.settings.shuffle_block,
            first_step=self.position.step,
        )  # fmt: skip

    def _step(self, showers: Showers) -> None:
        """Do one step and move the position."""
        self.hooks.beat()
        batch = Batch(showers.images[self.course.detector], showers.conditions.energy)
        noise = draw(
            self.settings.seed, self.position.steps, self.ring.rank * len(batch), len(batch),
            self.gan.spec.latent_size, energies=self.course.energies, label_flip=self.settings.label_flip,
        )  # fmt: skip
        self.gan.train_step(batch, noise, self._rates)
        self._meter.count()
        self.position = replace(self.position, step=self.position.step + 1, steps=self.position.steps + 1)

    def _check_losses(self, waited: float) -> None:
        """Average the losses since the last look over the ring, refuse NaN, record a line."""
        if not self._meter.pending:
            return
        losses = self.ring.mean(self.gan.metrics())
        bad = [name for name, value in losses.items() if not math.isfinite(value)]
        if bad:
            error = NotFiniteError(
                f"{', '.join(bad)} became {losses[bad[0]]} by step {self.position.steps}; "
                "lower training.learning_rate or look for broken showers with `hvdgan inspect`"
            )
            raise mark_agreed(error, self.ring.size)
        self._record("step", {**losses, **self._meter.read(waited)})

    def _finish_epoch(self, validation: Validation) -> None:
        """Validate, compare the replicas, store a checkpoint."""
        self.gan.average_statistics()
        self._compare_replicas()
        merit = validation.measure(self.gan).value
        best = self.position.merit is None or merit < self.position.merit
        epoch = self.position.epoch + 1
        self.position = replace(self.position, epoch=epoch, step=0)
        if best:
            self.position = replace(self.position, merit=merit, best_epoch=epoch)
        self._record("epoch", {"merit": merit, "best_merit": self.position.merit})
        if best or epoch % self.settings.checkpoint.every == 0 or epoch == self.settings.epochs:
            self._save(best)

    def _compare_replicas(self) -> None:
        """Refuse to go on when the ranks hold different weights."""
        digests = gather_texts(self.ring, self.gan.digest())
        strangers = [rank for rank, digest in enumerate(digests) if digest != digests[0]]
        if strangers:
            error = HvdganError(
                f"after epoch {self.position.epoch + 1} the weights of ranks {strangers} differ from those of rank 0; "
                "are all ranks of the ring on the same kind of processor and the same libraries? see `hvdgan doctor`"
            )
            raise mark_agreed(error, self.ring.size)

    def _leave(self, word: int) -> Result:
        """End early: with a checkpoint, when that was the wish and nobody wants to leave at once."""
        strongest = max(bit for bit in ENDINGS if word & bit)
        if strongest == PREEMPT:
            self.gan.average_statistics()
            self._save(best=False)
        return self._result(ENDINGS[strongest])

    def _save(self, best: bool) -> None:
        """Store a checkpoint, on rank 0; an error there reaches every rank."""
        manifest = {**self.hooks.manifest, "position": asdict(self.position), "world": self.ring.size}
        keep = self.settings.checkpoint.keep
        lead(
            self.ring,
            lambda: str(save_checkpoint(self.directory, self.position.steps, self.gan.state(), manifest, best, keep)),
        )

    def _record(self, kind: str, values: dict[str, Any]) -> None:
        """Tell a line of metrics, on rank 0."""
        if self.ring.rank == 0:
            where = {"epoch": self.position.epoch, "steps": self.position.steps}
            self.hooks.record({"kind": kind, **where, **values})

    def _result(self, ending: str) -> Result:
        """Sum the run up."""
        return Result(ending, self.position, self._meter.events_per_second())
