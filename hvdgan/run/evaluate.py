"""`hvdgan evaluate`: generated against reference showers, as one table, JSON, pictures and one page."""

import math
import socket
import sys
from pathlib import Path
from typing import Any

from hvdgan.calo.score import Score
from hvdgan.config import Evaluation, load_evaluation
from hvdgan.files import write_json
from hvdgan.report.compose import draw_metric_pictures, draw_shower_pictures, save_pictures
from hvdgan.report.page import KeyFigure, Page, Section, merit_figures, write_page
from hvdgan.report.scores import score_table
from hvdgan.report.tables import Table, format_measured, merit_table, print_table, to_rows
from hvdgan.report.terminal import reaches_person
from hvdgan.run.directory import environment, existing
from hvdgan.run.judging import DETECTOR, Comparison, Order, compare
from hvdgan.run.report import make_folder, study_section, training_section

HALVES = (
    "The floor is the same metric between the two halves of the reference, and the generated showers have the energies "
    "of one of them."
)
TWO = "The floor is the same metric between the two reference samples."

__all__ = ["Order", "choose", "evaluate"]


def choose(path: Path | None, settings: list[str] | None, bins: str | None) -> Evaluation:
    """Return how to compare.

    Args:
        path: A YAML file with a section `evaluation`, or None.
        settings: `evaluation.name=value` texts that override it, or None.
        bins: Number of the energy bins, or their edges in GeV with commas between them; None leaves them.

    Raises:
        ConfigError: The file cannot be read, or something is not legal.
    """
    chosen = [f"evaluation.bins={bins if bins.isdecimal() else f'[{bins}]'}"] if bins else []
    return load_evaluation(path, [*(settings or []), *chosen])


def evaluate(order: Order, directory: Path, study: Path | None) -> str:
    """Compare, print the table of metrics, write JSON, pictures and the page; return what else to tell the user.

    Args:
        order: What to compare.
        directory: Where the report goes.
        study: The study to show beside it, or None.

    Raises:
        DataError: A file is not readable, or the samples cannot be compared.
        UsageError: The directory cannot be made, or a run directory holds no run.
    """
    comparison = compare(order)
    table = write_report(comparison, order, directory, study)
    print_table(table, sys.stdout, reaches_person())
    return f"{comparison.headline}\n{directory / 'index.html'}"


def write_report(comparison: Comparison, order: Order, directory: Path, study: Path | None) -> Table:
    """Write JSON, pictures and the page of a comparison; return the table of metrics."""
    make_folder(directory)
    untrained = comparison.untrained.value if comparison.untrained else None
    table = score_table(comparison.scores, HALVES if comparison.halved else TWO)
    drawings = draw_metric_pictures(comparison.scores, *comparison.samples)
    sections = [
        Section("Metrics", save_pictures(drawings, directory), [table]),
        _shower_section(comparison, directory),
    ]
    sections += [training_section(existing(order.run), comparison.floor.value, directory)] if order.run else []
    sections += [study_section(study, untrained, directory)] if study else []
    figures = [*merit_figures(untrained, comparison.merit.value, comparison.floor.value), _told_apart(comparison)]
    surroundings = environment([socket.gethostname()])
    write_page(
        directory / "index.html", Page("Generated showers", comparison.headline, figures, sections, surroundings)
    )
    write_json(directory / "evaluation.json", _summary(comparison, order))
    return table


def _shower_section(comparison: Comparison, directory: Path) -> Section:
    """Draw the samples."""
    real, made = comparison.pictured
    drawings = draw_shower_pictures(
        real.images[DETECTOR],
        real.conditions.energy,
        made.images[DETECTOR],
        made.conditions.energy,
        comparison.samples,
    )
    return Section("Showers", save_pictures(drawings, directory), [merit_table(comparison.merit, comparison.floor)])


def _told_apart(comparison: Comparison) -> KeyFigure:
    """Return the area of the classifier as a key figure."""
    (auc,) = [score for score in comparison.scores if score.name == "auc"]
    return KeyFigure("classifier", format_measured(auc.value.value, auc.value.error), "AUC; 0.5 cannot tell them apart")


def _summary(comparison: Comparison, order: Order) -> dict[str, Any]:
    """Return the numbers of a comparison as plain values."""
    return {
        "merit": comparison.merit.value,
        "floor": comparison.floor.value,
        "untrained": comparison.untrained.value if comparison.untrained else None,
        "events": comparison.merit.events,
        "reliable": comparison.merit.reliable,
        "floor_from": "halves of the reference" if comparison.halved else "a second reference sample",
        "metrics": [_plain(score) for score in comparison.scores],
        "bins": to_rows(merit_table(comparison.merit, comparison.floor)),
        "evaluation": order.evaluation.model_dump(),
    }


def _plain(score: Score) -> dict[str, Any]:
    """Return a score as plain values; what is infinite is None."""
    value, floor = score.value, score.floor
    numbers = {
        "value": value.value,
        "error": value.error,
        "floor": floor.value,
        "floor_error": floor.error,
        "sigmas": score.sigmas,
        "times_floor": score.times,
    }
    finite = {name: number if math.isfinite(number) else None for name, number in numbers.items()}
    about = {"events": value.events, "fewest_in_a_bin": value.fewest, "verdict": score.verdict, "note": value.note}
    return {"name": score.name, "title": score.title, **finite, **about}
