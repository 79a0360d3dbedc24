"""The training loop: epochs of steps, metrics, validation, checkpoints; reads top to bottom.

All ranks of a ring leave the loop at the same step: each step every rank posts a control word and reads the OR of what
all posted one step earlier. NaN is looked for on ring-averaged losses, and a checkpoint follows only a finite interval.

Where several rings train replicas, they share the steps of an epoch as they come and meet at its end; one of them
judges and stores the centre while the others go on.
"""

import math
from contextlib import closing
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any

from hvdgan.backends.interface import Gan
from hvdgan.calo.shower import Showers
from hvdgan.config import Training
from hvdgan.data.stream import stream
from hvdgan.errors import HvdganError, NotFiniteError
from hvdgan.parallel.agreement import gather_texts, lead
from hvdgan.parallel.exchange import DONE, Exchange, NoExchange
from hvdgan.parallel.ring import Ring
from hvdgan.parallel.shards import model_of
from hvdgan.parallel.world import mark_agreed
from hvdgan.training.checkpoint import Saved, has_checkpoint, load_checkpoint, save_checkpoint
from hvdgan.training.course import Course
from hvdgan.training.draws import draw
from hvdgan.training.meter import Meter
from hvdgan.training.rates import learning_rates
from hvdgan.training.sharing import Sharing
from hvdgan.training.standing import Hooks, Position, Result, Timing, Walk
from hvdgan.training.validation import Validation

PREEMPT, STOP, PRUNE = 1, 2, 4
"""Bits of the control word: checkpoint and leave, leave now, leave because the study advises it."""

ENDINGS = {PREEMPT: "preempted", STOP: "stopped", PRUNE: "pruned"}


