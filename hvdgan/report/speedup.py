"""What more ranks bring, in pictures: from lines of `hvdgan bench`, and points that a model predicts."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, PercentFormatter

from hvdgan.report.style import (
    ACCENT,
    FAINT,
    FLOOR,
    GENERATED,
    INK,
    MUTED,
    SKY,
    UNTRAINED,
    VIOLET,
    finite,
    fit_scale,
    format_number,
    new_figure,
    put_log_ticks,
    put_note,
    put_title,
    styled,
)

Row = Mapping[str, Any]
Curve = Sequence[tuple[float, float]]

LOOKS = {
    ("weak", None): (GENERATED, "o", "hvdgan, batch per rank fixed"),
    ("strong", None): (VIOLET, "s", "hvdgan, batch of the ring fixed"),
    ("weak", "ddp"): (UNTRAINED, "^", "DistributedDataParallel, batch per rank fixed"),
    ("strong", "ddp"): (ACCENT, "v", "DistributedDataParallel, batch of the ring fixed"),
    ("weak", "apart"): (SKY, "<", "trainings without a ring, batch fixed"),
    ("strong", "apart"): (MUTED, ">", "trainings without a ring, batch divided"),
    ("emulated", None): (FLOOR, "D", "hvdgan, computation emulated"),
}
"""Colour, marker and name of a curve, by mode and control."""

SHADES = (GENERATED, SKY, FLOOR, ACCENT, UNTRAINED, VIOLET, MUTED)

ASIDE = 1.07
"""Factor by which points of one number of ranks and different modes are drawn apart."""

WAIT_TARGET = 0.02
"""Share of a step's time below which waiting for data does not matter."""


def efficiency_of(series: Sequence[Row]) -> list[float]:
    """Return the events per second and rank of a curve's points, over those of its first point, or of no overhead.

    >>> efficiency_of([{"seconds": 1.0, "batch": 8, "ranks": 1}, {"seconds": 1.25, "batch": 8, "ranks": 2}])
    [1.0, 0.8]
    >>> efficiency_of([{"seconds": 0.25, "compute": 0.2, "ranks": 2}])
    [0.8]
    """
    first = series[0]
    if first.get("compute") is not None:
        return [row["compute"] / row["seconds"] for row in series]
    rate = first["batch"] / first["seconds"]
    return [row["batch"] / row["seconds"] / rate for row in series]


@styled
def draw_speedup(curves: Sequence[Sequence[Row]], predicted: Sequence[Curve] = ()) -> Figure:
    """Draw speed-up and efficiency against ranks, beside the ideal line.

    Args:
        curves: Lines of kind "scaling", a curve each, in the order of ranks; see `forecast.group_series`.
        predicted: Ranks and efficiency of a model, curve by curve, in the same order; may be shorter.
    """
    figure = new_figure(11, 4.6)
    put_title(figure, "What more ranks bring")
    left, right = figure.subplots(1, 2)
    most = max((row["ranks"] for curve in curves for row in curve), default=2)
    left.plot([1, most], [1, most], color=MUTED, linewidth=1.2, linestyle=(0, (5, 3)), label="ideal")
    right.axhline(1.0, color=MUTED, linewidth=1.2, linestyle=(0, (5, 3)))
    for curve in curves:
        _draw_curve(left, right, curve)
    for points in predicted:
        _draw_prediction(left, right, points)
    _finish_ranks(left, most)
    left.set_yscale("log", base=2)
    left.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    left.set_ylabel("speed-up")
    _finish_ranks(right, most)
    right.set_ylim(0, 1.15)
    right.yaxis.set_major_formatter(PercentFormatter(1.0))
    right.set_ylabel("efficiency")
    handles, labels = left.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    figure.legend(unique.values(), unique.keys(), loc="outside lower center", ncols=3)
    return figure


