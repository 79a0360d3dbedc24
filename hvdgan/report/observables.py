"""What showers look like event by event: histograms of their observables, and how each layer varies."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from numpy.typing import NDArray

from hvdgan.calo.observables import CELL_EDGES
from hvdgan.calo.sample import Sample, observe
from hvdgan.report.ratio import Curve, draw_ratio, draw_steps, mean_of, split_panel
from hvdgan.report.style import new_figure, put_legend, put_log_ticks, put_title, styled, tick_integers

BINS = 40
"""At most so many bins of a histogram."""

HISTOGRAMS = {
    "depth": (1.0, "centre along the shower  [layer]"),
    "depth_width": (1.0, "width along the shower  [layer]"),
    "sparsity": (100.0, "cells above 0.3 MeV  [%]"),
}
"""Factor and axis label of each observable that is drawn as a histogram."""


@styled
def draw_observables(reference: Sample, generated: Sample, title: str = "Shapes of showers") -> Figure:
    """Draw depth, width and sparsity as histograms, the spectrum of cells, and width and restlessness of the layers.

    Args:
        reference: n events.
        generated: m events on the same grid.
        title: Put above the figure.
    """
    figure = new_figure(11, 8.2)
    put_title(figure, title)
    grid = figure.add_gridspec(2, 3)
    real, made = observe(reference), observe(generated)
    for place, (name, (factor, label)) in enumerate(HISTOGRAMS.items()):
        panel = _draw_histogram(figure, grid[0, place], factor * real[name][:, 0], factor * made[name][:, 0], label)
    _draw_spectrum(figure, grid[1, 0], reference.spectrum, generated.spectrum)
    widths = mean_of(_halve(real["layer_width"])), mean_of(_halve(made["layer_width"]))
    _draw_layers(figure, grid[1, 1], *widths, "mean transverse width  [cell]")
    centres = _spread(_halve(real["layer_centre"])), _spread(_halve(made["layer_centre"]))
    _draw_layers(figure, grid[1, 2], *centres, "spread of the centre  [cell]")
    put_legend(figure, panel)
    return figure


def _draw_histogram(figure: Figure, place: SubplotSpec, reference: NDArray, generated: NDArray, label: str) -> Axes:
    """Draw the share of events per bin; return the main panel."""
    low, high = np.quantile(np.concatenate([reference, generated]), [0.001, 0.999]) if len(reference) else (0.0, 1.0)
    room = 0.05 * (high - low) or 0.5
    edges = np.linspace(low - room, high + room, int(np.clip(np.sqrt(len(reference)), 8, BINS)) + 1)
    curves = [_share(np.histogram(values, edges)[0], len(values)) for values in (reference, generated)]
    main, ratio = split_panel(figure, place)
    main.set_ylim(0, 1.12 * max(float(np.max(curve.value + curve.error, initial=0.0)) for curve in curves) or 1.0)
    draw_steps(main, edges, *curves)
    draw_ratio(ratio, (edges[1:] + edges[:-1]) / 2, edges, *curves)
    _finish(main, ratio, edges, "events per bin  [%]", label)
    return main


def _draw_spectrum(figure: Figure, place: SubplotSpec, reference: NDArray, generated: NDArray) -> None:
    """Draw the mean number of cells per bin of their energy, both axes logarithmic."""
    edges = 1000 * CELL_EDGES
    curves = [mean_of(counts[:, 1:-1]) for counts in (reference, generated)]
    top = max(float(np.nanmax(curve.value, initial=0.0)) for curve in curves) or 1.0
    filled = np.flatnonzero(np.nan_to_num(np.sum([curve.value for curve in curves], axis=0)) > 1e-5 * top)
    first, last = (filled[0], filled[-1] + 1) if len(filled) else (0, len(edges) - 1)
    main, ratio = split_panel(figure, place)
    main.set_xscale("log")
    main.set_yscale("log")
    main.set_ylim(1e-5 * top, 3 * top)
    draw_steps(main, edges, *curves, base=None)
    draw_ratio(ratio, np.sqrt(edges[1:] * edges[:-1]), edges, *curves)
    put_log_ticks(ratio.xaxis, 1e4)
    ratio.minorticks_off()
    _finish(main, ratio, edges[first : last + 1], "cells per event and bin", "energy of a cell  [MeV]")


def _draw_layers(figure: Figure, place: SubplotSpec, reference: Curve, generated: Curve, label: str) -> None:
    """Draw a quantity of the layers, over x and y."""
    edges = np.arange(len(reference.value) + 1) - 0.5
    main, ratio = split_panel(figure, place)
    main.set_ylim(0, 1.15 * max(float(np.nanmax(c.value, initial=0.0)) for c in (reference, generated)) or 1.0)
    draw_steps(main, edges, reference, generated)
    draw_ratio(ratio, edges[:-1] + 0.5, edges, reference, generated)
    tick_integers(ratio)
    _finish(main, ratio, edges, label, "z, along the shower  [layer]")


def _finish(main: Axes, ratio: Axes, edges: NDArray, quantity: str, label: str) -> None:
    """Name the axes and end them with the bins."""
    main.set_ylabel(quantity)
    ratio.set_xlabel(label)
    ratio.set_xlim(edges[0], edges[-1])


def _halve(layers: NDArray) -> NDArray:
    """Return columns of x followed by those of y as events of one kind, shape (2 n, layers)."""
    return np.concatenate(np.split(layers, 2, axis=1))


def _spread(values: NDArray) -> Curve:
    """Return the standard deviation over events and its error, sqrt((m4 - s^4) / n) / 2 s."""
    events, bins = values.shape
    if events < 2:
        return Curve(np.full(bins, np.nan), np.zeros(bins))
    spread, fourth = values.std(axis=0), np.mean((values - values.mean(axis=0)) ** 4, axis=0)
    error = np.sqrt(np.maximum(fourth - spread**4, 0.0) / events)
    return Curve(spread, np.divide(error, 2 * spread, out=np.zeros(bins), where=spread > 0))


def _share(counts: NDArray, events: int) -> Curve:
    """Return the percentage of events per bin with its Poisson error."""
    scale = 100 / max(events, 1)
    return Curve(counts * scale, np.sqrt(counts) * scale)
