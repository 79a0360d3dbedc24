"""The course of a run: which events it learns from, which it is judged by, and what it knows of them beforehand."""

from dataclasses import dataclass

import numpy as np

from hvdgan.backends.events import classify
from hvdgan.backends.interface import Batch
from hvdgan.calo.response import fit_response
from hvdgan.calo.shower import Showers, particle_name
from hvdgan.data.files import ShowerFiles
from hvdgan.data.split import Part, steps_per_epoch
from hvdgan.errors import DataError
from hvdgan.parallel.agreement import gather_rows, share, together
from hvdgan.parallel.ring import Ring

RESPONSE_EVENTS = 5000
"""The response is fitted to at most so many training events."""
BLOCK = 256


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
    """

    files: ShowerFiles
    detector: str
    train: Part
    held_out: Part
    energies: tuple[float, float]
    particles: tuple[int, ...]

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
        return Batch(showers.images[self.detector], conditions.energy, classify(conditions.particle, self.particles))

    def fit_response(self, ring: Ring) -> tuple[tuple[float, ...], ...]:
        """Fit the expected cell sum of each particle class to training events; each rank reads its share. Collective.

        Raises:
            DataError: A class has no training event, or none that deposits energy.
        """
        events = self.train.spread(RESPONSE_EVENTS * len(self.particles))
        indices = events[share(ring, len(events))]
        totals = together(ring, lambda: self._totals(indices))
        conditions = self.files.conditions(indices)
        particle = classify(conditions.particle, self.particles)
        energy, total, particle = gather_rows(ring, (conditions.energy, totals, particle))
        return tuple(
            fit_response(energy[particle == number], total[particle == number], particle_name(pdg))
            for number, pdg in enumerate(self.particles)
        )

    def _totals(self, indices: np.ndarray) -> np.ndarray:
        """Return the sums of cells of some events in GeV."""
        blocks = [indices[start : start + BLOCK] for start in range(0, len(indices), BLOCK)]
        sums = [self.files.read(block).images[self.detector].sum(axis=(1, 2, 3), dtype=np.float64) for block in blocks]
        return np.concatenate([np.zeros(0), *sums])
