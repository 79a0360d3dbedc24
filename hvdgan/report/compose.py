"""All pictures of a report with the words that go with them: what is drawn, and what to look at.

Each function draws one chapter; `save_pictures` writes the files and returns what a page embeds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from numpy.typing import NDArray

from hvdgan import pareto
from hvdgan.calo.sample import Sample
from hvdgan.calo.score import Score
from hvdgan.report.coordinates import draw_coordinates
from hvdgan.report.energy import draw_sampling_fraction, draw_spectra
from hvdgan.report.events import draw_event_pair, draw_events, pick_events
from hvdgan.report.front import draw_front
from hvdgan.report.gantt import draw_gantt
from hvdgan.report.observables import draw_observables
from hvdgan.report.page import Picture
from hvdgan.report.scales import Space
from hvdgan.report.scores import draw_scores
from hvdgan.report.showers import draw_correlations, draw_profiles
from hvdgan.report.slices import draw_slices
from hvdgan.report.study import draw_history, draw_importances
from hvdgan.report.style import save_picture
from hvdgan.report.timeline import Job
from hvdgan.report.training import draw_training
from hvdgan.report.trials import completed, judge_by, name_objective

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Drawing:
    """A figure with its words.

    Args:
        name: Of the PNG file, without ".png".
        title: A few words.
        caption: What to look at.
        figure: The drawn figure.
    """

    name: str
    title: str
    caption: str
    figure: Figure


def draw_shower_pictures(
    reference: NDArray,
    reference_energy: NDArray,
    generated: NDArray,
    generated_energy: NDArray,
    samples: tuple[Sample, Sample] | None = None,
) -> list[Drawing]:
    """Draw everything that compares generated with reference showers.

    Args:
        reference: Deposited energy in GeV, (n, x, y, z).
        reference_energy: Incident energy in GeV, (n,).
        generated: Deposited energy in GeV, (m, x, y, z).
        generated_energy: Incident energy in GeV, (m,).
        samples: Reference and generated, where the images are only some of the showers; single showers are drawn from
            the images, everything else from the samples.
    """
    images = reference, reference_energy, generated, generated_energy
    real, made = samples or (Sample.of(reference, reference_energy), Sample.of(generated, generated_energy))
    sums = real.profiles.total, real.energy, made.profiles.total, made.energy
    drawings = [
        Drawing("events", "Single showers", EVENTS, draw_events(*images)),
        Drawing("profiles", "Profiles along x, y and z", PROFILES, draw_profiles(real.profiles, made.profiles)),
        Drawing("sampling_fraction", "Sampling fraction", SAMPLING, draw_sampling_fraction(*sums)),
        Drawing("spectra", "Total energy", SPECTRA, draw_spectra(*sums)),
        Drawing("correlations", "Correlation between layers", LAYERS, draw_correlations(real.profiles, made.profiles)),
    ]
    pairs = pick_events(reference_energy, generated_energy, 3)
    for one, other in pairs[len(pairs) // 2 :][:1]:
        pair = draw_event_pair(reference[one], reference_energy[one], generated[other], generated_energy[other])
        drawings.insert(1, Drawing("event_3d", "One shower in three dimensions", CELLS, pair))
    return drawings


def draw_metric_pictures(scores: Sequence[Score], reference: Sample, generated: Sample) -> list[Drawing]:
    """Draw the metrics of a generator beside their floors, and the observables that they compare.

    Args:
        scores: From top to bottom.
        reference: n events.
        generated: m events on the same grid.
    """
    return [
        Drawing("scores", "Metrics beside their floors", SCORES, draw_scores(scores)),
        Drawing("observables", "Shapes of showers", SHAPES, draw_observables(reference, generated)),
    ]


def draw_study_pictures(
    rows: Sequence[Row],
    importances: Sequence[Mapping[str, float]] = (),
    untrained: float | None = None,
    objectives: Sequence[str] = ("merit",),
    space: Space | None = None,
    jobs: Sequence[Job] = (),
) -> list[Drawing]:
    """Draw everything about a study.

    Args:
        rows: One per trial, see `report.trials`.
        importances: Of each objective, parameter name -> importance; may be empty.
        untrained: First value of an untrained generator.
        objectives: Names of the values.
        space: The search space, for the axes of parameters.
        jobs: What the groups did when.
    """
    front = pareto.front({row["number"]: row["values"] for row in completed(rows)}) if len(objectives) > 1 else []
    drawings = [Drawing("study_history", "Search history", HISTORY, draw_history(rows, untrained, objectives))]
    if len(objectives) > 1:
        drawings.append(Drawing("study_front", "Pareto front", FRONT, draw_front(rows, front, objectives)))
    for place, name in enumerate(objectives):
        end, of = (f"_{name}", f", by {name.replace('_', ' ')}") if len(objectives) > 1 else ("", "")
        shares = importances[place] if place < len(importances) else {}
        seen, baseline = judge_by(rows, place), None if place else untrained
        label = f"importance for a good {name.replace('_', ' ')}"
        slices = draw_slices(seen, baseline, name_objective(name), space)
        drawings += [
            Drawing(f"study_importances{end}", f"Importance{of}", IMPORTANCES, draw_importances(shares, label)),
            Drawing(f"study_slices{end}", f"Value against each parameter{of}", SLICES, slices),
        ]
    coordinates = draw_coordinates(rows, front, objectives, space)
    drawings.insert(-1, Drawing("study_coordinates", "Parallel coordinates", COORDINATES, coordinates))
    return [*drawings, Drawing("study_groups", "The groups at work", GANTT, draw_gantt(jobs))]


def draw_training_pictures(
    rows: Sequence[Row], untrained: float | None = None, floor: float | None = None
) -> list[Drawing]:
    """Draw everything about one training.

    Args:
        rows: Lines of metrics, see `report.training`.
        untrained: Merit before the first step.
        floor: Merit of two reference samples against each other.
    """
    return [Drawing("training", "Training", TRAINING, draw_training(rows, untrained, floor))]


def save_pictures(drawings: Sequence[Drawing], folder: Path) -> list[Picture]:
    """Write each drawing as <name>.png and <name>.svg, and return it for a page.

    Raises:
        OSError: The folder does not exist or cannot be written to.
    """
    return [
        Picture(drawing.title, save_picture(drawing.figure, folder / f"{drawing.name}.png"), drawing.caption)
        for drawing in drawings
    ]


EVENTS = (
    "Each column compares a reference shower with a generated one of the same incident energy, summed over y; empty "
    "cells are white. A good generator has the same narrow core, the same ragged halo, and grows deeper with energy."
)
CELLS = "One dot per cell, larger and darker with more energy. Look at the start of the shower and at stray cells."
PROFILES = (
    "Mean energy per slice, with statistical errors; below, generated over reference: the closer to 1, the better. "
    "The transverse profiles are logarithmic: their tails hold little energy and are the hardest to learn. Open "
    "triangles lie beyond the axis."
)
SAMPLING = (
    "Left: deposited over incident energy; it falls slowly because high-energy showers leak out of the back. Right: "
    "how much it varies between showers of the same energy; a generator that repeats itself has too little."
)
SPECTRA = "Share of events per bin of deposited energy (left) and of deposited over incident energy (right)."
SHAPES = (
    "How deep showers lie, how wide they are and how many cells they hit, event by event; below, the spectrum of all "
    "cells, and how wide and how restless each layer is. A generator that repeats itself has too narrow histograms."
)
SCORES = (
    "How many standard errors each metric lies above its floor, the same metric between two independent reference "
    "samples. Within the band the generator is as good as the reference; the scale is logarithmic beyond it."
)
LAYERS = (
    "Which layers have more energy together. The rightmost panel, generated minus reference, has its own scale and "
    "should be white."
)
HISTORY = (
    "One dot per trial, coloured by where its parameters came from; the black line is the best value so far, crosses "
    "at the top are trials that failed, hollow ones were given up at that value, the dashed line is a generator that "
    "was never trained."
)
FRONT = (
    "Every trial by its values. No trial is better than a ringed one in everything; which of them to take is your "
    "choice: `hvdgan best RUN --trial N` prints its configuration."
)
COORDINATES = (
    "One line per trial through its parameters, the darker the better; the best is black. Where the dark lines run "
    "together a parameter matters, where they fan out it does not."
)
GANTT = (
    "One lane per group, one bar per trial, coloured by how it ended; grey is time in which a group had nothing to do."
)
IMPORTANCES = "How much each parameter decides whether a trial is among the best; they add up to 100 %."
SLICES = "Every trial against each of its parameters; the best one is ringed. A valley shows where good values lie."
TRAINING = (
    "Losses of both networks, which balance each other and need not fall, and the figure of merit on held-out showers, "
    "which should; its best is ringed."
)
