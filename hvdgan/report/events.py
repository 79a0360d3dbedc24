"""Event displays: single showers side by side, the reference's above, generated ones of the same energies below."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from mpl_toolkits.mplot3d import Axes3D
from numpy.typing import NDArray

from hvdgan.report.style import (
    DEPOSIT,
    MUTED,
    add_colour_bar,
    new_figure,
    plain_numbers,
    put_note,
    put_title,
    styled,
    tick_integers,
)

DECADES = 4
"""Decades of deposited energy that the colours span."""
CELLS = 1500
"""A three-dimensional view shows at most so many cells, the largest."""


def pick_events(reference_energy: NDArray, generated_energy: NDArray, count: int = 4) -> list[tuple[int, int]]:
    """Pick reference events spread over the energy range, each with a generated one of its own, nearest in energy.

    Args:
        reference_energy: Incident energy in GeV, (n,).
        generated_energy: Incident energy in GeV, (m,).
        count: How many pairs; fewer when a sample has fewer events.

    Returns:
        Indices (reference, generated) in the order of energy; empty when a sample is empty.

    >>> pick_events(np.array([400.0, 10.0, 200.0]), np.array([390.0, 12.0, 210.0]), 2)
    [(1, 1), (0, 0)]
    """
    order = np.argsort(reference_energy, kind="stable")
    count = min(count, len(order), len(generated_energy))
    free = np.log(np.asarray(generated_energy, dtype=np.float64))
    pairs = []
    for event in order[np.linspace(0, len(order) - 1, count).round().astype(int)]:
        nearest = int(np.argmin(np.abs(free - np.log(reference_energy[event]))))
        free[nearest] = np.inf
        pairs.append((int(event), nearest))
    return pairs


@styled
def draw_events(
    reference: NDArray, reference_energy: NDArray, generated: NDArray, generated_energy: NDArray, count: int = 4
) -> Figure:
    """Draw projections of single showers onto the x-z plane, all in the same logarithmic colours.

    Args:
        reference: Deposited energy in GeV, (n, x, y, z).
        reference_energy: Incident energy in GeV, (n,).
        generated: Deposited energy in GeV, (m, x, y, z).
        generated_energy: Incident energy in GeV, (m,).
        count: At most so many pairs.
    """
    pairs = pick_events(reference_energy, generated_energy, count)
    figure = new_figure(11, 5.3)
    put_title(figure, "Single showers, seen from the side")
    if not pairs:
        return _say_empty(figure)
    rows = [
        ("reference", reference, reference_energy, [pair[0] for pair in pairs]),
        ("generated", generated, generated_energy, [pair[1] for pair in pairs]),
    ]
    panels = figure.subplots(2, len(pairs), sharex=True, sharey=True, squeeze=False)
    norm = _norm([1000 * images[event].sum(axis=1) for _, images, _, events in rows for event in events])
    for line, (name, images, energies, events) in zip(panels, rows, strict=True):
        for axes, event in zip(line, events, strict=True):
            mesh = _draw_projection(axes, images[event], norm)
            axes.set_title(f"{name}, {energies[event]:.0f} GeV", fontsize=10.5)
        line[0].set_ylabel("x  [cell]")
    for axes in panels[-1]:
        axes.set_xlabel("z  [layer]")
    add_colour_bar(figure, mesh, panels, "energy, summed over y  [MeV]", format=plain_numbers())
    return figure


@styled
def draw_event_pair(reference: NDArray, reference_energy: float, generated: NDArray, generated_energy: float) -> Figure:
    """Draw two showers in three dimensions: one dot per cell, larger and darker with more energy.

    Args:
        reference: Deposited energy in GeV of one event, (x, y, z).
        reference_energy: Its incident energy in GeV.
        generated: Deposited energy in GeV of one event, (x, y, z).
        generated_energy: Its incident energy in GeV.
    """
    figure = new_figure(11, 4.7)
    put_title(figure, "One shower in three dimensions")
    norm = _norm([1000 * reference, 1000 * generated])
    panels = [figure.add_subplot(1, 2, place, projection="3d", computed_zorder=False) for place in (1, 2)]
    samples = (("reference", reference, reference_energy), ("generated", generated, generated_energy))
    for axes, (name, image, energy) in zip(panels, samples, strict=True):
        dots = _draw_cells(axes, 1000 * image, norm)
        axes.set_title(f"{name}, {energy:.0f} GeV", fontsize=11, y=0.99)
    add_colour_bar(figure, dots, panels, "energy of a cell  [MeV]", format=plain_numbers(), pad=0.06, shrink=0.8)
    return figure


def _norm(energies: list[NDArray]) -> LogNorm:
    """Return colours for energies in MeV: up to the largest, down to the smallest but not more than a few decades."""
    positive = np.concatenate([values[values > 0] for values in energies]) if energies else np.zeros(0)
    if not positive.size:
        return LogNorm(10.0**-DECADES, 1.0)
    top = float(positive.max())
    return LogNorm(max(0.5 * float(positive.min()), top * 10.0**-DECADES), top)


def _draw_projection(axes: Axes, image: NDArray, norm: LogNorm) -> QuadMesh:
    """Draw one event's projection; empty cells stay white."""
    energy = 1000 * image.sum(axis=1, dtype=np.float64)
    across, along = energy.shape
    shown = np.ma.masked_less_equal(energy, 0)
    lowest = np.ma.maximum(shown, norm.vmin)
    edges = np.arange(along + 1) - 0.5, np.arange(across + 1) - 0.5
    mesh = axes.pcolormesh(*edges, lowest, norm=norm, cmap=DEPOSIT, rasterized=True)
    axes.grid(False)
    tick_integers(axes, 5)
    if energy.max(initial=0.0) <= 0:
        put_note(axes, "no energy")
    return mesh


def _draw_cells(axes: Axes3D, energy: NDArray, norm: LogNorm) -> PathCollection:
    """Draw the cells of one event (MeV) as dots, the far and small ones first."""
    places = np.argwhere(energy > norm.vmin)
    values = energy[tuple(places.T)]
    largest = np.argsort(values)[-CELLS:]
    places, values = places[largest], values[largest]
    size = 5 + 75 * np.clip(norm(values), 0, 1) ** 3
    x, y, z = places.T
    dots = axes.scatter(z, x, y, s=size, c=values, norm=norm, cmap=DEPOSIT, alpha=0.85, linewidths=0, depthshade=False)
    across, high, along = energy.shape
    axes.set(xlim=(-0.5, along - 0.5), ylim=(-0.5, across - 0.5), zlim=(-0.5, high - 0.5))
    axes.set_xlabel("z  [layer]")
    axes.set_ylabel("x  [cell]")
    axes.set_zlabel("y  [cell]", labelpad=2)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=1))
        axis.set_pane_color("#f7f8f9")
    axes.set_box_aspect((1.5, 1, 1), zoom=1.02)
    axes.patch.set_visible(False)
    axes.view_init(elev=18, azim=-62)
    if not len(values):
        axes.text2D(0.5, 0.5, "no energy", transform=axes.transAxes, ha="center", color=MUTED)
    return dots


def _say_empty(figure: Figure) -> Figure:
    """Say that there is nothing to show."""
    axes = figure.add_subplot()
    axes.set_axis_off()
    put_note(axes, "no events to show")
    return figure
