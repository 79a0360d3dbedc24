"""Metrics of feature vectors: they see all incident energies at once, the energy being one of the features.

Each function takes (generated, reference, settings) and returns values by name.
"""

from hvdgan.calo.classifier import tell_apart
from hvdgan.calo.distances import measure_fpd, measure_kpd
from hvdgan.calo.sample import Sample, features
from hvdgan.calo.score import Value
from hvdgan.calo.settings import DEFINED, Settings

Values = dict[str, Value]


def compare_by_classifier(made: Sample, real: Sample, settings: Settings) -> Values:
    """Return area and divergence of the classifier two-sample test."""
    found = tell_apart(
        features(made), features(real), settings.train, settings.calibrate, settings.iterations, settings.seed
    )
    events = min(len(made), len(real))
    return {
        "auc": Value(found.auc, found.auc_error, events, events),
        "jsd": Value(found.jsd, found.jsd_error, events, events),
    }


def compare_frechet(made: Sample, real: Sample, settings: Settings) -> Values:
    """Return the Frechet physics distance."""
    sizes, points, draws = settings.frechet_sizes, settings.frechet_points, settings.frechet_draws
    events = min(len(made), len(real))
    found = measure_fpd(features(made), features(real), sizes, points, draws, settings.seed)
    largest, (low, high) = min(events, sizes[1]), DEFINED.frechet_sizes
    note = f"subsets of at most {largest} events; defined with {low} to {high}" if largest < high else ""
    return {"fpd": Value(*found, events, events, note)}


def compare_kernel(made: Sample, real: Sample, settings: Settings) -> Values:
    """Return the kernel physics distance."""
    events = min(len(made), len(real))
    found = measure_kpd(features(made), features(real), settings.kernel_batch, settings.kernel_batches, settings.seed)
    batch, defined = min(settings.kernel_batch, events // 2), DEFINED.kernel_batch
    note = f"batches of {batch} events; defined with {defined}" if batch < defined else ""
    return {"kpd": Value(*found, events, events, note)}
