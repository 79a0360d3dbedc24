"""The metrics of a generator beside their floors: one table and one picture."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hvdgan.calo.merit import MIN_EVENTS
from hvdgan.calo.score import SIGMAS, Score
from hvdgan.report.style import FAINT, FLOOR, GENERATED, UNTRAINED, new_figure, put_note, put_title, styled
from hvdgan.report.tables import Table, format_measured

FARTHEST = 3000.0
"""Standard errors at which the picture's scale ends."""


def score_table(scores: Sequence[Score], remark: str = "") -> Table:
    """Tabulate metrics: value and floor with their errors, events on each side, and the verdict.

    Args:
        scores: In the order of rows.
        remark: A sentence below the table, before those that say what differs from the metrics' definitions.
    """
    notes = list(dict.fromkeys(score.value.note for score in scores if score.value.note))
    columns = ("metric", "value ± error", "floor ± error", "N", "verdict")
    note = " ".join([remark, *(f"[{place}] {text}." for place, text in enumerate(notes, 1)), _warn(scores)])
    return Table(
        "Generated against reference", columns, tuple(_row(score, notes) for score in scores), (), note.strip()
    )


@styled
def draw_scores(scores: Sequence[Score]) -> Figure:
    """Draw how many standard errors each metric lies above its floor.

    Args:
        scores: From top to bottom.
    """
    figure = new_figure(11, 1.6 + 0.27 * max(len(scores), 3))
    put_title(figure, "Metrics beside their floors")
    axes = figure.subplots()
    axes.axvspan(-SIGMAS, SIGMAS, color=FLOOR, alpha=0.16, linewidth=0)
    axes.axvline(0, color=FLOOR, linewidth=1.2)
    for place, score in enumerate(scores):
        _draw_score(axes, place, score)
    _scale(axes, [score.sigmas for score in scores])
    axes.set_yticks(range(len(scores)), [score.title for score in scores])
    axes.set_ylim(max(len(scores), 1) - 0.4, -0.6)
    axes.grid(False)
    if not scores:
        put_note(axes, "no metric")
    return figure


def _row(score: Score, notes: list[str]) -> tuple[str, str, str, int, str]:
    """Return one metric as a row."""
    mark = f" [{notes.index(score.value.note) + 1}]" if score.value.note else ""
    measured = [format_measured(part.value, part.error) for part in (score.value, score.floor)]
    return (score.title + mark, *measured, score.value.events, score.verdict)


def _warn(scores: Sequence[Score]) -> str:
    """Say why some verdicts are marked, if any are."""
    few = [score.value.fewest for score in scores if not score.value.is_reliable]
    return f"Few events: {min(few)} in the emptiest energy bin, where {MIN_EVENTS} are needed." if few else ""


def _draw_score(axes: Axes, place: int, score: Score) -> None:
    """Draw one metric as a line from the floor to its place, and its verdict beside it."""
    reached = float(np.clip(score.sigmas, -FARTHEST, FARTHEST))
    color = GENERATED if abs(reached) <= SIGMAS else UNTRAINED
    axes.plot([0, reached], [place, place], color=FAINT, linewidth=3, zorder=1)
    axes.plot(reached, place, "o", color=color, markersize=6)
    axes.annotate(
        score.verdict, (max(reached, SIGMAS), place), (9, 0), textcoords="offset points", va="center", fontsize=9
    )


def _scale(axes: Axes, sigmas: Sequence[float]) -> None:
    """Make the axis linear around the band and logarithmic beyond, with room for the verdicts."""
    low = min([-SIGMAS, *(max(value, -FARTHEST) for value in sigmas)])
    high = max([5 * SIGMAS, *(min(value, FARTHEST) for value in sigmas)])
    axes.set_xscale("symlog", linthresh=2 * SIGMAS, linscale=1.2)
    axes.set_xlim(1.2 * low, 12 * high)
    ticks = [tick for tick in (-1000, -100, -10, -2, 0, 2, 10, 100, 1000) if 1.2 * low <= tick <= 2 * high]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("standard errors above the floor")
