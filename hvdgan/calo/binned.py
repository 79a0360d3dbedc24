"""Metrics of single observables: measured in each bin of incident energy with bootstrap replicas, and averaged.

Each function takes (generated, reference, settings), all events of which lie in the bins, and returns values by name.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hvdgan.calo.binning import choose_bins, split_bins
from hvdgan.calo.distributions import separate, separate_events, transport, transport_counts
from hvdgan.calo.merit import MIN_EVENTS, Merit, compare_means, measure_events
from hvdgan.calo.observables import layer_correlation
from hvdgan.calo.resampling import average, conclude, draw_weights
from hvdgan.calo.sample import Sample, observe
from hvdgan.calo.score import Value
from hvdgan.calo.settings import Settings

OBSERVABLES = {
    "sampling_fraction": "E_tot/E_inc",
    "layer_energy": "layer energies",
    "layer_centre": "layer centres",
    "layer_width": "layer widths",
    "depth": "depth",
    "depth_width": "width in depth",
    "sparsity": "sparsity",
    "cell_energy": "cell spectrum",
}
"""Names of the observables, and what they are called."""

Values = dict[str, Value]


@dataclass(frozen=True)
class _Bin:
    """Both samples in one bin of energy, with the weights of their events; see `resampling`."""

    made: Sample
    real: Sample
    weights: tuple[NDArray, NDArray]


def compare_merit(made: Sample, real: Sample, settings: Settings) -> Values:
    """Return the figure of merit of 3DGAN; see `merit`."""
    bins = _bin(made, real, settings)
    return {"merit": _summarise(average([_merit_of_bin(part) for part in bins]), bins)}


def tabulate_merit(made: Sample, real: Sample, settings: Settings) -> Merit:
    """Return the figure of merit of 3DGAN with a row for each bin; its value is that of `compare_merit`.

    Args:
        made: Generated events, or an independent reference sample.
        real: Reference events.
        settings: The bins; events outside are left out.

    Raises:
        DataError: A bin holds too few events.
    """
    bins = _bin(made, real, replace(settings, repeats=0))
    rows = [_merit_row(part) for part in bins]
    fewest = min(min(len(part.made), len(part.real)) for part in bins)
    events = sum(len(part.real) for part in bins)
    return Merit(float(np.mean([row["merit"] for row in rows])), rows, events, fewest >= MIN_EVENTS)


def compare_correlation(made: Sample, real: Sample, settings: Settings) -> Values:
    """Return the mean absolute difference of the correlations between layer energies, over the incident energy."""
    bins = _bin(made, real, settings)
    return {"correlation": _summarise(average([_correlation_of_bin(part) for part in bins]), bins)}


def compare_separation(made: Sample, real: Sample, settings: Settings) -> Values:
    """Return the separation power of every observable, and their mean."""
    return _compare_observables("separation", separate_events, separate, made, real, settings)


def compare_wasserstein(made: Sample, real: Sample, settings: Settings) -> Values:
    """Return the Wasserstein-1 distance of every observable in standard deviations, and their mean."""
    return _compare_observables("wasserstein", transport, transport_counts, made, real, settings)


def _bin(made: Sample, real: Sample, settings: Settings) -> list[_Bin]:
    """Divide two samples into bins of energy and draw the weights of their replicas."""
    edges, generator = (
        choose_bins(np.concatenate([made.energy, real.energy]), settings.bins),
        np.random.default_rng(settings.seed),
    )
    pairs = zip(*(split_bins(sample.energy, edges) for sample in (made, real)), strict=True)
    return [
        _Bin(made[one], real[other], tuple(draw_weights(len(e), settings.repeats, generator) for e in (one, other)))
        for one, other in pairs
    ]


def _summarise(replicas: NDArray, bins: list[_Bin]) -> Value:
    """Return a value from the mean over bins of a metric and its replicas, shape (1 + repeats,)."""
    counts = np.array([[len(part.made), len(part.real)] for part in bins])
    return Value(*conclude(replicas), int(counts.sum(axis=0).min()), int(counts.min()))


def _merit_of_bin(part: _Bin) -> NDArray[np.float64]:
    """Return the merit of one bin and of its replicas."""
    return np.array([compare_means(*sides)["merit"] for sides in _means(part)])


def _merit_row(part: _Bin) -> dict[str, float]:
    """Return the merit of one bin and its parts."""
    low, high = float(part.real.energy.min()), float(part.real.energy.max())
    return {"energy_low": low, "energy_high": high, "events": len(part.real), **compare_means(*next(_means(part)))}


def _means(part: _Bin) -> Iterator[list[dict[str, NDArray]]]:
    """Give the means that the merit compares, generated and reference, of one bin and of its replicas."""
    sides = []
    for sample, weights in zip((part.made, part.real), part.weights, strict=True):
        events = measure_events(sample.profiles, sample.energy)
        sides.append({name: weights @ values / len(sample) for name, values in events.items()})
    for row in range(len(part.weights[0])):
        yield [{name: values[row] for name, values in side.items()} for side in sides]


def _correlation_of_bin(part: _Bin) -> NDArray[np.float64]:
    """Return the mean difference of correlations of one bin and of its replicas."""
    sides = []
    for sample, weights in zip((part.made, part.real), part.weights, strict=True):
        layers = sample.profiles.z / sample.energy[:, None]
        sides.append(np.stack([layer_correlation(np.repeat(layers, row.astype(int), axis=0)) for row in weights]))
    pairs = np.triu_indices(sides[0].shape[1], k=1)
    return np.abs(sides[0] - sides[1])[:, *pairs].mean(axis=1) if len(pairs[0]) else np.zeros(len(sides[0]))


def _compare_observables(
    family: str, of_events: Callable, of_counts: Callable, made: Sample, real: Sample, settings: Settings
) -> Values:
    """Compare the distribution of each observable in each bin."""
    bins = _bin(made, real, settings)
    parts: dict[str, list[NDArray]] = {name: [] for name in OBSERVABLES}
    for part in bins:
        got, wanted = observe(part.made), observe(part.real)
        for name in got:
            parts[name].append(of_events(got[name], wanted[name], part.weights))
        counts = [weigh @ side.spectrum for weigh, side in zip(part.weights, (part.made, part.real), strict=True)]
        parts["cell_energy"].append(of_counts(*counts))
    replicas = {name: average(of_bins) for name, of_bins in parts.items()}
    values = {f"{family}_{name}": _summarise(found, bins) for name, found in replicas.items()}
    return {family: _summarise(average(list(replicas.values())), bins), **values}
