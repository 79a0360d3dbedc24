"""The appraisal: metrics beyond the figure of merit, of the best generator of a training, on events it never saw.

They cost seconds, not milliseconds, and are measured once, when the training is done.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hvdgan.backends.interface import Gan
from hvdgan.calo.metrics import measure
from hvdgan.calo.observables import AxisProfiles
from hvdgan.calo.sample import BLOCK, Sample
from hvdgan.calo.settings import Settings
from hvdgan.calo.shower import Conditions
from hvdgan.parallel.agreement import gather_rows, lead, share, together
from hvdgan.parallel.ring import Ring
from hvdgan.parallel.shards import model_of
from hvdgan.training.checkpoint import BEST, load_checkpoint
from hvdgan.training.course import Course


@dataclass(frozen=True)
class Appraisal:
    """What to measure.

    Args:
        metrics: Names of `calo.metrics`.
        settings: How to compare.
        events: At most so many held-out events are used.
        seed: Seeds the generation.
        beat: Called for every block of events: the process makes progress.
    """

    metrics: Sequence[str]
    settings: Settings
    events: int
    seed: int
    beat: Callable[[], None] = lambda: None

    def measure(self, gan: Gan, ring: Ring, course: Course) -> dict[str, float]:
        """Generate showers at the held-out events' own energies and compare; each rank does its share. Collective.

        Raises:
            NotFiniteError: A generated shower holds NaN or infinity; on every rank.
            DataError: There are too few events for a metric; on every rank.
        """
        count = min(len(course.held_out), self.events)
        mine = share(model_of(ring), count)
        indices = course.held_out.spread(count)[mine]
        conditions = course.files.conditions(indices)
        real = _join(ring, together(ring, lambda: self._read(course, indices)))
        made = _join(ring, self._generate(gan, conditions, mine.start, course.files.image_shape))
        return lead(ring, lambda: self._compare(made, real))

    def _read(self, course: Course, indices: NDArray) -> Sample:
        """Return this rank's share of the held-out events."""
        parts = [_empty(course.files.image_shape)]
        for start in range(0, len(indices), BLOCK):
            self.beat()
            showers = course.files.read(indices[start : start + BLOCK])
            parts.append(Sample.of(showers.images[course.detector], showers.conditions.energy))
        return Sample.join(parts)

    def _generate(self, gan: Gan, conditions: Conditions, first: int, shape: tuple[int, int, int]) -> Sample:
        """Return showers of the same energies."""
        parts = [_empty(shape)]
        for start in range(0, len(conditions), BLOCK):
            self.beat()
            block = conditions[start : start + BLOCK]
            parts.append(Sample.of(gan.generate(block, self.seed, first + start), block.energy))
        return Sample.join(parts)

    def _compare(self, made: Sample, real: Sample) -> dict[str, float]:
        """Return the value of each metric; those of one family are measured together."""
        self.beat()
        found = measure(self.metrics, made, real, self.settings)
        return {name: value.value for name, value in found.items()}


def restore_best(gan: Gan, ring: Ring, checkpoints: Path) -> None:
    """Give every rank the networks of the best epoch. Collective."""
    state = together(ring, lambda: load_checkpoint(checkpoints, BEST).state if ring.rank == 0 else {})
    gan.restore(ring.broadcast(state))


def _empty(shape: tuple[int, int, int]) -> Sample:
    """Return a sample without events, for ranks that get none."""
    return Sample.of(np.zeros((0, *shape), dtype=np.float32), np.zeros(0))


def _join(ring: Ring, sample: Sample) -> Sample:
    """Join the samples of all ranks. Collective."""
    profiles = sample.profiles
    slices = AxisProfiles(*gather_rows(ring, (profiles.x, profiles.y, profiles.z)))
    energy, layers, hits, spectrum = gather_rows(ring, (sample.energy, sample.layers, sample.hits, sample.spectrum))
    return Sample(energy, slices, layers, hits, spectrum)
