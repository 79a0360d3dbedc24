"""`hvdgan evaluate`: generated against reference showers, as numbers, pictures and one page."""

import socket
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hvdgan.calo.merit import Merit, floor, merit
from hvdgan.calo.observables import AxisProfiles
from hvdgan.calo.shower import Conditions, Showers
from hvdgan.data.files import open_files
from hvdgan.errors import DataError
from hvdgan.files import write_json
from hvdgan.report.compose import draw_shower_pictures, save_pictures
from hvdgan.report.page import Page, Section, merit_figures, write_page
from hvdgan.report.tables import Table, merit_table, to_rows
from hvdgan.run.directory import environment, existing
from hvdgan.run.generate import rebuild
from hvdgan.run.report import make_folder, study_section, training_section

DETECTOR = "ECAL"
GENERATION_SEED = 0
"""Seeds the untrained generator's showers."""


@dataclass(frozen=True)
class Comparison:
    """Generated against reference showers.

    Args:
        reference: n events.
        generated: n events of the same incident energies.
        merit: Of the generated showers.
        floor: One half of the reference against the other.
        untrained: Merit of the run's generator before its first step, at the same energies; None without a run.
    """

    reference: Showers
    generated: Showers
    merit: Merit
    floor: Merit
    untrained: Merit | None

    @property
    def headline(self) -> str:
        """One sentence that says how it went."""
        words = f"{self.merit.events} generated showers against as many of the reference: merit {self.merit.value:.3g}"
        if self.untrained is None:
            return words
        return f"{words}, {self.untrained.value / self.merit.value:.1f} times better than before training"


def compare(generated: list[str], reference: list[str], events: int, run: Path | None) -> Comparison:
    """Read both samples and compare them.

    Args:
        generated: Files of generated showers, made at the reference's own energies.
        reference: Files of reference showers.
        events: At most so many are compared.
        run: The run whose untrained generator is the baseline.

    Raises:
        DataError: A file is not readable, or the energies of the samples differ.
    """
    real, made = _read(reference, events), _read(generated, events)
    count = min(len(real), len(made))
    real, made = real[slice(0, count)], made[slice(0, count)]
    energy = real.conditions.energy
    if not np.allclose(energy, made.conditions.energy, rtol=1e-5):
        raise DataError(
            f"{generated[0]} was not made at the energies of {reference[0]}; "
            f"make it with `hvdgan generate RUN --like {reference[0]}`"
        )
    expected = AxisProfiles.of(real.images[DETECTOR])
    baseline = merit(_untrained(run, real.conditions), expected, energy) if run else None
    reached = merit(AxisProfiles.of(made.images[DETECTOR]), expected, energy)
    return Comparison(real, made, reached, floor(expected, energy), baseline)


def evaluate(comparison: Comparison, directory: Path, run: Path | None, study: Path | None) -> Table:
    """Write tables, pictures and the page of a comparison; return the table of merits.

    Args:
        comparison: The samples and their merits.
        directory: Where the report goes.
        run: The training to show beside it, or None.
        study: The study to show beside it, or None.

    Raises:
        UsageError: The directory cannot be made, or a run directory holds no run.
    """
    make_folder(directory)
    untrained = comparison.untrained.value if comparison.untrained else None
    table = merit_table(comparison.merit, comparison.floor)
    sections = [_shower_section(comparison, table, directory)]
    sections += [training_section(existing(run), comparison.floor.value, directory)] if run else []
    sections += [study_section(study, untrained, directory)] if study else []
    figures = merit_figures(untrained, comparison.merit.value, comparison.floor.value)
    surroundings = environment([socket.gethostname()])
    write_page(
        directory / "index.html", Page("Generated showers", comparison.headline, figures, sections, surroundings)
    )
    write_json(directory / "merit.json", _summary(comparison, table))
    return table


def _shower_section(comparison: Comparison, table: Table, directory: Path) -> Section:
    """Draw the samples."""
    real, made = comparison.reference, comparison.generated
    drawings = draw_shower_pictures(
        real.images[DETECTOR], real.conditions.energy, made.images[DETECTOR], made.conditions.energy
    )
    return Section("Showers", save_pictures(drawings, directory), [table])


def _summary(comparison: Comparison, table: Table) -> dict:
    """Return the numbers of a comparison as plain values."""
    return {
        "merit": comparison.merit.value,
        "floor": comparison.floor.value,
        "untrained": comparison.untrained.value if comparison.untrained else None,
        "events": comparison.merit.events,
        "reliable": comparison.merit.reliable,
        "rows": to_rows(table),
    }


def _read(patterns: list[str], events: int) -> Showers:
    """Read the first events of some files."""
    with open_files(patterns) as files:
        return files.read(np.arange(min(files.count, events)))


def _untrained(run: Path, conditions: Conditions) -> AxisProfiles:
    """Generate with the networks of a run as they were before the first step."""
    with closing(rebuild(run, trained=False)) as gan:
        return AxisProfiles.of(gan.generate(conditions, GENERATION_SEED))
