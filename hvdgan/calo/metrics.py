"""The metrics by name: each compares a generated sample with a reference sample and gives values with errors.

All of them are better when lower.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from hvdgan.calo.binned import (
    OBSERVABLES,
    compare_correlation,
    compare_merit,
    compare_separation,
    compare_wasserstein,
)
from hvdgan.calo.binning import choose_bins, lies_within
from hvdgan.calo.inclusive import compare_by_classifier, compare_frechet, compare_kernel
from hvdgan.calo.sample import Sample
from hvdgan.calo.score import Score, Value
from hvdgan.calo.settings import Settings
from hvdgan.errors import DataError, NotFiniteError

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


METRICS = {
    "merit": Metric("figure of merit (3DGAN)", compare_merit),
    "correlation": Metric("layer correlations", compare_correlation),
    "separation": Metric("S, mean of observables", compare_separation),
    **{f"separation_{name}": Metric(f"S, {title}", compare_separation) for name, title in OBSERVABLES.items()},
    "wasserstein": Metric("W1, mean of observables", compare_wasserstein),
    **{f"wasserstein_{name}": Metric(f"W1, {title}", compare_wasserstein) for name, title in OBSERVABLES.items()},
    "auc": Metric("classifier, AUC", compare_by_classifier, perfect=0.5),
    "jsd": Metric("classifier, JSD", compare_by_classifier),
    "fpd": Metric("Frechet physics distance", compare_frechet),
    "kpd": Metric("kernel physics distance", compare_kernel),
}
"""Every metric by the name that `study.objective` takes."""
