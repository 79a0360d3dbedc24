"""A study in pictures: how the search went, what mattered, and where good values lie."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hvdgan.report.style import (
    GENERATED,
    INK,
    REFERENCE_FILL,
    UNTRAINED,
    fit_scale,
    format_number,
    new_figure,
    plain_numbers,
    put_note,
    put_title,
    styled,
    tick_integers,
)
from hvdgan.report.trials import Row, completed, draw_trial, draw_untrained, line_handles, source_handles

COLUMNS = 4
"""Slices per row of a figure."""


def best_so_far(values: Sequence[float]) -> list[float]:
    """Return the lowest value seen up to each place.

    >>> best_so_far([3.0, 4.0, 1.0])
    [3.0, 3.0, 1.0]
    """
    return np.minimum.accumulate(np.asarray(values, dtype=float)).tolist()


@styled
def draw_history(rows: Sequence[Row], untrained: float | None = None, label: str = "figure of merit") -> Figure:
    """Draw the value of every trial in the order of their numbers, and the best so far.

    Args:
        rows: One per trial.
        untrained: Value of an untrained generator; a dashed line.
        label: Name of the value; lower is better.
    """
    figure = new_figure(9, 4.4)
    put_title(figure, "Search history")
    axes = figure.add_subplot()
    done = completed(rows)
    failed = [row["number"] for row in rows if row.get("state") == "failed"]
    fit_scale(axes, [*[row["value"] for row in done], untrained])
    for row in done:
        draw_trial(axes, row["number"], row)
    if done:
        numbers, values = [row["number"] for row in done], [row["value"] for row in done]
        axes.step(numbers, best_so_far(values), where="post", color=INK, linewidth=1.4, zorder=1.5)
        best = min(done, key=lambda row: row["value"])
        _mark_best(axes, best)
    else:
        put_note(axes, "no trial has a value", y=0.25)
    _draw_failures(axes, failed)
    draw_untrained(axes, untrained)
    numbers = [row["number"] for row in rows] or [0]
    axes.set_xlim(min(numbers) - 0.6, max(numbers) + 0.6)
    tick_integers(axes, 12)
    axes.set_xlabel("trial")
    axes.set_ylabel(f"{label}  (lower is better)")
    handles = [*source_handles(done), *line_handles(bool(done), bool(failed), untrained)]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
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


@styled
def draw_slices(rows: Sequence[Row], untrained: float | None = None, label: str = "figure of merit") -> Figure:
    """Draw the value of every trial against each of its parameters.

    Args:
        rows: One per trial.
        untrained: Value of an untrained generator; a dashed line.
        label: Name of the value; lower is better.
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
    for axes, name in zip(panels, names, strict=False):
        _draw_slice(axes, name, done, untrained)
    for axes in panels[::columns]:
        axes.set_ylabel(label)
    fit_scale(panels[0], [*[row["value"] for row in done], untrained])
    handles = [*source_handles(done), *line_handles(False, False, untrained)]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


def _draw_slice(axes: Axes, name: str, rows: Sequence[Row], untrained: float | None) -> None:
    """Draw values against one parameter: a number on a fitting scale, anything else as categories."""
    rows = [row for row in rows if name in row["params"]]
    values = [row["params"][name] for row in rows]
    axes.set_xlabel(name.rsplit(".", 1)[-1] if len(name) > 26 else name)
    if is_numeric(values):
        places = [float(value) for value in values]
        _scale_parameter(axes, places)
    else:
        choices = sorted({str(value) for value in values})
        places = [choices.index(str(row["params"][name])) + _spread(row["number"]) for row in rows]
        axes.set_xticks(range(len(choices)), choices, rotation=30 if len("".join(choices)) > 24 else 0)
        axes.set_xlim(-0.6, max(len(choices), 1) - 0.4)
    for place, row in zip(places, rows, strict=True):
        draw_trial(axes, place, row)
    if rows:
        place, best = min(zip(places, rows, strict=True), key=lambda pair: pair[1]["value"])
        axes.plot(place, best["value"], "o", markersize=13, markerfacecolor="none", markeredgecolor=INK, zorder=4)
    draw_untrained(axes, untrained)


def _spread(number: int) -> float:
    """Return a small step aside, different for neighbouring trials, so that points of one category do not overlap.

    >>> [round(_spread(number), 2) for number in range(3)]
    [-0.18, 0.04, -0.1]
    """
    return 0.36 * ((number * 0.618034) % 1 - 0.5)


def is_numeric(values: Sequence[Any]) -> bool:
    """Tell whether values are numbers; truth values are categories.

    >>> is_numeric([1, 2.5]), is_numeric([True, False]), is_numeric(["a", 1]), is_numeric([])
    (True, False, False, True)
    """
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _scale_parameter(axes: Axes, places: Sequence[float]) -> None:
    """Choose a linear or, over more than a factor of 20, a logarithmic scale, with some room at both ends."""
    if not places:
        return
    low, high = min(places), max(places)
    if low > 0 and high > 20 * low:
        room = (high / low) ** 0.08
        axes.set_xscale("log")
        axes.set_xlim(low / room, high * room)
        if low >= 0.005 and high <= 20_000:
            axes.xaxis.set_major_formatter(plain_numbers())
    else:
        room = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
        axes.set_xlim(low - room, high + room)
        axes.locator_params(axis="x", nbins=4)


def _mark_best(axes: Axes, best: Row) -> None:
    """Ring the best trial and write its value beside it."""
    axes.plot(best["number"], best["value"], "o", markersize=14, markerfacecolor="none", markeredgecolor=INK, zorder=4)
    text = format_number(best["value"])
    axes.annotate(
        text,
        (best["number"], best["value"]),
        (0, -11),
        textcoords="offset points",
        ha="center",
        va="top",
        weight="bold",
    )


def _draw_failures(axes: Axes, numbers: Sequence[int]) -> None:
    """Mark failed trials by crosses at the upper edge."""
    if numbers:
        heights = np.full(len(numbers), 0.97)
        axes.plot(
            numbers, heights, "X", color=UNTRAINED, markersize=7.5, transform=axes.get_xaxis_transform(), zorder=4
        )
