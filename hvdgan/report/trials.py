"""How a trial is drawn, the same in every picture of a study: its colour and marker tell where it came from.

Trials are plain rows, as `study.history` makes them. Keys: `number`; `state` ("done", "pruned", "failed", "running",
"waiting"); `value` (None without one); `params` (name -> value); `source` ("startup", "gp", "tpe", "random",
"enqueued", "fixed"). Other keys are left alone.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from hvdgan.report.style import ACCENT, FLOOR, GENERATED, INK, UNTRAINED, VIOLET

Row = Mapping[str, Any]

SOURCES = {
    "startup": ("#8a949e", "o", "start-up (random)"),
    "random": ("#8a949e", "s", "random"),
    "gp": (GENERATED, "o", "Gaussian process"),
    "tpe": (FLOOR, "D", "TPE"),
    "enqueued": (ACCENT, "P", "enqueued"),
    "fixed": (ACCENT, "v", "nothing to choose"),
}
"""Colour, marker and name of where a point came from; others are violet triangles."""


def completed(rows: Sequence[Row]) -> list[Row]:
    """Return the trials that ended with a finite value, in the order of their numbers.

    >>> [row["number"] for row in completed([{"number": 1, "value": 2.0}, {"number": 0, "value": None}])]
    [1]
    """
    known = [row for row in rows if row.get("value") is not None and math.isfinite(row["value"])]
    return sorted((row for row in known if row.get("state", "done") == "done"), key=lambda row: row["number"])


def draw_trial(axes: Axes, place: float, row: Row) -> None:
    """Draw one trial's value."""
    color, marker, _ = look(row)
    axes.plot(place, row["value"], marker, color=color, markersize=7, markeredgecolor="white", zorder=3)


def look(row: Row) -> tuple[str, str, str]:
    """Return colour, marker and name of a trial's source."""
    source = str(row.get("source") or "unknown")
    return SOURCES.get(source, (VIOLET, "^", source))


def draw_untrained(axes: Axes, untrained: float | None) -> None:
    """Draw the untrained generator's value."""
    if untrained is not None and math.isfinite(untrained):
        axes.axhline(untrained, color=UNTRAINED, linewidth=1.3, linestyle=(0, (5, 3)), zorder=1)


def source_handles(rows: Sequence[Row]) -> list[Line2D]:
    """Return legend entries for the sources that occur."""
    looks = dict.fromkeys(look(row) for row in rows)
    style = {"linestyle": "none", "markersize": 7, "markeredgecolor": "white"}
    return [Line2D([], [], color=color, marker=marker, label=name, **style) for color, marker, name in looks]


def line_handles(best: bool, failed: bool, untrained: float | None) -> list[Line2D]:
    """Return legend entries for the lines of the history."""
    handles = [Line2D([], [], color=INK, linewidth=1.4, label="best so far")] if best else []
    if failed:
        handles.append(Line2D([], [], color=UNTRAINED, marker="X", linestyle="none", markersize=7.5, label="failed"))
    if untrained is not None and math.isfinite(untrained):
        handles.append(Line2D([], [], color=UNTRAINED, linestyle=(0, (5, 3)), linewidth=1.3, label="untrained"))
    return handles
