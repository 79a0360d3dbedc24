"""How much energy the cells hold: sampling fraction against incident energy, spectra of the total energy."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from numpy.typing import NDArray

from hvdgan.calo.observables import totals
from hvdgan.report.ratio import Curve, draw_ratio, draw_steps, split_panel
from hvdgan.report.style import (
    GENERATED,
    REFERENCE,
    REFERENCE_FILL,
    new_figure,
    put_energy_ticks,
    put_legend,
    put_note,
    put_title,
    styled,
)

EVENTS_PER_BIN = 40
"""At least so many reference events make a bin of incident energy, on average."""
BINS = 36
"""At most so many bins of a spectrum."""
NOTED = 0.01
"""A larger share of generated events out of range is written into a spectrum."""


def choose_edges(energy: NDArray, most: int = 10) -> NDArray[np.float64]:
    """Choose bins of incident energy: as many as the events fill, logarithmic over more than a decade and a half.

    Args:
        energy: Incident energies in GeV, (n,).
        most: At most so many bins.

    >>> choose_edges(np.array([100.0] * 30 + [200.0] * 60)).tolist()
    [100.0, 150.0, 200.0]
    >>> choose_edges(np.array([50.0])).tolist()
    [47.5, 52.5]
    """
    energy = np.asarray(energy, dtype=np.float64)
    low, high = float(energy.min()), float(energy.max())
    if low == high:
        return np.array([0.95 * low, 1.05 * high])
    bins = int(np.clip(len(energy) // EVENTS_PER_BIN, 1, most))
    spaced = np.geomspace if high > 30 * low else np.linspace
    edges = spaced(low, high, bins + 1)
    edges[0], edges[-1] = low, high
    return edges


@styled
def draw_sampling_fraction(
    reference: NDArray, reference_energy: NDArray, generated: NDArray, generated_energy: NDArray
) -> Figure:
    """Draw mean and relative spread of deposited over incident energy, in bins of incident energy.

    Args:
        reference: Deposited energy in GeV, (n, x, y, z) or summed, (n,).
        reference_energy: Incident energy in GeV, (n,).
        generated: Deposited energy in GeV, (m, x, y, z) or summed, (m,).
        generated_energy: Incident energy in GeV, (m,).
    """
    edges = choose_edges(reference_energy)
    binned = [
        bin_fractions(100 * total_energy(images) / energy, energy, edges)
        for images, energy in ((reference, reference_energy), (generated, generated_energy))
    ]
    figure = new_figure(11, 4.6)
    put_title(figure, "Sampling fraction against incident energy")
    grid = figure.add_gridspec(1, 2)
    mean = _draw_response(
        figure, grid[0], edges, [means for means, _ in binned], r"mean of $E_\mathrm{dep}/E_\mathrm{inc}$  [%]"
    )
    _draw_spread(mean, edges, *binned[0])
    spread = _draw_response(
        figure, grid[1], edges, [spreads for _, spreads in binned], r"spread over mean,  $\sigma/\mu$  [%]"
    )
    spread.stairs(binned[0][1].value, edges, fill=True, color=REFERENCE_FILL, zorder=0.5)
    spread.set_ylim(bottom=0)
    put_legend(figure, mean)
    return figure


@styled
def draw_spectra(
    reference: NDArray, reference_energy: NDArray, generated: NDArray, generated_energy: NDArray
) -> Figure:
    """Draw the spectra of deposited energy, and of deposited over incident energy.

    Args:
        reference: Deposited energy in GeV, (n, x, y, z) or summed, (n,).
        reference_energy: Incident energy in GeV, (n,).
        generated: Deposited energy in GeV, (m, x, y, z) or summed, (m,).
        generated_energy: Incident energy in GeV, (m,).
    """
    energies = total_energy(reference), total_energy(generated)
    fractions = 100 * energies[0] / reference_energy, 100 * energies[1] / generated_energy
    figure = new_figure(11, 4.6)
    put_title(figure, "Total deposited energy")
    grid = figure.add_gridspec(1, 2)
    panel = _draw_spectrum(figure, grid[0], *energies, r"deposited energy  $E_\mathrm{dep}$  [GeV]")
    _draw_spectrum(figure, grid[1], *fractions, r"deposited over incident energy  $E_\mathrm{dep}/E_\mathrm{inc}$  [%]")
    put_legend(figure, panel)
    return figure


def total_energy(images: NDArray) -> NDArray[np.float64]:
    """Return the deposited energy of every event; totals are returned as they are.

    Args:
        images: GeV, (n, x, y, z) or (n,).
    """
    return totals(images) if np.ndim(images) == 4 else np.asarray(images, dtype=np.float64)


def bin_fractions(fraction: NDArray, energy: NDArray, edges: NDArray) -> tuple[Curve, Curve]:
    """Return mean and relative spread of a fraction in bins of incident energy, both with statistical errors.

    The error of a relative spread s of n events is s / sqrt(2 (n - 1)), that of a normal distribution.

    Args:
        fraction: Deposited over incident energy, (n,), any unit.
        energy: Incident energy in GeV, (n,).
        edges: Bins of incident energy in GeV, (bins + 1,).

    Returns:
        Two curves over the bins; nan in empty bins, and for the spread of fewer than two events.
    """
    place = np.clip(np.searchsorted(edges, energy, side="right") - 1, 0, len(edges) - 2)
    inside = (energy >= edges[0]) & (energy <= edges[-1])
    values = np.array([_moments(fraction[inside & (place == number)]) for number in range(len(edges) - 1)])
    mean, mean_error, spread, spread_error = values.T
    return Curve(mean, mean_error), Curve(spread, spread_error)


def _moments(values: NDArray) -> tuple[float, float, float, float]:
    """Return mean, its error, relative spread in % and its error."""
    count = len(values)
    mean = float(values.mean()) if count else np.nan
    if count < 2:
        return mean, 0.0, np.nan, 0.0
    deviation = float(values.std(ddof=1))
    spread = 100 * deviation / mean if mean > 0 else np.nan
    return mean, deviation / np.sqrt(count), spread, spread / np.sqrt(2 * (count - 1))


def _draw_response(figure: Figure, place: SubplotSpec, edges: NDArray, curves: list[Curve], label: str) -> Axes:
    """Draw a quantity against incident energy: reference as a grey line, generated as points; return the main panel."""
    main, ratio = split_panel(figure, place)
    reference, generated = curves
    logarithmic = edges[-1] > 30 * edges[0]
    centres = np.sqrt(edges[1:] * edges[:-1]) if logarithmic else (edges[1:] + edges[:-1]) / 2
    main.stairs(reference.value, edges, baseline=None, color=REFERENCE, linewidth=1.6, label="reference")
    bars = {"xerr": [centres - edges[:-1], edges[1:] - centres], "yerr": generated.error}
    main.errorbar(centres, generated.value, **bars, fmt="o", markersize=4.5, color=GENERATED, label="generated")
    draw_ratio(ratio, centres, edges, reference, generated)
    if logarithmic:
        put_energy_ticks(ratio)
    ratio.set_xlabel(r"incident energy  $E_\mathrm{inc}$  [GeV]")
    ratio.set_xlim(edges[0], edges[-1])
    main.set_ylabel(label)
    _fit_axis(main, [*reference.value, *generated.value, *(generated.value + generated.error)])
    return main


def _draw_spread(axes: Axes, edges: NDArray, mean: Curve, spread: Curve) -> None:
    """Fill the range of one standard deviation (relative, in %) around the reference's mean."""
    deviation = mean.value * np.nan_to_num(spread.value) / 100
    low, high = mean.value - deviation, mean.value + deviation
    axes.stairs(
        high,
        edges,
        baseline=low,
        fill=True,
        color=REFERENCE_FILL,
        zorder=0.5,
        label=r"reference, $\pm\sigma$ of events",
    )
    _fit_axis(axes, [*low, *high, *axes.get_ylim()])


