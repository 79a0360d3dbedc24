"""The course of a run: which events it learns from, which it is judged by, and what it knows of them beforehand."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from hvdgan.backends.events import classify
from hvdgan.backends.interface import Batch
from hvdgan.calo.response import fit_response
from hvdgan.calo.shower import Showers, particle_name
from hvdgan.calo.template import TERMS, TemplateSums
from hvdgan.data.files import ShowerFiles
from hvdgan.data.split import Part, steps_per_epoch
from hvdgan.errors import DataError
from hvdgan.parallel.agreement import gather_rows, share, together
from hvdgan.parallel.ring import Ring
from hvdgan.parallel.shards import model_of

CALIBRATION_EVENTS = 5000
"""What is expected of showers is fitted to at most so many training events of each class."""

BLOCK = 256


@dataclass(frozen=True)
class Calibration:
    """What is expected of showers before they are made.

    Args:
        response: See `GanSpec.response`.
        template: See `GanSpec.template`; None when it was not asked for.
    """

    response: tuple[tuple[float, ...], ...]
    template: NDArray[np.float32] | None

    @classmethod
    def assume(cls, classes: int, image_shape: tuple[int, int, int], template: bool) -> "Calibration":
        """Return even showers that hold a hundredth of the incident energy, to try networks with before any is read."""
        even = np.zeros((classes, TERMS, *image_shape), dtype=np.float32)
        even[:, 0] = 0.01 / np.prod(image_shape)
        return cls(((1.0,),) * classes, even if template else None)


@dataclass(frozen=True)
class Course:
    """What one training learns from.

    Args:
        files: The opened shower files.
        detector: Name of the image.
        train: Events to learn from.
        held_out: Events to be judged by.
        energies: Range of incident energies in GeV, for the conditions of fakes.
        particles: The particle classes, as absolute PDG ids.
        angles: Range of theta in radians, for the conditions of fakes; None where all particles enter alike.
    """

    files: ShowerFiles
    detector: str
    train: Part
    held_out: Part
    energies: tuple[float, float]
    particles: tuple[int, ...]
    angles: tuple[float, float] | None = None

    def steps(self, size: int, batch_size: int) -> int:
        """Return the number of steps of an epoch, the same on every rank.

        Args:
            size: Ranks of the ring.
            batch_size: Events per rank and step.

        Raises:
            DataError: There are fewer events than one step of the ring needs.
        """
        steps = steps_per_epoch(len(self.train), size, batch_size)
        if not steps:
            raise DataError(
                f"{len(self.train)} training events are not one step of {size} ranks x batch {batch_size}; "
                f"give at least {size * batch_size} events, or lower training.batch_size or the number of ranks"
            )
        return steps

    def batch(self, showers: Showers) -> Batch:
        """Return showers as networks take them."""
        conditions = showers.conditions
        particle = classify(conditions.particle, self.particles)
        angle = None if self.angles is None else conditions.theta
        return Batch(showers.images[self.detector], conditions.energy, particle, angle)

    def calibrate(self, ring: Ring, template: bool) -> Calibration:
        """Fit what is expected of showers to training events, class by class; each model reads its share. Collective.

        Args:
            ring: Shares the work.
            template: Also fit the mean shower.

        Raises:
            DataError: A class has no training event, or none that deposits energy.
        """
        events = self.train.spread(CALIBRATION_EVENTS * len(self.particles))
        indices = events[share(model_of(ring), len(events))]
        totals, sums = together(ring, lambda: self._add_up(indices, template))
        conditions = self.files.conditions(indices)
        particle = classify(conditions.particle, self.particles)
        energy, total, particle = gather_rows(ring, (conditions.energy, totals, particle))
        response = tuple(
            fit_response(energy[particle == number], total[particle == number], particle_name(pdg))
            for number, pdg in enumerate(self.particles)
        )
        if not template:
            return Calibration(response, None)
        means = [TemplateSums(**ring.mean(asdict(one))) for one in sums]
        return Calibration(response, np.stack([one.fit() for one in means]))

    def _add_up(self, indices: np.ndarray, template: bool) -> tuple[np.ndarray, list[TemplateSums]]:
        """Return the sums of cells of some events in GeV, and by class what decides the template."""
        totals, sums = [np.zeros(0)], [TemplateSums.zero(self.files.image_shape) for _ in self.particles]
        for start in range(0, len(indices), BLOCK):
            batch = self.batch(self.files.read(indices[start : start + BLOCK]))
            totals.append(batch.images.sum(axis=(1, 2, 3), dtype=np.float64))
            for number in range(len(sums) if template else 0):
                mine = batch.particle == number
                sums[number] += TemplateSums.of(batch.images[mine], batch.energy[mine])
        return np.concatenate(totals), sums