@styled
def draw_overhead(points: Sequence[Row], within: float) -> Figure:
    """Draw what a step takes beside computing against ranks, as measured and as predicted.

    Args:
        points: `ranks`, `overhead`, `predicted_overhead` in seconds, and `mode`; see `forecast`.
        within: Relative difference up to which a prediction counts as met; a bar behind each point.
    """
    figure = new_figure(6.6, 4.0)
    put_title(figure, "Overhead of a step")
    axes = figure.add_subplot()
    if not points:
        put_note(axes, "no scaling was measured")
        return figure
    modes = list(dict.fromkeys(row["mode"] for row in points))
    places = [row["ranks"] * ASIDE ** (modes.index(row["mode"]) - len(modes) // 2) for row in points]
    _draw_predicted(axes, places, [1e3 * row["predicted_overhead"] for row in points], within)
    for mode in modes:
        colour, marker, name = LOOKS.get((mode, None), (INK, "x", mode))
        mine = [(at, 1e3 * row["overhead"]) for at, row in zip(places, points, strict=True) if row["mode"] == mode]
        axes.plot(*zip(*mine, strict=True), marker, color=colour, markersize=6, label=name)
    fit_scale(axes, [1e3 * row[key] for row in points for key in ("overhead", "predicted_overhead") if row[key] > 0])
    _finish_ranks(axes, max(row["ranks"] for row in points), least=min(row["ranks"] for row in points))
    axes.set_ylabel("step minus computing  [ms]")
    axes.legend(loc="upper left")
    return figure


@styled
def draw_all_reduce(rows: Sequence[Row], fitted: Mapping[int, Curve]) -> Figure:
    """Draw the time of an all-reduce against its size, for every number of ranks.

    Args:
        rows: Lines of kind "ring".
        fitted: Bytes and seconds of the model, by number of ranks.
    """
    figure = new_figure(7.4, 4.2)
    put_title(figure, "One all-reduce")
    axes = figure.add_subplot()
    for colour, ranks in zip(SHADES * len(fitted), sorted({row["ranks"] for row in rows}), strict=False):
        mine = sorted((row for row in rows if row["ranks"] == ranks), key=lambda row: row["bytes"])
        sizes, times = [row["bytes"] / 1e3 for row in mine], [1e3 * row["seconds"] for row in mine]
        axes.plot(sizes, times, "o", color=colour, markersize=4.5, label=f"{ranks} ranks")
        curve = fitted.get(ranks, ())
        axes.plot([size / 1e3 for size, _ in curve], [1e3 * time for _, time in curve], color=colour, linewidth=1.3)
    fit_scale(axes, [1e3 * row["seconds"] for row in rows])
    if rows:
        axes.set_xscale("log")
        sizes = [row["bytes"] for row in rows]
        put_log_ticks(axes.xaxis, max(sizes) / min(sizes))
        axes.legend(loc="upper left")
    axes.set_xlabel("size  [kB]; lines: model")
    axes.set_ylabel("time  [ms]")
    return figure


@styled
def draw_phases(rows: Sequence[Row]) -> Figure:
    """Draw what a step of one process spends its time on, a bar per measurement.

    Args:
        rows: Lines of kind "step".
    """
    figure = new_figure(9, 1.9 + 0.5 * max(len(rows), 1))
    put_title(figure, "Time per phase of a step")
    axes = figure.add_subplot()
    axes.grid(False)
    names = list(dict.fromkeys(name for row in rows for name in row["phases"]))
    for place, row in enumerate(rows):
        begin = 0.0
        for colour, name in zip(SHADES * len(names), names, strict=False):
            part = row["phases"].get(name, 0.0)
            axes.barh(place, part, left=begin, color=colour, height=0.66, label=name if place == 0 else None)
            begin += part
    axes.set_yticks(range(len(rows)), [_name_step(row) for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel("time  [s]")
    if names:
        figure.legend(loc="outside lower center", ncols=min(len(names), 6))
    else:
        put_note(axes, "no step was measured")
    return figure


@styled
def draw_waiting(rows: Sequence[Row]) -> Figure:
    """Draw which share of their time the steps of a training waited for data.

    Args:
        rows: Lines of metrics, `steps` and `waited_fraction` where a line has them.
    """
    figure = new_figure(7.4, 3.0)
    put_title(figure, "Waiting for data")
    axes = figure.add_subplot()
    known = [row for row in rows if finite([row.get("waited_fraction")])]
    axes.axhline(100 * WAIT_TARGET, color=MUTED, linewidth=1.2, linestyle=(0, (5, 3)), label=f"{WAIT_TARGET:.0%}")
    if known:
        shares = [100 * row["waited_fraction"] for row in known]
        axes.plot([row["steps"] for row in known], shares, "o-", color=GENERATED, markersize=4, linewidth=1.2)
        axes.set_ylim(0, 1.25 * max(*shares, 100 * WAIT_TARGET))
        axes.legend(loc="upper right")
        put_note(axes, f"mean {format_number(float(np.mean(shares)))} %", x=0.02, y=0.9, ha="left")
    else:
        put_note(axes, "no training was measured")
    axes.set_xlabel("training steps")
    axes.set_ylabel("share of a step  [%]")
    return figure


def _draw_curve(left: Axes, right: Axes, curve: Sequence[Row]) -> None:
    """Draw the measured points of a curve, with their range over the repeats in the efficiency."""
    colour, marker, name = LOOKS.get((curve[0]["mode"], curve[0].get("control")), (INK, "x", curve[0]["mode"]))
    ranks, shares = [row["ranks"] for row in curve], efficiency_of(curve)
    style = {"color": colour, "marker": marker, "markersize": 5.5, "linewidth": 1.2, "label": name}
    left.plot(ranks, [count * share for count, share in zip(ranks, shares, strict=True)], **style)
    bars = np.array([_range(share, row) for share, row in zip(shares, curve, strict=True)])
    right.errorbar(ranks, shares, bars.T, capsize=2.5, **style)


def _range(share: float, row: Row) -> tuple[float, float]:
    """Return how far an efficiency goes down and up over the repeats: the slowest and the fastest step.

    >>> _range(1.0, {"seconds": 2.0, "spread": [1.6, 2.5]})
    (0.19999999999999996, 0.25)
    """
    fast, slow = row.get("spread") or (row["seconds"], row["seconds"])
    return share - share * row["seconds"] / slow, share * row["seconds"] / fast - share


def _draw_prediction(left: Axes, right: Axes, points: Curve) -> None:
    """Draw the efficiency that a model predicts, and the speed-up that follows."""
    ranks, shares = [count for count, _ in points], [share for _, share in points]
    style = {"color": INK, "linewidth": 1.3, "linestyle": (0, (1, 1.5)), "label": "model", "zorder": 4}
    left.plot(ranks, [count * share for count, share in points], **style)
    right.plot(ranks, shares, **style)


def _draw_predicted(axes: Axes, places: Sequence[float], expected: Sequence[float], within: float) -> None:
    """Draw what is predicted, and the bar of the measured values from which it differs by no more."""
    low, high = ([value / factor for value in expected] for factor in (1 + within, 1 - within))
    axes.vlines(places, low, high, color=FAINT, linewidth=10, zorder=1)
    axes.plot(places, expected, "_", color=INK, markersize=10, label=f"model, +- {within:.0%}")


def _finish_ranks(axes: Axes, most: int, least: int = 1) -> None:
    """Make the x axis one of ranks: powers of 2."""
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator([2**power for power in range(most.bit_length() + 1)]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(0.9 * least, 1.12 * max(most, 2))
    axes.set_xlabel("ranks")


def _name_step(row: Row) -> str:
    """Name a measured step in two words and its batch."""
    return f"{row['backend']} {row['precision']}, batch {row['batch']}"
