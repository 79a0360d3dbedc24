"""A panel with two samples and, below it, their ratio: the picture most of this room's figures are made of."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from numpy.typing import NDArray

from hvdgan.report.style import GENERATED, REFERENCE, REFERENCE_FILL, put_note

TICKS = (0.05, 0.1, 0.2, 0.5, 1.0)
"""Distances from 1 at which a ratio axis may have its ticks."""


@dataclass(frozen=True)
class Curve:
    """Values with statistical errors.

    Args:
        value: One per bin, (bins,), nan where there is none.
        error: One standard deviation, (bins,), 0 where it is unknown.
    """

    value: NDArray
    error: NDArray


def mean_of(values: NDArray) -> Curve:
    """Return the mean over events and its standard error.

    Args:
        values: (events, bins), any unit.

    >>> curve = mean_of(np.array([[1.0, 2.0], [3.0, 2.0]]))
    >>> curve.value.tolist(), curve.error.tolist()
    ([2.0, 2.0], [1.0, 0.0])
    """
    events, bins = np.shape(values)
    if events == 0:
        return Curve(np.full(bins, np.nan), np.zeros(bins))
    mean = np.mean(values, axis=0, dtype=np.float64)
    if events == 1:
        return Curve(mean, np.zeros(bins))
    return Curve(mean, np.std(values, axis=0, ddof=1, dtype=np.float64) / np.sqrt(events))


def divide(curve: Curve, by: NDArray) -> Curve:
    """Divide values and errors by numbers; nan where the divisor is not positive.

    Args:
        curve: (bins,).
        by: (bins,).
    """
    divisor = np.where(np.nan_to_num(by) > 0, by, np.nan)
    return Curve(curve.value / divisor, curve.error / divisor)


def choose_tick(ratio: NDArray) -> float:
    """Choose how far from 1 a ratio axis has its ticks: the smallest distance that shows nine tenths of the points.

    Args:
        ratio: Generated over reference, any shape; nan is left out.

    >>> choose_tick(np.array([1.01, 0.97])), choose_tick(np.array([1.4, 0.8])), choose_tick(np.array([0.0, 30.0]))
    (0.05, 0.5, 1.0)
    """
    distance = np.abs(ratio[np.isfinite(ratio)] - 1)
    reach = float(np.quantile(distance, 0.9)) if distance.size else 0.0
    return next((tick for tick in TICKS if reach <= 1.1 * tick), TICKS[-1])


def split_panel(figure: Figure, place: SubplotSpec) -> tuple[Axes, Axes]:
    """Make a main panel and a ratio panel below it that share their x axis."""
    grid = place.subgridspec(2, 1, height_ratios=(3, 1.15), hspace=0.04)
    main = figure.add_subplot(grid[0])
    ratio = figure.add_subplot(grid[1], sharex=main)
    main.tick_params(labelbottom=False)
    return main, ratio


def draw_steps(axes: Axes, edges: NDArray, reference: Curve, generated: Curve, base: float | None = 0.0) -> None:
    """Draw the reference as filled steps and the generated sample as a line, both with error bands.

    Args:
        axes: The main panel.
        edges: (bins + 1,).
        reference: (bins,).
        generated: (bins,).
        base: Where the filling starts; None on a logarithmic axis fills down to the axis.
    """
    floor = axes.get_ylim()[0] if base is None else base
    axes.stairs(reference.value, edges, baseline=floor, fill=True, color=REFERENCE_FILL, label="reference")
    axes.stairs(reference.value, edges, baseline=None, color=REFERENCE, linewidth=1.0)
    _draw_band(axes, edges, reference, REFERENCE)
    axes.stairs(generated.value, edges, baseline=None, color=GENERATED, linewidth=1.8, label="generated")
    _draw_band(axes, edges, generated, GENERATED)


def draw_ratio(axes: Axes, centres: NDArray, edges: NDArray, reference: Curve, generated: Curve) -> None:
    """Draw generated over reference: a grey band for the reference's error, points with the generated one's.

    Args:
        axes: The ratio panel.
        centres: Where the points stand, (bins,).
        edges: (bins + 1,).
        reference: (bins,).
        generated: (bins,).
    """
    ratio, band = divide(generated, reference.value), divide(reference, reference.value)
    tick = choose_tick(ratio.value)
    low, high = 1 - 1.2 * tick, 1 + 1.2 * tick
    width = np.nan_to_num(band.error)
    axes.stairs(1 + width, edges, baseline=1 - width, fill=True, color=REFERENCE_FILL)
    axes.axhline(1, color=REFERENCE, linewidth=1.0)
    inside = (ratio.value >= low) & (ratio.value <= high)
    look = {"fmt": "o", "markersize": 3.2, "color": GENERATED, "elinewidth": 1.2}
    axes.errorbar(centres[inside], ratio.value[inside], ratio.error[inside], **look)
    for beyond, edge, marker in ((ratio.value > high, high, "^"), (ratio.value < low, low, "v")):
        if beyond.any():
            _draw_outside(axes, centres[beyond], edge, marker)
    axes.set_ylim(low, high)
    axes.set_yticks([1 - tick, 1, 1 + tick])
    axes.set_ylabel("gen. / ref.", fontsize=9.5)
    if not np.isfinite(ratio.value).any():
        put_note(axes, "no ratio can be formed", y=0.75)


def _draw_band(axes: Axes, edges: NDArray, curve: Curve, color: str) -> None:
    """Draw a translucent band of one standard error."""
    low, high = curve.value - curve.error, curve.value + curve.error
    axes.stairs(high, edges, baseline=np.maximum(low, 0), fill=True, color=color, alpha=0.22, linewidth=0)


def _draw_outside(axes: Axes, centres: NDArray, edge: float, marker: str) -> None:
    """Mark points beyond the axis by open triangles at its edge."""
    look = {"markersize": 5, "markerfacecolor": "white", "markeredgecolor": GENERATED, "linestyle": "none"}
    axes.plot(centres, np.full(len(centres), edge), marker=marker, clip_on=False, zorder=4, **look)
