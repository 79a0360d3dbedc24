"""The value of every trial of a study against each of its parameters."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from hvdgan.report.scales import Scale, Space, find_scale, spread
from hvdgan.report.style import INK, fit_scale, new_figure, put_note, put_title, styled
from hvdgan.report.tables import shorten
from hvdgan.report.trials import (
    Row,
    best_of,
    completed,
    draw_trial,
    draw_untrained,
    line_handles,
    size_markers,
    source_handles,
)

COLUMNS = 4
"""Slices per row of a figure."""


@styled
def draw_slices(
    rows: Sequence[Row], untrained: float | None = None, label: str = "figure of merit", space: Space | None = None
) -> Figure:
    """Draw the value of every trial against each of its parameters.

    Args:
        rows: One per trial.
        untrained: Value of an untrained generator; a dashed line.
        label: Name of the value; lower is better.
        space: The search space, for the axes.
    """
    done = completed(rows)
    names = list(dict.fromkeys(name for row in done for name in row.get("params", {})))
    columns = max(1, min(COLUMNS, len(names)))
    lines = max(1, math.ceil(len(names) / columns))
    figure = new_figure(max(2.9 * columns, 6.0), 1.2 + 2.5 * lines)
    put_title(figure, "Where good values lie")
    panels = figure.subplots(lines, columns, sharey=True, squeeze=False).ravel()
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    if not names:
        put_note(panels[0], "no trial with parameters has a value")
        return figure
    best = best_of(done)
    for axes, name, title in zip(panels, names, shorten(names), strict=False):
        known = [row for row in done if name in row["params"]]
        scale = find_scale([row["params"][name] for row in known], (space or {}).get(name))
        axes.set_xlabel(title if len(title) < 30 else f"...{title[-27:]}")
        _scale_axis(axes, scale)
        _draw_slice(axes, name, known, scale, best, size_markers(len(done)))
        draw_untrained(axes, untrained)
    for axes in panels[::columns]:
        axes.set_ylabel(label)
    fit_scale(panels[0], [*[row["value"] for row in done], untrained])
    handles = [*source_handles(done), *line_handles(False, False, False, untrained)]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 4 if columns > 2 else 2))
    return figure


def _draw_slice(axes: Axes, name: str, rows: Sequence[Row], scale: Scale, best: Row | None, size: float) -> None:
    """Draw values against one parameter and ring the best one."""
    for row in rows:
        place = scale.number(row["params"][name]) + (spread(row["number"]) if scale.kind == "categories" else 0.0)
        draw_trial(axes, place, row, size)
        if row is best:
            axes.plot(place, row["value"], "o", markersize=13, markerfacecolor="none", markeredgecolor=INK, zorder=4)


def _scale_axis(axes: Axes, scale: Scale) -> None:
    """Give an x axis the scale of a parameter, with some room at both ends and ticks that do not touch."""
    ticks = scale.ticks(4)
    texts = [text for _, text in ticks]
    if scale.kind == "log":
        axes.set_xscale("log")
        room = (scale.high / scale.low) ** 0.08 if scale.high > scale.low else 1.5
        axes.set_xlim(scale.low / room, scale.high * room)
    else:
        room = 0.6 if scale.kind == "categories" else 0.08 * (scale.high - scale.low) or 0.1 * abs(scale.high) or 1.0
        axes.set_xlim(scale.low - room, scale.high + room)
    axes.xaxis.set_major_locator(FixedLocator([scale.number(value) for value, _ in ticks]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FixedFormatter(texts))
    if len("".join(texts)) > 24:
        axes.tick_params(axis="x", labelrotation=30)
