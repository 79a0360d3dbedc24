"""What showers look like on average: profiles along the three axes, and which layers go up and down together."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from numpy.typing import NDArray

from hvdgan.calo.observables import AxisProfiles, layer_correlation
from hvdgan.report.ratio import Curve, choose_tick, draw_ratio, draw_steps, mean_of, split_panel
from hvdgan.report.style import add_colour_bar, new_figure, put_legend, put_title, styled, tick_integers

LABELS = {"x": "x  [cell]", "y": "y  [cell]", "z": "z, along the shower  [layer]"}
"""Axes of the showers."""
PANELS = ("reference", "generated", "generated - reference")
DECADES = 4.5
"""Decades below its maximum that a transverse profile is shown over."""


@styled
def draw_profiles(
    reference: NDArray | AxisProfiles, generated: NDArray | AxisProfiles, title: str = "Mean energy per slice"
) -> Figure:
    """Draw the mean deposited energy per slice along x, y and z, and generated over reference.

    Args:
        reference: Deposited energy in GeV, (n, x, y, z), or its profiles.
        generated: Deposited energy in GeV, (m, x, y, z), or its profiles.
        title: Put above the figure.
    """
    figure = new_figure(11, 4.3)
    put_title(figure, title)
    grid = figure.add_gridspec(1, 3)
    samples = _profile(reference), _profile(generated)
    for place, (axis, label) in enumerate(LABELS.items()):
        slices = [1000 * getattr(profiles, axis) for profiles in samples]
        panel = _draw_profile(figure, grid[place], *slices, label, axis != "z")
    put_legend(figure, panel)
    return figure


@styled
def draw_correlations(
    reference: NDArray | AxisProfiles, generated: NDArray | AxisProfiles, title: str = "Correlation between layers"
) -> Figure:
    """Draw the correlation matrices of the layers' energies, reference, generated and their difference.

    Args:
        reference: Deposited energy in GeV, (n, x, y, z), or its profiles.
        generated: Deposited energy in GeV, (m, x, y, z), or its profiles.
        title: Put above the figure.
    """
    figure = new_figure(11, 3.9)
    put_title(figure, title)
    panels = figure.subplots(1, 3, sharex=True, sharey=True)
    matrices = [layer_correlation(_profile(sample).z) for sample in (reference, generated)]
    difference = matrices[1] - matrices[0]
    reach = choose_tick(1 + difference)
    drawn = [
        _draw_matrix(axes, matrix, name, limit)
        for axes, matrix, name, limit in zip(panels, [*matrices, difference], PANELS, [1, 1, reach], strict=True)
    ]
    panels[0].set_ylabel("layer")
    bar = {"aspect": 22, "pad": 0.02}
    add_colour_bar(figure, drawn[1], panels[:2], "Pearson correlation", ticks=[-1, -0.5, 0, 0.5, 1], **bar)
    add_colour_bar(figure, drawn[2], panels[2], "difference", ticks=[-reach, 0, reach], extend="both", **bar)
    return figure


def _profile(sample: NDArray | AxisProfiles) -> AxisProfiles:
    """Return the profiles of images; profiles are returned as they are."""
    return sample if isinstance(sample, AxisProfiles) else AxisProfiles.of(sample)


def _draw_profile(
    figure: Figure, place: SubplotSpec, reference: NDArray, generated: NDArray, label: str, log: bool
) -> Axes:
    """Draw one axis: the two samples and their ratio; return the main panel."""
    main, ratio = split_panel(figure, place)
    edges = np.arange(reference.shape[1] + 1) - 0.5
    curves = mean_of(reference), mean_of(generated)
    base = _prepare_scale(main, curves, log)
    draw_steps(main, edges, *curves, base=base)
    draw_ratio(ratio, edges[:-1] + 0.5, edges, *curves)
    ratio.set_xlabel(label)
    ratio.set_xlim(edges[0], edges[-1])
    tick_integers(ratio)
    main.set_ylabel("mean energy  [MeV]")
    return main


def _prepare_scale(axes: Axes, curves: tuple[Curve, Curve], log: bool) -> float | None:
    """Set the energy axis and return where the filling starts: None on a logarithmic axis."""
    top = max(float(np.nanmax(curve.value, initial=0.0)) for curve in curves)
    if top <= 0:
        axes.set_ylim(0, 1)
        return 0.0
    if not log:
        axes.set_ylim(0, 1.1 * top)
        return 0.0
    positive = np.concatenate([curve.value[curve.value > 0] for curve in curves])
    axes.set_yscale("log")
    axes.set_ylim(max(0.5 * positive.min(), top * 10**-DECADES), 2 * top)
    return None


def _draw_matrix(axes: Axes, matrix: NDArray, name: str, limit: float) -> QuadMesh:
    """Draw a matrix in colours from -limit (blue) over 0 (white) to limit (red)."""
    edges = np.arange(len(matrix) + 1) - 0.5
    mesh = axes.pcolormesh(edges, edges, matrix, cmap="RdBu_r", vmin=-limit, vmax=limit)
    axes.set_title(name, fontsize=11)
    axes.set_xlabel("layer")
    axes.grid(False)
    tick_integers(axes)
    axes.set_yticks([tick for tick in axes.get_xticks() if 0 <= tick < len(matrix)])
    return mesh
