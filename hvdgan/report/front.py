"""The Pareto front of a study with several objectives: what one of them costs in terms of another."""

from collections.abc import Sequence
from itertools import combinations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hvdgan.report.style import INK, MUTED, fit_scale, new_figure, put_log_ticks, put_note, put_title, styled
from hvdgan.report.trials import EDGE, Row, completed, look, name_objective, size_markers, source_handles

APART = 0.035
"""Two numbers of trials are written only when their points are so far apart, in fractions of the panel."""


@styled
def draw_front(rows: Sequence[Row], front: Sequence[int], objectives: Sequence[str]) -> Figure:
    """Draw every completed trial in the plane of each two objectives; those of the front are ringed and numbered.

    Args:
        rows: One per trial.
        front: Numbers of the trials that no other one dominates.
        objectives: Names of the values, at least two; all are better when lower.
    """
    pairs = list(combinations(range(len(objectives)), 2))
    figure = new_figure(8.0 if len(pairs) == 1 else 4.4 * len(pairs), 5.0)
    put_title(figure, "The Pareto front")
    done = [row for row in completed(rows) if len(row["values"]) == len(objectives)]
    chosen = sorted((row for row in done if row["number"] in set(front)), key=lambda row: row["values"])
    for axes, (one, other) in zip(figure.subplots(1, len(pairs), squeeze=False)[0], pairs, strict=True):
        axes.set_xlabel(name_objective(objectives[one]))
        axes.set_ylabel(name_objective(objectives[other]))
        if not done:
            put_note(axes, "no trial has values")
            continue
        _draw_plane(axes, done, chosen, one, other, len(objectives) == 2)
    handles = source_handles(done)
    if chosen:
        style = {"marker": "o", "markersize": 11, "markerfacecolor": "none", "markeredgecolor": INK}
        handles.append(Line2D([], [], color=INK, linewidth=1.4, label="front", **style))
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 5))
    return figure


def _draw_plane(axes: Axes, done: Sequence[Row], chosen: Sequence[Row], one: int, other: int, step: bool) -> None:
    """Draw all trials in one plane, the front on top of them; with two objectives as the staircase it is."""
    _fit(axes, done, one, other)
    for row in done:
        color, marker, _ = look(row)
        style = {"color": color, "markersize": size_markers(len(done)), **EDGE}
        axes.plot(row["values"][one], row["values"][other], marker, **style, zorder=3)
    places = [(row["values"][one], row["values"][other]) for row in chosen]
    if step and places:
        axes.step(*zip(*places, strict=True), where="post", color=INK, linewidth=1.4, zorder=2)
    for place in places:
        axes.plot(*place, "o", markersize=11, markerfacecolor="none", markeredgecolor=INK, zorder=4)
    _number(axes, chosen, places)
    axes.annotate(
        "better", (0.02, 0.02), (0.1, 0.1), xycoords="axes fraction", textcoords="axes fraction", color=MUTED,
        arrowprops={"arrowstyle": "->", "color": MUTED}, fontsize=9.5,
    )  # fmt: skip


def _fit(axes: Axes, rows: Sequence[Row], one: int, other: int) -> None:
    """Fit both axes to the values; `fit_scale` knows the vertical one, so the horizontal one borrows it."""
    fit_scale(axes, [row["values"][one] for row in rows])
    scale, limits = axes.get_yscale(), axes.get_ylim()
    axes.set_yscale("linear")
    axes.set_xscale(scale)
    axes.set_xlim(limits)
    if scale == "log":
        put_log_ticks(axes.xaxis, limits[1] / limits[0])
    fit_scale(axes, [row["values"][other] for row in rows])
    axes.grid(True, axis="both")


def _number(axes: Axes, chosen: Sequence[Row], places: Sequence[tuple[float, float]]) -> None:
    """Write the numbers of the trials of the front beside their points, where they do not touch."""
    written: list[tuple[float, float]] = []
    for row, place in zip(chosen, places, strict=True):
        x, y = axes.transAxes.inverted().transform(axes.transData.transform(place))
        if all(abs(x - other) > APART or abs(y - height) > 1.4 * APART for other, height in written):
            axes.annotate(str(row["number"]), place, (7, 7), textcoords="offset points", fontsize=9, weight="bold")
            written.append((x, y))
