"""A training in miniature: some steps, a checkpoint, showers from it; and what these cost on this machine.

Steps, validation and checkpoint are those of `train`, which is asked to leave early.
"""

import resource
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from hvdgan.backends import load
from hvdgan.backends.interface import Gan
from hvdgan.calo.shower import Conditions
from hvdgan.config import Config
from hvdgan.errors import NotFiniteError
from hvdgan.parallel.agreement import lead
from hvdgan.parallel.exchange import Exchange
from hvdgan.parallel.ring import Ring
from hvdgan.parallel.shards import model_of
from hvdgan.parallel.watchdog import BITES, Watchdog
from hvdgan.run.build import opened, plan_course, train_once
from hvdgan.run.generate import build_from
from hvdgan.training.checkpoint import load_checkpoint
from hvdgan.training.loop import PREEMPT, Hooks

EVENTS = 64
"""Showers that are generated, and compared with held-out ones."""

MOST_STEPS, ENOUGH = 20, 1.0
"""Steps and seconds after which enough was seen; two steps are done in any case, and the first one does not count."""

FOREVER = 10**6
"""Epochs that a rehearsal never reaches."""


@dataclass(frozen=True)
class Measured:
    """What a training costs.

    Args:
        ranks: Of the ring.
        models: That they hold.
        parameters: By network.
        events: Events to train on, and held out.
        steps: Of an epoch.
        step: Seconds of one, of the whole ring.
        generation: Seconds in which one process makes one shower.
        validated: Held-out events that an epoch's validation compares.
        checkpoint: Its size in bytes.
        memory: Most memory that a rank took, in bytes.
        device: Most memory that a rank took of its GPU, in bytes.
        angles: Range of theta in radians; None where all particles enter alike.
    """

    ranks: int
    models: int
    parameters: dict[str, int]
    events: tuple[int, int]
    steps: int
    step: float
    generation: float
    validated: int
    checkpoint: int
    memory: int
    device: int
    angles: tuple[float, float] | None

    @property
    def validation(self) -> float:
        """Seconds of an epoch's validation."""
        return self.generation * self.validated / self.models

    @property
    def epoch(self) -> float:
        """Seconds of an epoch."""
        return self.steps * self.step + self.validation


def rehearse(config: Config, ring: Ring, exchange: Exchange, number: int | None) -> Measured | None:
    """Do some steps, store a checkpoint, and generate from it. Collective.

    Args:
        config: The configuration.
        ring: The ranks that train together.
        exchange: With other rings that train replicas.
        number: The fold that is left out, or None for the hold-out of `data.validation`.

    Returns:
        What it costs; None on the rings of replicas that do not speak for the training.

    Raises:
        HvdganError: Whatever would end a training.
    """
    small = config.replace(
        {
            "data.validation_events": min(config.data.validation_events, max(EVENTS, model_of(ring).size)),
            "training.metric_every": 1,
            "training.epochs": FOREVER,
            "study.space": {},
            "study.enqueue": [],
        }
    )
    enough, rows = Enough(ring.rank == 0), []
    with TemporaryDirectory() as folder, Watchdog(BITES * config.training.stall_timeout) as watchdog:

        def beat() -> None:
            enough.begin()
            watchdog.beat()

        train_once(small, ring, Path(folder), Hooks(enough.word, rows.append, beat), number, exchange=exchange)
        if not exchange.leads:
            return None
        memory, device = _peak(config, ring)
        told = lead(ring, lambda: _reopen(small, Path(folder)))
    with opened(config, ring) as files:
        course = plan_course(config, files, number)
    speeds = [row["events_per_second"] for row in rows if row["kind"] == "step"]
    models = model_of(ring).size
    events_per_step = exchange.replicas * models * config.training.batch_size
    told["step"] = lead(ring, lambda: events_per_step / median(filter(None, speeds[1:])))
    events = len(course.train), len(course.held_out)
    validated = min(events[1], config.data.validation_events)
    seen = {"events": events, "validated": validated, "angles": course.angles}
    return Measured(ring.size, models, memory=memory, device=device, **seen, **told)


class Enough:
    """The wish to leave once steps took long enough; one rank speaks for the ring.

    A word is read one step after it was posted, so two steps are done at least.

    Args:
        speaks: Whether this rank is the one.
    """

    def __init__(self, speaks: bool) -> None:
        self._speaks = speaks
        self._steps, self._seconds, self._begun = 0, 0.0, 0.0

    def begin(self) -> None:
        """Take note that a step begins."""
        self._begun = time.perf_counter()

    def word(self) -> int:
        """Take note that a step is done, and return the control word."""
        self._steps += 1
        self._seconds += time.perf_counter() - self._begun
        return PREEMPT * (self._speaks and (self._seconds > ENOUGH or self._steps + 1 >= MOST_STEPS))


def _reopen(config: Config, folder: Path) -> dict[str, Any]:
    """Read the checkpoint back and generate from it; return its size, the networks' and the time per shower."""
    saved = load_checkpoint(folder)
    with closing(build_from(config, saved)) as gan:
        _generate(gan)  # the first time is slower
        start = time.perf_counter()
        images = _generate(gan)
        generation = (time.perf_counter() - start) / EVENTS
        parameters = gan.parameters()
    if not np.isfinite(images).all():
        raise NotFiniteError("generated showers hold NaN or infinity after a few steps; lower training.learning_rate")
    size = sum(array.nbytes for array in saved.state.values())
    steps = saved.manifest["steps_per_epoch"]
    return {"generation": generation, "parameters": parameters, "checkpoint": size, "steps": steps}


def _generate(gan: Gan) -> np.ndarray:
    """Generate some showers of all classes."""
    particles = np.resize(gan.spec.particles, EVENTS)
    return gan.generate(Conditions.perpendicular(np.linspace(50.0, 200.0, EVENTS), particles), 0)


def _peak(config: Config, ring: Ring) -> tuple[int, int]:
    """Return the most memory that a rank of the ring took until now, and of its GPU, in bytes. Collective."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    taken = ring.gather(np.array([[own, load(config.gan.backend).peak_memory()]], dtype=np.int64))
    memory, device = taken.max(axis=0)
    return int(memory), int(device)
