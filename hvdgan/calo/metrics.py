"""The metrics by name: each compares a generated sample with a reference sample and gives values with errors.

All of them are better when lower. Metrics of single observables are measured in each bin of incident energy and
averaged over the bins; those of feature vectors see all energies at once, the energy being one of the features.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hvdgan.calo.binning import choose_bins, lies_within, split_bins
from hvdgan.calo.classifier import tell_apart
from hvdgan.calo.distances import measure_fpd, measure_kpd
from hvdgan.calo.distributions import separate, separate_events, transport, transport_counts
from hvdgan.calo.merit import compare_means, measure_events
from hvdgan.calo.observables import layer_correlation
from hvdgan.calo.resampling import average, conclude, draw_weights
from hvdgan.calo.sample import Sample, features, observe
from hvdgan.calo.score import Score, Value
from hvdgan.calo.settings import DEFINED, Settings
from hvdgan.errors import DataError, NotFiniteError

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
Compute = Callable[[Sample, Sample, Settings], Values]


@dataclass(frozen=True)
class Metric:
    """One metric of the registry.

    Args:
        title: For people.
        compute: (generated, reference, settings) -> the values of this metric and of those that come with it.
        perfect: What equal distributions have, apart from noise.
    """

    title: str
    compute: Compute
    perfect: float = 0.0


def measure(names: Iterable[str], generated: Sample, reference: Sample, settings: Settings) -> Values:
    """Compare generated with reference showers.

    Args:
        names: Which metrics, keys of `METRICS`.
        generated: n events.
        reference: m events on the same grid, with the same distribution of incident energy.
        settings: Bins, replicas and sizes; events outside of the bins are left out.

    Raises:
        NotFiniteError: A generated shower holds NaN or infinity.
        DataError: A metric is unknown, a bin holds too few events, or the reference is not finite.
    """
    names = list(names)
    unknown = [name for name in names if name not in METRICS]
    if unknown:
        raise DataError(f"metrics {', '.join(unknown)} are unknown; legal are {', '.join(METRICS)}")
    _check(generated, reference)
    edges = choose_bins(np.concatenate([generated.energy, reference.energy]), settings.bins)
    made, real = (sample[lies_within(sample.energy, edges)] for sample in (generated, reference))
    found: Values = {}
    for name in names:
        if name not in found:
            found |= METRICS[name].compute(made, real, settings)
    return {name: found[name] for name in names}


def score(names: Iterable[str], generated: Sample, reference: Sample, other: Sample, settings: Settings) -> list[Score]:
    """Compare generated with reference showers, and beside it another reference sample with the same one.

    Args:
        names: Which metrics, keys of `METRICS`.
        generated: n events.
        reference: m events.
        other: An independent reference sample of n events; gives the floor.
        settings: Bins, replicas and sizes.

    Raises:
        NotFiniteError: A generated shower holds NaN or infinity.
        DataError: A metric is unknown, a bin holds too few events, or a reference is not finite.
    """
    names = list(names)
    values, floors = (measure(names, sample, reference, settings) for sample in (generated, other))
    return [Score(name, METRICS[name].title, values[name], floors[name], METRICS[name].perfect) for name in names]


@dataclass(frozen=True)
class _Bin:
    """Both samples in one bin of energy, with the weights of their events; see `resampling`."""

    made: Sample
    real: Sample
    weights: tuple[NDArray, NDArray]


def _bin(made: Sample, real: Sample, settings: Settings) -> list[_Bin]:
    """Divide two samples into bins of energy and draw the weights of their replicas."""
    edges, generator = choose_bins(np.concatenate([made.energy, real.energy]), settings.bins), _generator(settings)
    pairs = zip(*(split_bins(sample.energy, edges) for sample in (made, real)), strict=True)
    return [
        _Bin(made[one], real[other], tuple(draw_weights(len(e), settings.repeats, generator) for e in (one, other)))
        for one, other in pairs
    ]


def _summarise(replicas: NDArray, bins: list[_Bin]) -> Value:
    """Return a value from the mean over bins of a metric and its replicas, shape (1 + repeats,)."""
    counts = np.array([[len(part.made), len(part.real)] for part in bins])
    return Value(*conclude(replicas), int(counts.sum(axis=0).min()), int(counts.min()))


def _merit(made: Sample, real: Sample, settings: Settings) -> Values:
    """Return the figure of merit of 3DGAN; see `merit`."""
    bins = _bin(made, real, settings)
    return {"merit": _summarise(average([_merit_of_bin(part) for part in bins]), bins)}


def _merit_of_bin(part: _Bin) -> NDArray[np.float64]:
    """Return the merit of one bin and of its replicas."""
    sides = []
    for sample, weights in zip((part.made, part.real), part.weights, strict=True):
        events = measure_events(sample.profiles, sample.energy)
        sides.append({name: weights @ values / len(sample) for name, values in events.items()})
    rows = range(len(part.weights[0]))
    return np.array([compare_means(*({n: v[row] for n, v in s.items()} for s in sides))["merit"] for row in rows])


def _correlation(made: Sample, real: Sample, settings: Settings) -> Values:
    """Return the mean absolute difference of the correlations between layer energies, over the incident energy."""
    bins = _bin(made, real, settings)
    return {"correlation": _summarise(average([_correlation_of_bin(part) for part in bins]), bins)}


def _correlation_of_bin(part: _Bin) -> NDArray[np.float64]:
    """Return the mean difference of correlations of one bin and of its replicas."""
    sides = []
    for sample, weights in zip((part.made, part.real), part.weights, strict=True):
        layers = sample.profiles.z / sample.energy[:, None]
        sides.append(np.stack([layer_correlation(np.repeat(layers, row.astype(int), axis=0)) for row in weights]))
    pairs = np.triu_indices(sides[0].shape[1], k=1)
    return np.abs(sides[0] - sides[1])[:, *pairs].mean(axis=1) if len(pairs[0]) else np.zeros(len(sides[0]))


def _separation(made: Sample, real: Sample, settings: Settings) -> Values:
    """Return the separation power of every observable, and their mean."""
    return _compare_observables("separation", separate_events, separate, made, real, settings)


def _wasserstein(made: Sample, real: Sample, settings: Settings) -> Values:
    """Return the Wasserstein-1 distance of every observable in standard deviations, and their mean."""
    return _compare_observables("wasserstein", transport, transport_counts, made, real, settings)


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


def _classifier(made: Sample, real: Sample, settings: Settings) -> Values:
    """Return area and divergence of the classifier two-sample test."""
    found = tell_apart(
        features(made), features(real), settings.train, settings.calibrate, settings.iterations, settings.seed
    )
    events = min(len(made), len(real))
    return {
        "auc": Value(found.auc, found.auc_error, events, events),
        "jsd": Value(found.jsd, found.jsd_error, events, events),
    }


def _frechet(made: Sample, real: Sample, settings: Settings) -> Values:
    """Return the Frechet physics distance."""
    sizes, points, draws = settings.frechet_sizes, settings.frechet_points, settings.frechet_draws
    events = min(len(made), len(real))
    found = measure_fpd(features(made), features(real), sizes, points, draws, settings.seed)
    largest, (low, high) = min(events, sizes[1]), DEFINED.frechet_sizes
    note = f"subsets of at most {largest} events; defined with {low} to {high}" if largest < high else ""
    return {"fpd": Value(*found, events, events, note)}


def _kernel(made: Sample, real: Sample, settings: Settings) -> Values:
    """Return the kernel physics distance."""
    events = min(len(made), len(real))
    found = measure_kpd(features(made), features(real), settings.kernel_batch, settings.kernel_batches, settings.seed)
    batch, defined = min(settings.kernel_batch, events // 2), DEFINED.kernel_batch
    note = f"batches of {batch} events; defined with {defined}" if batch < defined else ""
    return {"kpd": Value(*found, events, events, note)}


def _check(generated: Sample, reference: Sample) -> None:
    """Check that two samples can be compared."""
    if generated.profiles.grid != reference.profiles.grid:
        raise DataError(
            f"generated showers have {generated.profiles.grid} cells, the reference has {reference.profiles.grid}"
        )
    if not (reference.is_finite() and (reference.energy > 0).all() and (generated.energy > 0).all()):
        raise DataError("the reference holds NaN, infinity or an incident energy that is not positive")
    if not generated.is_finite():
        raise NotFiniteError("a generated shower holds NaN or infinity")


def _generator(settings: Settings) -> np.random.Generator:
    """Return the generator of the bootstrap."""
    return np.random.default_rng(settings.seed)


METRICS = {
    "merit": Metric("figure of merit (3DGAN)", _merit),
    "correlation": Metric("layer correlations", _correlation),
    "separation": Metric("S, mean of observables", _separation),
    **{f"separation_{name}": Metric(f"S, {title}", _separation) for name, title in OBSERVABLES.items()},
    "wasserstein": Metric("W1, mean of observables", _wasserstein),
    **{f"wasserstein_{name}": Metric(f"W1, {title}", _wasserstein) for name, title in OBSERVABLES.items()},
    "auc": Metric("classifier, AUC", _classifier, perfect=0.5),
    "jsd": Metric("classifier, JSD", _classifier),
    "fpd": Metric("Frechet physics distance", _frechet),
    "kpd": Metric("kernel physics distance", _kernel),
}
"""Every metric by the name that `study.objective` takes."""
