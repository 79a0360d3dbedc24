"""Validation: the figure of merit against events the training never sees, shared between the ranks of a ring."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hvdgan.backends.interface import Gan
from hvdgan.calo.health import find_ailment
from hvdgan.calo.merit import Merit, merit
from hvdgan.calo.observables import AxisProfiles
from hvdgan.data.files import ShowerFiles
from hvdgan.data.split import Part
from hvdgan.errors import NotFiniteError
from hvdgan.parallel.agreement import gather_rows, share, together
from hvdgan.parallel.ring import Ring
from hvdgan.parallel.shards import model_of
from hvdgan.parallel.world import mark_agreed

BLOCK = 256
"""Events turned into profiles at a time."""


@dataclass(frozen=True)
class Judgement:
    """What a generator is worth.

    Args:
        merit: The comparison with the held-out events.
        generation_time: Seconds in which one process makes one shower; the median over the blocks of all ranks.
        ailment: What is wrong with the generator as a whole, see `calo.health`; empty when nothing is.
    """

    merit: Merit
    generation_time: float
    ailment: str


class Validation:
    """The held-out events: their profiles on every rank, their conditions for this rank's share of the generation."""

    def __init__(
        self,
        files: ShowerFiles,
        part: Part,
        detector: str,
        ring: Ring,
        events: int,
        seed: int,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        """Read the held-out events, each rank its share. Collective.

        Args:
            files: Where the events are.
            part: Which of them are held out.
            detector: Name of the image.
            ring: Shares the work.
            events: At most so many events are used.
            seed: Seeds the generation, the same at every validation.
            beat: Called for every block of events: the process makes progress.
        """
        count = min(len(part), events)
        mine = share(model_of(ring), count)
        indices = part.spread(count)[mine]
        self._ring, self._seed, self._first_event, self._beat = ring, seed, mine.start, beat
        read = together(ring, lambda: [self._read(files, detector, block) for block in _blocks(indices)])
        self._empty = AxisProfiles.of(np.zeros((0, *files.image_shape), dtype=np.float32))
        self._reference = _gathered(ring, AxisProfiles.join([self._empty, *read]))
        self._conditions = files.conditions(indices)
        (self._energy,) = gather_rows(ring, (self._conditions.energy,))
        self._warm = False
        self._times: list[float] = []

    def __len__(self) -> int:
        """Return the number of events compared."""
        return len(self._energy)

    def measure(self, gan: Gan) -> Judgement:
        """Generate showers at the held-out events' own energies and compare. Collective.

        Raises:
            NotFiniteError: A generated shower holds NaN or infinity; on every rank.
        """
        blocks = [slice(start, start + BLOCK) for start in range(0, len(self._conditions), BLOCK)]
        self._warm_up(gan, blocks)
        self._times = []
        made = [self._generated(gan, block) for block in blocks]
        generated = _gathered(self._ring, AxisProfiles.join([self._empty, *made]))
        times = self._ring.gather(np.array(self._times))
        try:
            reached = merit(generated, self._reference, self._energy)
            ailment = find_ailment(generated, self._reference, self._energy)
            return Judgement(reached, float(np.median(times)), ailment)
        except NotFiniteError as error:
            raise mark_agreed(error, self._ring.size) from None

    def _warm_up(self, gan: Gan, blocks: list[slice]) -> None:
        """Generate a block for nothing, once: the first one is slower, and its time would not count."""
        if blocks and not self._warm:
            self._generated(gan, blocks[0])
        self._warm = True

    def _read(self, files: ShowerFiles, detector: str, events: NDArray) -> AxisProfiles:
        """Read some events and reduce them to profiles."""
        self._beat()
        return AxisProfiles.of(files.read(events).images[detector])

    def _generated(self, gan: Gan, block: slice) -> AxisProfiles:
        """Generate some of this rank's events, note the time per event, and reduce them to profiles."""
        self._beat()
        conditions, start = self._conditions[block], time.perf_counter()
        images = gan.generate(conditions, self._seed, self._first_event + block.start)
        self._times.append((time.perf_counter() - start) / len(conditions))
        return AxisProfiles.of(images)


def _blocks(indices: NDArray) -> list[NDArray]:
    """Cut event numbers into blocks."""
    return [indices[start : start + BLOCK] for start in range(0, len(indices), BLOCK)]


def _gathered(ring: Ring, profiles: AxisProfiles) -> AxisProfiles:
    """Join profiles of ranks. Collective."""
    return AxisProfiles(*gather_rows(ring, (profiles.x, profiles.y, profiles.z)))
