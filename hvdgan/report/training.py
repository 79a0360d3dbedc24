"""One training in a picture: losses and figure of merit against the events it has seen."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from hvdgan.report.style import (
    FLOOR,
    GENERATED,
    INK,
    UNTRAINED,
    VIOLET,
    fit_scale,
    format_number,
    new_figure,
    put_note,
    put_title,
    styled,
    tick_integers,
)

Row = Mapping[str, Any]

LOSSES = (("discriminator_loss", VIOLET, "discriminator"), ("generator_loss", GENERATED, "generator"))


@styled
def draw_training(rows: Sequence[Row], untrained: float | None = None, floor: float | None = None) -> Figure:
    """Draw losses above, figure of merit below, against events seen (or steps, or epochs: what the rows have).

    Args:
        rows: Lines of metrics in the order they were written; `discriminator_loss`, `generator_loss` and `merit` where
            a line has them, and `events`, `steps` or `epoch`.
        untrained: Merit before the first step; a dashed line.
        floor: Merit of two reference samples against each other; nothing can be better.
    """
    figure = new_figure(9, 5.2)
    put_title(figure, "Training")
    above, below = figure.subplots(2, 1, sharex=True)
    key, label = _choose_axis(rows)
    for name, color, text in LOSSES:
        places, values = _column(rows, key, name)
        above.plot(places, values, color=color, linewidth=1.3, label=text, marker="." if len(values) < 3 else "")
    _finish(above, "loss")
    places, values = _column(rows, key, "merit")
    below.plot(places, values, "o-", color=GENERATED, markersize=4.5, label="figure of merit")
    _draw_levels(below, untrained, floor)
    _finish(below, "figure of merit")
    if values:
        place, best = min(zip(places, values, strict=True), key=lambda pair: pair[1])
        below.plot(place, best, "o", markersize=13, markerfacecolor="none", markeredgecolor=INK)
        below.annotate(
            format_number(best), (place, best), (0, 11), textcoords="offset points", ha="center", weight="bold"
        )
    below.set_xlabel(label)
    below.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    tick_integers(below)
    below.margins(x=0.02)
    return figure


def _choose_axis(rows: Sequence[Row]) -> tuple[str, str]:
    """Return the key to draw against, and its label."""
    choices = (("events", "training events seen"), ("steps", "training steps"), ("epoch", "epoch"))
    for key, label in choices:
        if any(_number(row.get(key)) is not None for row in rows):
            return key, label
    return "steps", "training steps"


def _column(rows: Sequence[Row], key: str, name: str) -> tuple[list[float], list[float]]:
    """Return places and values of the rows that have both."""
    pairs = [(_number(row.get(key)), _number(row.get(name))) for row in rows]
    known = [(place, value) for place, value in pairs if place is not None and value is not None]
    return [place for place, _ in known], [value for _, value in known]


def _number(value: Any) -> float | None:
    """Return a finite number, or None."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _draw_levels(axes: Axes, untrained: float | None, floor: float | None) -> None:
    """Draw the untrained generator and the floor as horizontal lines with their values."""
    if _number(untrained) is not None:
        text = f"untrained generator {format_number(untrained)}"
        axes.axhline(untrained, color=UNTRAINED, linewidth=1.3, linestyle=(0, (5, 3)), label=text)
    if _number(floor) is not None and floor > 0:
        text = f"floor {format_number(floor)}: reference against reference"
        axes.axhline(floor, color=FLOOR, linewidth=1.3, linestyle=(0, (1, 1.5)), label=text)


def _finish(axes: Axes, label: str) -> None:
    """Fit an axis to what is drawn in it, name it and add the legend above."""
    values = np.concatenate([*(np.asarray(line.get_ydata(), dtype=float) for line in axes.lines), np.zeros(0)])
    axes.set_ylabel(label)
    fit_scale(axes, values.tolist())
    if values.size:
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.98), ncols=3, borderaxespad=0.2)
    else:
        put_note(axes, f"no {label} was recorded")
