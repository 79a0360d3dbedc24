"""A study in pictures: how the search went, and what mattered."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hvdgan.report.style import (
    GENERATED,
    INK,
    REFERENCE_FILL,
    UNTRAINED,
    finite,
    fit_scale,
    format_number,
    new_figure,
    put_note,
    put_title,
    styled,
    tick_integers,
)
from hvdgan.report.trials import (
    Row,
    best_of,
    completed,
    draw_trial,
    draw_untrained,
    judge_by,
    line_handles,
    name_objective,
    size_markers,
    source_handles,
)


def best_so_far(values: Sequence[float]) -> list[float]:
    """Return the lowest value seen up to each place.

    >>> best_so_far([3.0, 4.0, 1.0])
    [3.0, 3.0, 1.0]
    """
    return np.minimum.accumulate(np.asarray(values, dtype=float)).tolist()


@styled
def draw_history(rows: Sequence[Row], untrained: float | None = None, objectives: Sequence[str] = ("merit",)) -> Figure:
    """Draw the value of every trial in the order of their numbers, and the best so far; a panel per objective.

    Args:
        rows: One per trial.
        untrained: First value of an untrained generator; a dashed line.
        objectives: Names of the values; all are better when lower.
    """
    figure = new_figure(9, 1.6 + 2.8 * len(objectives))
    put_title(figure, "Search history")
    panels = figure.subplots(len(objectives), 1, sharex=True, squeeze=False)[:, 0]
    for place, (axes, name) in enumerate(zip(panels, objectives, strict=True)):
        _draw_values(axes, judge_by(rows, place), None if place else untrained)
        axes.set_ylabel(f"{name_objective(name)}" + ("  (lower is better)" if len(objectives) == 1 else ""))
    numbers = [row["number"] for row in rows] or [0]
    panels[-1].set_xlim(min(numbers) - 0.6, max(numbers) + 0.6)
    tick_integers(panels[-1], 12)
    panels[-1].set_xlabel("trial")
    done, states = completed(rows), {row.get("state") for row in rows}
    marks = line_handles(bool(done), bool(_intermediate(rows)), "failed" in states, untrained)
    handles = [*source_handles([*done, *_intermediate(rows)]), *marks]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 5))
    return figure


@styled
def draw_importances(importances: Mapping[str, float], label: str = "importance for a good value") -> Figure:
    """Draw how much each parameter decides about the value.

    Args:
        importances: Parameter name -> importance, summing to 1; may be empty.
        label: What the importances are.
    """
    ranked = sorted(importances.items(), key=lambda item: item[1])
    figure = new_figure(9, 1.5 + 0.42 * max(len(ranked), 2))
    put_title(figure, "What mattered")
    axes = figure.add_subplot()
    axes.grid(False)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(left=False, bottom=False, labelbottom=False)
    if not ranked:
        axes.set_yticks([])
        put_note(axes, "too few finished trials to tell")
        return figure
    values = [max(value, 0.0) if math.isfinite(value) else 0.0 for _, value in ranked]
    bars = axes.barh([name for name, _ in ranked], values, color=REFERENCE_FILL, height=0.68)
    bars[-1].set_color(GENERATED)
    axes.bar_label(bars, [f"{value:.0%}" for value in values], padding=5, color=INK, fontsize=10)
    axes.set_xlim(0, 1.12 * max(*values, 1e-9))
    axes.set_xlabel(label, loc="left")
    return figure


def _draw_values(axes: Axes, rows: Sequence[Row], untrained: float | None) -> None:
    """Draw the values of one objective."""
    done, pruned = completed(rows), _intermediate(rows)
    fit_scale(axes, [*[row["value"] for row in (*done, *pruned)], untrained])
    _make_room_below(axes)
    for row in (*pruned, *done):
        draw_trial(axes, row["number"], row, size_markers(len(rows)))
    best = best_of(done)
    if best is not None:
        numbers, values = [row["number"] for row in done], [row["value"] for row in done]
        axes.step(numbers, best_so_far(values), where="post", color=INK, linewidth=1.4, zorder=1.5)
        _mark_best(axes, best)
    else:
        put_note(axes, "no trial has a value", y=0.25)
    _draw_failures(axes, [row["number"] for row in rows if row.get("state") == "failed"], size_markers(len(rows)))
    draw_untrained(axes, untrained)


def _make_room_below(axes: Axes) -> None:
    """Leave room for the number below the best value."""
    axes.set_ylim(bottom=(axes.transAxes + axes.transData.inverted()).transform((0.5, -0.1))[1])


def _intermediate(rows: Sequence[Row]) -> list[Row]:
    """Return the pruned trials with the value they had when they were given up."""
    return [row for row in rows if row.get("state") == "pruned" and finite([row.get("value")])]


def _mark_best(axes: Axes, best: Row) -> None:
    """Ring the best trial and write its value beside it."""
    place = (best["number"], best["value"])
    axes.plot(*place, "o", markersize=14, markerfacecolor="none", markeredgecolor=INK, zorder=4)
    text = format_number(best["value"])
    room = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.8}
    axes.annotate(
        text, place, (0, -11), textcoords="offset points", ha="center", va="top", weight="bold", bbox=room, zorder=5
    )


def _draw_failures(axes: Axes, numbers: Sequence[int], size: float) -> None:
    """Mark failed trials by crosses at the upper edge."""
    if numbers:
        heights = np.full(len(numbers), 0.97)
        style = {"color": UNTRAINED, "markersize": size, "transform": axes.get_xaxis_transform(), "zorder": 4}
        axes.plot(numbers, heights, "X", **style)
