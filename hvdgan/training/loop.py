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

from hvdgan.backends.interface import Gan
from hvdgan.calo.shower import Showers
from hvdgan.config import Training
from hvdgan.data.stream import stream
from hvdgan.errors import HvdganError, NotFiniteError
from hvdgan.parallel.agreement import gather_texts, lead
from hvdgan.parallel.ring import Ring
from hvdgan.parallel.shards import place
from hvdgan.parallel.world import mark_agreed
from hvdgan.training.checkpoint import Saved, save_checkpoint
from hvdgan.training.course import Course
from hvdgan.training.draws import draw
from hvdgan.training.meter import Meter
from hvdgan.training.rates import learning_rates
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
class Timing:
    """What a run costs; kept in every checkpoint, beside the position.

    Args:
        training: Seconds of training steps in all, without validation.
        events: Events that all ranks of the ring trained on in that time.
        generation: Seconds in which one process makes one shower, at the best of all validations; None before the
            first one.
    """

    training: float = 0.0
    events: int = 0
    generation: float | None = None

    @property
    def events_per_second(self) -> float:
        """Return the events of the whole ring per second; 0 before the first step."""
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
        self.position, self.timing = Position(), Timing()
        self._place = place(ring)
        self._meter = Meter(self._place.size * settings.batch_size)
        self._steps = course.steps(self._place.size, settings.batch_size)

    def train(self, validation: Validation, saved: Saved | None = None, baseline: bool = True) -> Result:
        """Train to the last epoch, until it gets no better, or until somebody wants to leave. Collective.

        Args:
            validation: Gives the figure of merit after every epoch.
            saved: A checkpoint to go on from; only rank 0's is looked at.
            baseline: Also measure the untrained generator.

        Raises:
            NotFiniteError: A loss became NaN or infinite; on every rank at the same step.
            HvdganError: The weights of the ranks differ at the end of an epoch.
        """
        self._start_alike(saved)
        self.gan.prepare(self.settings.batch_size)
        if baseline and self.position.untrained is None:
            self.position = replace(self.position, untrained=validation.measure(self.gan).merit.value)
            self._record("untrained", {"merit": self.position.untrained})
        while not self._at_end():
            word = self._train_epoch()
            if word:
                return self._leave(word)
            self._finish_epoch(validation)
        return self._result("done")

    def _at_end(self) -> bool:
        """Tell whether the last epoch is done, or too many without a better merit."""
        waited = self.position.epoch - self.position.best_epoch
        return self.position.epoch >= self.settings.epochs or waited >= (self.settings.patience or math.inf)

    def _start_alike(self, saved: Saved | None) -> None:
        """Give every rank rank 0's state and position."""
        manifest = saved.manifest if saved else self._standing()
        standing = lead(self.ring, lambda: {name: manifest[name] for name in self._standing()})
        self.position, self.timing = Position(**standing["position"]), Timing(**standing["timing"])
        own = self.gan.state()
        self.gan.restore(self.ring.broadcast(saved.state if saved else own))

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
            self.course.files, self.course.train, self._place.rank, self._place.size, self.settings.batch_size,
            seed=self.settings.seed, epoch=self.position.epoch, block=self.settings.shuffle_block,
            first_step=self.position.step,
        )  # fmt: skip

    def _step(self, showers: Showers) -> None:
        """Do one step and move the position."""
        self.hooks.beat()
        batch = self.course.batch(showers)
        noise = draw(
            self.settings.seed, self.position.steps, self._place.rank * len(batch), len(batch),
            self.gan.spec.latent_size, passes=self.gan.passes, classes=len(self.course.particles),
            energies=self.course.energies, label_flip=self.settings.label_flip,
        )  # fmt: skip
        rates = learning_rates(self.settings, self._place.size, self.position.steps, self._steps)
        self.gan.train_step(batch, noise, rates)
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
        interval = self._meter.read(waited)
        seconds, events = self.timing.training + interval.seconds, self.timing.events + interval.events
        self.timing = replace(self.timing, training=seconds, events=events)
        self._record("step", {**losses, **interval.figures()})

    def _finish_epoch(self, validation: Validation) -> None:
        """Validate, compare the replicas, store a checkpoint."""
        self.gan.average_statistics()
        self._compare_replicas()
        judgement = validation.measure(self.gan)
        merit, generation = judgement.merit.value, judgement.generation_time
        best = self.position.merit is None or merit < self.position.merit
        epoch = self.position.epoch + 1
        self.position = replace(self.position, epoch=epoch, step=0, curve=[*self.position.curve, merit])
        self.timing = replace(self.timing, generation=min(generation, self.timing.generation or generation))
        if best:
            self.position = replace(self.position, merit=merit, best_epoch=epoch)
        costs = {"generation_time": generation, "training_time": self.timing.training}
        ailment = {"ailment": judgement.ailment} if judgement.ailment else {}
        self._record("epoch", {"merit": merit, "best_merit": self.position.merit, **costs, **ailment})
        if best or epoch % self.settings.checkpoint.every == 0 or self._at_end():
            self._save(best)

    def _compare_replicas(self) -> None:
        """Refuse to go on when ranks that should hold the same weights hold different ones."""
        digests = gather_texts(self.ring, self.gan.digest())
        model = digests[: self.ring.shards.count]
        strangers = [rank for rank, digest in enumerate(digests) if digest != model[rank % len(model)]]
        if strangers:
            error = HvdganError(
                f"after epoch {self.position.epoch + 1} the weights of ranks {strangers} differ from those of rank "
                f"{', '.join(map(str, range(len(model))))}; "
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
        """Store a checkpoint of the whole networks, on rank 0; an error there reaches every rank."""
        state = self.gan.state()
        manifest = {**self.hooks.manifest, **self._standing(), "world": self.ring.size}
        keep = self.settings.checkpoint.keep
        lead(
            self.ring,
            lambda: str(save_checkpoint(self.directory, self.position.steps, state, manifest, best, keep)),
        )

    def _record(self, kind: str, values: dict[str, Any]) -> None:
        """Tell a line of metrics, on rank 0."""
        if self.ring.rank == 0:
            where = {"epoch": self.position.epoch, "steps": self.position.steps}
            self.hooks.record({"kind": kind, **where, **values})

    def _standing(self) -> dict[str, Any]:
        """Return position and timing as a checkpoint keeps them."""
        return {"position": asdict(self.position), "timing": asdict(self.timing)}

    def _result(self, ending: str) -> Result:
        """Sum the run up."""
        return Result(ending, self.position, self.timing)