def _fit_axis(axes: Axes, values: list[float]) -> None:
    """Show all finite values with some room; from zero when they reach down to it."""
    known = [value for value in values if np.isfinite(value)]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    room = 0.12 * (high - low) or 0.1 * abs(high) or 1.0
    axes.set_ylim(low - room if low > room else 0.0, high + room)


def _draw_spectrum(figure: Figure, place: SubplotSpec, reference: NDArray, generated: NDArray, label: str) -> Axes:
    """Draw two normalised histograms and their ratio, say how much lies outside; return the main panel."""
    main, ratio = split_panel(figure, place)
    edges = _spectrum_edges(reference, generated)
    curves = _histogram(reference, edges), _histogram(generated, edges)
    main.set_ylim(0, 1.12 * max(float(np.nanmax(curve.value + curve.error, initial=0.0)) for curve in curves) or 1.0)
    draw_steps(main, edges, *curves)
    draw_ratio(ratio, (edges[1:] + edges[:-1]) / 2, edges, *curves)
    outside = float(np.mean((generated < edges[0]) | (generated > edges[-1]))) if len(generated) else 0.0
    if outside > NOTED:
        put_note(main, f"{outside:.0%} of the generated events are out of range", x=0.02, y=0.96, ha="left")
    ratio.set_xlabel(label)
    ratio.set_xlim(edges[0], edges[-1])
    main.set_ylabel("events per bin  [%]")
    return main


def _spectrum_edges(reference: NDArray, generated: NDArray) -> NDArray:
    """Choose bins that hold the whole reference and, as far as it is not absurd, the generated sample."""
    low, high = float(reference.min(initial=np.inf)), float(reference.max(initial=0.0))
    width = (high - low) or 0.2 * high or 1.0
    if len(generated):
        low = max(min(low, float(np.quantile(generated, 0.005))), low - 0.75 * width)
        high = min(max(high, float(np.quantile(generated, 0.995))), high + 0.75 * width)
    bins = int(np.clip(np.sqrt(len(reference)), 8, BINS))
    return np.linspace(max(low - 0.04 * width, 0.0), high + 0.04 * width, bins + 1)


def _histogram(values: NDArray, edges: NDArray) -> Curve:
    """Return the percentage of events per bin with its Poisson error."""
    counts = np.histogram(values, edges)[0]
    scale = 100 / max(len(values), 1)
    return Curve(counts * scale, np.sqrt(counts) * scale)
