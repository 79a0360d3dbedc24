"""Rings against replicas, in a picture: what a slow rank costs, what the networks are worth, what is sent."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hvdgan.report.style import FLOOR, GENERATED, INK, SKY, UNTRAINED, VIOLET, new_figure, put_note, put_title, styled

Row = Mapping[str, Any]

WIDTH = 0.38
"""Of a bar; two stand beside each other in a layout."""

SPEEDS = {False: (GENERATED, "all ranks alike"), True: (UNTRAINED, "one rank slowed 3 times")}
"""Colour and name of what was measured, by whether a rank is slow."""

SENT = {
    "reduced": (VIOLET, "in all-reduces"),
    "exchanged": (FLOOR, "with the centre"),
    "shared": (SKY, "from it to rings"),
}
"""Colour and name of bytes, by what they are sent for."""


@styled
def draw_replicas(rows: Sequence[Row]) -> Figure:
    """Draw events per second, merit and bytes sent of layouts that trained on equally many events.

    Args:
        rows: Lines of kind "replicas": `layout`, `ranks`, `training.replicas`, `slow`, `events_per_second`,
            `last_merit`, `reduced`, `exchanged` and `shared` in bytes; medians are drawn of a layout that was measured
            again, and the range of all, also of a line's own such as `last_merit_spread`.
    """
    figure = new_figure(11, 4.2)
    put_title(figure, "A ring, replicas, or both")
    layouts = {row["layout"]: f"{row['layout']}\n{_shape(row)}" for row in rows}
    panels = figure.subplots(1, 3)
    for axes, key, label in zip(
        panels, ("events_per_second", "last_merit"), ("events per second", "merit at the end"), strict=False
    ):
        for offset, (slow, (colour, name)) in zip((-WIDTH / 2, WIDTH / 2), SPEEDS.items(), strict=True):
            heights = [_median(rows, layout, key, slow) for layout in layouts]
            places = [place + offset for place in range(len(layouts))]
            axes.bar(places, heights, WIDTH, color=colour, label=name)
            _draw_ranges(axes, places, [_range(rows, layout, key, slow) for layout in layouts])
        _finish(axes, layouts, label)
    _draw_sent(panels[2], rows, layouts)
    if layouts:
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower left", ncols=2)
        figure.legend(*panels[2].get_legend_handles_labels(), loc="outside lower right", ncols=2)
    else:
        put_note(panels[0], "no replicas were measured")
    return figure


def _draw_ranges(axes: Axes, places: Sequence[float], ranges: Sequence[tuple[float, float]]) -> None:
    """Draw a line over each bar from the smallest to the largest value."""
    lows, highs = [low for low, _ in ranges], [high for _, high in ranges]
    axes.vlines(places, lows, highs, color=INK, linewidth=1.4)


def _draw_sent(axes: Axes, rows: Sequence[Row], layouts: Mapping[str, str]) -> None:
    """Stack what all ranks sent in the training."""
    below = [0.0] * len(layouts)
    for key, (colour, name) in SENT.items():
        heights = [_median(rows, layout, key, slow=False) / 1e6 for layout in layouts]
        axes.bar(range(len(layouts)), heights, 2 * WIDTH, bottom=below, color=colour, label=name)
        below = [one + more for one, more in zip(below, heights, strict=True)]
    _finish(axes, layouts, "sent by all ranks  [MB]")


def _finish(axes: Axes, layouts: Mapping[str, str], label: str) -> None:
    """Name the layouts and what is drawn of them."""
    axes.grid(False, axis="x")
    axes.set_xticks(range(len(layouts)), layouts.values(), fontsize="small")
    axes.set_ylabel(label)
    axes.margins(y=0.08)


def _shape(row: Row) -> str:
    """Return replicas x ranks of a ring.

    >>> _shape({"ranks": 4, "training.replicas": 2})
    '2 x 2'
    """
    replicas = row["training.replicas"]
    return f"{replicas} x {row['ranks'] // replicas}"


def _median(rows: Sequence[Row], layout: str, key: str, slow: bool) -> float:
    """Return the median of a layout's measurements; 0 where there is none."""
    found = [row.get(key, 0.0) for row in rows if row["layout"] == layout and row["slow"] is slow]
    return statistics.median(found) if found else 0.0


def _range(rows: Sequence[Row], layout: str, key: str, slow: bool) -> tuple[float, float]:
    """Return the smallest and the largest of a layout's measurements; 0 where there is none.

    >>> _range([{"layout": "ring", "slow": False, "merit": 2.0, "merit_spread": [1.0, 3.0]}], "ring", "merit", False)
    (1.0, 3.0)
    """
    own = [row for row in rows if row["layout"] == layout and row["slow"] is slow]
    ends = [end for row in own for end in row.get(f"{key}_spread", [row[key]])]
    return min(ends, default=0.0), max(ends, default=0.0)
