"""Read two or three files of showers, reduce them to samples, and judge the generated one beside a floor."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hvdgan.calo.binned import tabulate_merit
from hvdgan.calo.binning import are_spread_alike
from hvdgan.calo.merit import Merit, halve
from hvdgan.calo.metrics import METRICS, measure, score
from hvdgan.calo.sample import BLOCK, Sample
from hvdgan.calo.score import SIGMAS, Score, Value
from hvdgan.calo.shower import Conditions, Showers
from hvdgan.config import Evaluation
from hvdgan.data.files import ALIKE, ShowerFiles, open_files
from hvdgan.errors import DataError
from hvdgan.run.build import choose_settings
from hvdgan.run.generate import rebuild

DETECTOR = "ECAL"
GENERATION_SEED = 0
"""Seeds the untrained generator's showers."""
PICTURED = 300
"""Showers whose images are kept, to choose the single ones from that are drawn."""


@dataclass(frozen=True)
class Order:
    """What to compare.

    Args:
        generated: Files of generated showers, made at the reference's own energies.
        reference: Files of reference showers.
        other: Files of an independent reference sample that gives the floor; empty halves the reference instead.
        events: At most so many of each are read.
        run: The run whose untrained generator is the baseline, or None.
        evaluation: How to compare.
    """

    generated: list[str]
    reference: list[str]
    other: list[str]
    events: int
    run: Path | None
    evaluation: Evaluation


@dataclass(frozen=True)
class Comparison:
    """Generated against reference showers.

    Args:
        samples: All reference and all generated events read.
        pictured: The first of both, with their images.
        scores: Every metric beside its floor.
        merit: The figure of merit, bin by bin.
        floor: That of the two reference samples.
        untrained: Figure of merit of the run's generator before its first step, at the same energies; None without one.
        halved: Whether the floor comes from halves of the reference.
    """

    samples: tuple[Sample, Sample]
    pictured: tuple[Showers, Showers]
    scores: list[Score]
    merit: Merit
    floor: Merit
    untrained: Value | None
    halved: bool

    @property
    def headline(self) -> str:
        """One sentence that says how it went."""
        good = sum(score.sigmas <= SIGMAS for score in self.scores)
        words = (
            f"{self.merit.events} generated showers against as many of the reference: merit {self.merit.value:.3g}, "
            f"{good} of {len(self.scores)} metrics as good as the reference"
        )
        if self.untrained is None:
            return words
        return f"{words}, merit {self.untrained.value / self.merit.value:.1f} times better than before training"


def compare(order: Order) -> Comparison:
    """Read the samples and compare them.

    With one reference sample, its halves are compared with each other for the floor, and one of them with the showers
    generated at the energies of the other, so that value and floor come from as many events at the same energies.

    Raises:
        DataError: A file is not readable, or the energies of the samples differ.
    """
    settings = choose_settings(order.evaluation)
    with open_files(order.generated) as made, open_files(order.reference) as real:
        count = min(made.count, real.count, order.events)
        conditions = _check_conditions(made, real, count, order)
        samples = _reduce(real, count), _reduce(made, count)
        shown = np.arange(min(count, PICTURED))
        pictured = real.read(shown), made.read(shown)
    reference, generated = samples
    baseline = _untrained(order.run, conditions) if order.run else None
    other = _read_other(order, reference) if order.other else None
    if other is None:
        first, second = halve(reference.energy, settings.seed)
        other, generated, reference = reference[second], generated[second], reference[first]
        baseline = baseline and baseline[second]
    return Comparison(
        samples,
        pictured,
        score(METRICS, generated, reference, other, settings),
        tabulate_merit(generated, reference, settings),
        tabulate_merit(other, reference, settings),
        measure(["merit"], baseline, reference, settings)["merit"] if baseline else None,
        not order.other,
    )


def _check_conditions(made: ShowerFiles, real: ShowerFiles, count: int, order: Order) -> Conditions:
    """Return the conditions of both samples after checking that they have the same energies and angles."""
    wanted, given = (files.conditions(np.arange(count)) for files in (real, made))
    alike = np.allclose(wanted.energy, given.energy, rtol=1e-5), np.allclose(wanted.theta, given.theta, atol=ALIKE)
    if not all(alike):
        raise DataError(
            f"{order.generated[0]} was not made at the {'angles' if alike[0] else 'energies'} of {order.reference[0]}; "
            f"make it with `hvdgan generate RUN --like {order.reference[0]}`"
        )
    return wanted


def _read_other(order: Order, reference: Sample) -> Sample:
    """Return the second reference sample, after checking that it is another one with the energies of the first."""
    with open_files(order.other) as files:
        other = _reduce(files, min(files.count, len(reference)))
    if len(other) < len(reference) or not are_spread_alike(other.energy, reference.energy):
        raise DataError(
            f"{order.other[0]} holds {len(other)} events around {np.median(other.energy):.4g} GeV, where "
            f"{order.reference[0]} has {len(reference)} around {np.median(reference.energy):.4g} GeV; give as many at "
            "the same energies, or leave --reference-too out"
        )
    if np.array_equal(other.profiles.total, reference.profiles.total):
        raise DataError(
            f"{order.other[0]} holds the showers of {order.reference[0]}; give independent ones for the floor"
        )
    return other


def _reduce(files: ShowerFiles, count: int) -> Sample:
    """Return the first events of some files as a sample, read block by block."""
    parts = (files.read(block) for block in _blocks(count))
    return Sample.join([Sample.of(showers.images[DETECTOR], showers.conditions.energy) for showers in parts])


def _untrained(run: Path, conditions: Conditions) -> Sample:
    """Generate with the networks of a run as they were before the first step."""
    with closing(rebuild(run, trained=False)) as gan:
        parts = []
        for block in _blocks(len(conditions)):
            images = gan.generate(conditions[block], GENERATION_SEED, int(block[0]))
            parts.append(Sample.of(images, conditions.energy[block]))
        return Sample.join(parts)


def _blocks(count: int) -> Iterator[np.ndarray]:
    """Give the numbers of events block by block."""
    return (np.arange(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK))