class Run:
    """One training: networks, ring, events, settings, and where it stands."""

    def __init__(
        self,
        gan: Gan,
        ring: Ring,
        course: Course,
        settings: Training,
        directory: Path,
        hooks: Hooks,
        exchange: Exchange | None = None,
    ) -> None:
        """Prepare; nothing is read or computed yet.

        Args:
            gan: The networks, built over the same ring.
            ring: The ranks that train together.
            course: The events.
            settings: Section `training` of the configuration.
            directory: Folder of the checkpoints.
            hooks: Ties to the outside.
            exchange: With other rings that train replicas; None where there are none.
        """
        self.exchange = exchange or NoExchange()
        self.gan, self.ring, self.course, self.settings = gan, ring, course, settings
        self.directory, self.hooks = directory, hooks
        self.position, self.timing, self.walk = Position(), Timing(), Walk()
        self._models = model_of(ring).size
        self._meter = Meter(self._models * settings.batch_size)
        self._all = self.exchange.replicas * self._models
        self._number = self.exchange.replica * self._models + model_of(ring).rank
        self._steps = course.steps(self._all, settings.batch_size)
        self._sharing = Sharing(gan, ring, self.exchange, directory, settings.checkpoint.keep)

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
        self.walk = self._sharing.start(self.position, self._steps)
        if baseline and self.position.untrained is None and self.exchange.leads:
            self.position = replace(self.position, untrained=validation.measure(self.gan).merit.value)
            self._record("untrained", {"merit": self.position.untrained})
        while not self._at_end():
            word = self._meet(self._train_epoch())
            if word:
                return self._leave(word)
            self._finish_epoch(validation)
        self.exchange.tell(DONE)
        return self._result("done")

    def _at_end(self) -> bool:
        """Tell whether the last epoch is done, or, where they are judged, too many without a better merit."""
        waited = self.exchange.leads * (self.position.epoch - self.position.best_epoch)
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
        self._meter.begin()
        allowed, word = self.walk.steps + self.exchange.claim(self.position.epoch), 0
        for _ in self.exchange.laps():
            word = self._walk_on(allowed - self.walk.steps)
            if word or self.walk.steps == allowed:
                break
        return word

    def _walk_on(self, allowed: int) -> int:
        """Train to the end of the lap, or for as many steps as are allowed; return the control word, or 0."""
        batches = self._stream()
        waited, word = 0.0, 0
        with closing(batches):
            for showers in islice(batches, allowed):
                self._step(showers)
                word = self.ring.exchange_word(self.hooks.word() | self.exchange.word())
                due = self.position.step % self.settings.metric_every == 0
                if due or word:
                    self._check_losses(batches.waited - waited)
                    waited = batches.waited
                if word:
                    return word
        self._check_losses(batches.waited - waited)
        if self.walk.step == self._steps:
            self.walk = Walk(self.walk.lap + 1, 0, self.walk.steps)
        return 0

    def _stream(self) -> Any:
        """Open this rank's batches of the current lap, from the current step on."""
        return stream(
            self.course.files, self.course.train, self._number, self._all, self.settings.batch_size,
            seed=self.settings.seed, epoch=self.walk.lap, block=self.settings.shuffle_block,
            first_step=self.walk.step,
        )  # fmt: skip

    def _step(self, showers: Showers) -> None:
        """Do one step and move the position."""
        self.hooks.beat()
        batch = self.course.batch(showers)
        noise = draw(
            self.settings.seed, self.walk.steps, self._number * len(batch), len(batch),
            self.gan.spec.latent_size, passes=self.gan.passes, classes=len(self.course.particles),
            energies=self.course.energies, label_flip=self.settings.label_flip, angles=self.course.angles,
        )  # fmt: skip
        rates = learning_rates(self.settings, self._models, self.position.steps, self._steps)
        self.gan.train_step(batch, noise, rates)
        self._meter.count()
        self.position = replace(self.position, step=self.position.step + 1, steps=self.position.steps + 1)
        self.walk = replace(self.walk, step=self.walk.step + 1, steps=self.walk.steps + 1)
        self._sharing.swap(self.walk.steps)

    def _meet(self, word: int) -> int:
        """Come together with the other replicas; return the word of all, and take over how far all are."""
        led = self.exchange.leads
        word = self.exchange.meet(word)
        believed = self.position.epoch * self._steps + self.position.step
        more = self.exchange.progress(believed) - believed
        self.position = replace(self.position, step=self.position.step + more, steps=self.position.steps + more)
        if self.exchange.leads and not led:
            self._inherit()
        return word

    def _inherit(self) -> None:
        """Take over what was known to the replica that spoke for the training and was lost: its last checkpoint."""
        standing = lead(self.ring, self._stored_standing)
        known = {name: standing["position"][name] for name in ("merit", "best_epoch", "untrained", "curve")}
        self.position, self.timing = replace(self.position, **known), Timing(**standing["timing"])

    def _stored_standing(self) -> dict[str, Any]:
        """Return the standing in the latest checkpoint, or that of a beginning."""
        if not has_checkpoint(self.directory):
            return {"position": asdict(Position()), "timing": asdict(Timing())}
        manifest = load_checkpoint(self.directory).manifest
        return {name: manifest[name] for name in self._standing()}

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
        interval = self._meter.read(waited, self.exchange.count(self._meter.pending))
        seconds, events = self.timing.training + interval.seconds, self.timing.events + interval.events
        self.timing = replace(self.timing, training=seconds, events=events)
        self._record("step", {**losses, **interval.figures()})

    def _finish_epoch(self, validation: Validation) -> None:
        """Compare the ranks, store a checkpoint, and validate where the training is judged."""
        self.gan.average_statistics()
        self._compare_ranks()
        self._sharing.store(self.walk, self.position.steps)
        if self.exchange.leads:
            with self._sharing.at_centre():
                self._judge(validation)
        else:
            self.position = replace(self.position, epoch=self.position.epoch + 1, step=0)

    def _judge(self, validation: Validation) -> None:
        """Validate, and store the networks."""
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

    def _compare_ranks(self) -> None:
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
        strongest = max((bit for bit in ENDINGS if word & bit), default=0)
        if strongest == PREEMPT:
            self.gan.average_statistics()
            self._sharing.store(self.walk, self.position.steps)
            if self.exchange.leads:
                with self._sharing.at_centre():
                    self._save(best=False)
        return self._result(ENDINGS.get(strongest, "done"))

    def _save(self, best: bool) -> None:
        """Store a checkpoint of the whole networks, on rank 0, once all replicas have; an error reaches every rank."""
        self.exchange.await_stored()
        state, ranks = self.gan.state(), self.exchange.replicas * self.ring.size
        manifest = {**self.hooks.manifest, **self._standing(), "world": ranks}
        keep = self.settings.checkpoint.keep
        lead(
            self.ring,
            lambda: str(save_checkpoint(self.directory, self.position.steps, state, manifest, best, keep)),
        )

    def _record(self, kind: str, values: dict[str, Any]) -> None:
        """Tell a line of metrics, on rank 0."""
        if self.ring.rank == 0 and self.exchange.leads:
            where = {"epoch": self.position.epoch, "steps": self.position.steps}
            self.hooks.record({"kind": kind, **where, **values})

    def _standing(self) -> dict[str, Any]:
        """Return position and timing as a checkpoint keeps them."""
        return {"position": asdict(self.position), "timing": asdict(self.timing)}

    def _result(self, ending: str) -> Result:
        """Sum the run up."""
        return Result(ending, self.position, self.timing)
