"""Parallel coordinates: one line per trial through all its parameters, and on to its value."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hvdgan.report.scales import Scale, Space, find_scale, spread, wrap
from hvdgan.report.style import FAINT, GENERATED, INK, MUTED, new_figure, put_note, put_title, styled
from hvdgan.report.tables import shorten
from hvdgan.report.trials import Row, best_of, completed, name_objective

GOODNESS = LinearSegmentedColormap.from_list("goodness", [GENERATED, "#7fb4d6", "#dbe4ea"])
"""Colours of trials by their rank, the best first."""

MARGINS = 0.85, 0.6
"""Room to the left and to the right of the axes, in inches."""

UNSET = -0.1
"""Height of a parameter that a trial did not have."""


@styled
def draw_coordinates(
    rows: Sequence[Row],
    front: Sequence[int] = (),
    objectives: Sequence[str] = ("merit",),
    space: Space | None = None,
) -> Figure:
    """Draw each completed trial as a line through its parameters; pruned ones end before the value.

    Args:
        rows: One per trial.
        front: Numbers of the trials to highlight; the best one by default.
        objectives: Names of the values; each has an axis at the right.
        space: The search space, for the axes.
    """
    done, pruned = completed(rows), [row for row in rows if row.get("state") == "pruned" and row.get("params")]
    names = list(dict.fromkeys(name for row in (*done, *pruned) for name in row.get("params", {})))
    figure = new_figure(min(max(9.0, 1.15 * (len(names) + len(objectives))), 13.0), 5.0)
    put_title(figure, "Which combinations are good")
    axes = figure.add_subplot()
    axes.set_axis_off()
    if not names:
        put_note(axes, "no trial with parameters has a value")
        return figure
    everything = [*done, *pruned]
    scales = [_scale(everything, name, space) for name in names] + [
        find_scale([row["values"][place] for row in done]) for place in range(len(objectives)) if done
    ]
    lines = {row["number"]: _line(row, names, scales) for row in everything}
    unset = any(UNSET in line[:, 1] for line in lines.values())
    _draw_axes(axes, [*shorten(names), *map(name_objective, objectives)][: len(scales)], scales, unset)
    best = best_of(done)
    strong = set(front) or ({best["number"]} if best else set())
    _draw_lines(axes, done, pruned, lines, strong)
    _put_legend(figure, len(strong), bool(pruned))
    return figure


def _scale(rows: Sequence[Row], name: str, space: Space | None) -> Scale:
    """Return the axis of a parameter."""
    return find_scale([row["params"][name] for row in rows if name in row["params"]], (space or {}).get(name))


def _line(row: Row, names: Sequence[str], scales: Sequence[Scale]) -> np.ndarray:
    """Return the corners of a trial's line, (n, 2)."""
    heights = []
    for name, scale in zip(names, scales, strict=False):
        aside = spread(row["number"]) / max(len(scale.choices), 4) if scale.kind == "categories" else 0.0
        heights.append(scale.fraction(row["params"][name]) + aside if name in row["params"] else UNSET)
    if row.get("state") == "done":
        values = zip(row["values"], scales[len(names) :], strict=False)
        heights += [scale.fraction(value) for value, scale in values]
    return np.column_stack([np.arange(len(heights)), heights])


def _draw_lines(
    axes: Axes, done: Sequence[Row], pruned: Sequence[Row], lines: dict[int, np.ndarray], strong: set[int]
) -> None:
    """Draw pruned trials faintly, completed ones coloured by rank, the best last and strong."""
    faint = [lines[row["number"]] for row in pruned]
    axes.add_collection(LineCollection(faint, colors=MUTED, linewidths=0.7, alpha=0.25, linestyles="dotted"))
    ranked = sorted(done, key=lambda row: -row["value"])
    colors = GOODNESS(np.linspace(1, 0, max(len(ranked), 2)))[-len(ranked) :] if ranked else []
    width, alpha = (1.6, 0.9) if len(ranked) < 60 else (1.0, 0.6)
    axes.add_collection(
        LineCollection([lines[row["number"]] for row in ranked], colors=colors, linewidths=width, alpha=alpha)
    )
    few = len(strong) < 4
    for row in ranked:
        if row["number"] in strong:
            style = {"linewidth": 2.2, "marker": "o", "markersize": 5} if few else {"linewidth": 1.1, "alpha": 0.75}
            axes.plot(*lines[row["number"]].T, color=INK, zorder=5, **style)


def _draw_axes(axes: Axes, titles: Sequence[str], scales: Sequence[Scale], unset: bool) -> None:
    """Draw one vertical axis per parameter and value, with its name above and its values beside it."""
    inches = axes.figure.get_size_inches()[0]
    apart = max(inches - sum(MARGINS), 1.0) / max(len(scales) - 1, 1)
    axes.set_xlim(-MARGINS[0] / apart, len(scales) - 1 + MARGINS[1] / apart)
    axes.set_ylim(UNSET - 0.06 if unset else -0.06, 1.0)
    count = 5 if apart > 1.2 else 4
    for place, (title, scale) in enumerate(zip(titles, scales, strict=True)):
        axes.plot([place, place], [0, 1], color=MUTED, linewidth=1.0, zorder=3)
        axes.text(place, 1.06, wrap(title), ha="center", va="bottom", fontsize=10, fontweight="bold", linespacing=1.05)
        for value, text in scale.ticks(count):
            _draw_tick(axes, place, scale.fraction(value), text)
    if unset:
        axes.axhline(UNSET, color=FAINT, linewidth=0.8, zorder=0)
        _draw_tick(axes, 0, UNSET, "not set")


def _draw_tick(axes: Axes, place: int, height: float, text: str) -> None:
    """Write a value to the left of an axis, legible over the lines."""
    room = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.6}
    style = {"fontsize": 9, "color": INK, "bbox": room, "zorder": 6}
    axes.plot(place, height, "_", color=MUTED, markersize=6, zorder=3)
    axes.annotate(text, (place, height), (-7, 0), textcoords="offset points", ha="right", va="center", **style)


def _put_legend(figure: Figure, strong: int, pruned: bool) -> None:
    """Explain the lines."""
    handles = [
        Line2D([], [], color=INK, linewidth=2.0, label="best" if strong < 2 else "Pareto front"),
        Line2D([], [], color=GENERATED, label="better"),
        Line2D([], [], color="#dbe4ea", label="worse"),
    ]
    if pruned:
        handles.append(Line2D([], [], color=MUTED, linestyle="dotted", alpha=0.6, linewidth=1.0, label="pruned"))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
