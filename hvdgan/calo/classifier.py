"""The classifier two-sample test: whether a classifier that learned from examples can tell generated from reference.

The test of CaloFlow (Krause and Shih, arXiv:2106.05285) and the CaloChallenge, with gradient-boosted trees of
scikit-learn, which is imported here only. The classifier learns on one part of the events, is calibrated on another,
and judged on the rest.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hvdgan.errors import DataError

MIN_EVENTS = 10
"""Fewer events cannot be divided into three parts."""

LEARNING_RATE = 0.1

RECALIBRATIONS = 20
"""Times the calibration is repeated with resampled events, for its part of the divergence's error."""


@dataclass(frozen=True)
class Separation:
    """What a classifier reached on events it had not seen, with standard errors.

    Args:
        auc: Area under the ROC curve: 0.5 for samples that cannot be told apart, 1 for disjoint ones.
        auc_error: Of the area.
        jsd: Jensen-Shannon divergence over ln 2: 0 for equal, 1 for disjoint samples; noise can make it negative.
        jsd_error: Of the divergence.
    """

    auc: float
    auc_error: float
    jsd: float
    jsd_error: float


def tell_apart(
    generated: NDArray,
    reference: NDArray,
    train: float = 0.6,
    calibrate: float = 0.2,
    iterations: int = 100,
    seed: int = 0,
) -> Separation:
    """Train a classifier and see how well it tells generated from reference events.

    Args:
        generated: Features, shape (n, features), any unit.
        reference: Shape (m, features).
        train: Share of the events to learn from.
        calibrate: Share of the events to calibrate with; the rest judges.
        iterations: Number of trees.
        seed: Seeds the parting of the events and the trees.

    Raises:
        DataError: There are too few events.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    generator = np.random.default_rng(seed)
    parts = _part(generated, reference, (train, train + calibrate), generator)
    (learned, labels), (tuned, tuned_labels), (judged, judged_labels) = parts
    trees = HistGradientBoostingClassifier(
        max_iter=iterations, learning_rate=LEARNING_RATE, early_stopping=False, random_state=seed
    ).fit(learned, labels)
    marks, tuned_marks = (trees.decision_function(events) for events in (judged, tuned))
    auc, auc_error = area(marks[judged_labels == 1], marks[judged_labels == 0])
    jsd, own = divergence(_calibrate(tuned_marks, tuned_labels, marks), judged_labels)
    drawn = generator.integers(len(tuned), size=(RECALIBRATIONS, len(tuned)))
    again = [divergence(_calibrate(tuned_marks[row], tuned_labels[row], marks), judged_labels)[0] for row in drawn]
    jsd_error = float(np.hypot(own, np.std(again, ddof=1)))
    return Separation(auc, auc_error, jsd, jsd_error)


def area(positive: NDArray, negative: NDArray) -> tuple[float, float]:
    """Return the area under the ROC curve and its standard error.

    The area is the chance that a positive event has a higher mark than a negative one, ties counting half; its error
    is that of DeLong et al., Biometrics 44 (1988) 837.

    Args:
        positive: Marks of n events, higher means more likely positive, shape (n,).
        negative: Marks of m events, shape (m,).

    >>> area(np.array([0.35, 0.8]), np.array([0.1, 0.4]))[0]
    0.75
    """
    above, below = _rank(positive, negative), 1.0 - _rank(negative, positive)
    variance = sum(part.var(ddof=1) / len(part) for part in (above, below) if len(part) > 1)
    return float(above.mean()), float(np.sqrt(variance))


def divergence(chance: NDArray, labels: NDArray) -> tuple[float, float]:
    """Return the Jensen-Shannon divergence over ln 2 that calibrated chances imply, and its standard error.

    It is (ln 2 - BCE) / ln 2 with the binary cross entropy BCE, both classes counting the same.

    Args:
        chance: Of being generated, calibrated, strictly between 0 and 1, shape (n,).
        labels: 1 for generated, 0 for reference, shape (n,).

    >>> divergence(np.array([0.5, 0.5, 0.5, 0.5]), np.array([0, 1, 0, 1]))
    (0.0, 0.0)
    """
    losses = -np.log(np.where(labels == 1, chance, 1.0 - chance))
    sides = [losses[labels == side] for side in (0, 1)]
    entropy = sum(side.mean() for side in sides) / 2
    variance = sum(side.var(ddof=1) / len(side) for side in sides if len(side) > 1) / 4
    return float(1.0 - entropy / np.log(2)), float(np.sqrt(variance) / np.log(2))


def _part(
    generated: NDArray, reference: NDArray, borders: tuple[float, float], generator: np.random.Generator
) -> list[tuple[NDArray, NDArray]]:
    """Divide both samples at random; return features and labels of each of the three parts."""
    fewest = min(len(generated), len(reference))
    if fewest < MIN_EVENTS:
        raise DataError(f"{fewest} events cannot train and judge a classifier; at least {MIN_EVENTS} are needed")
    sides = []
    for side in (reference, generated):
        cuts = [round(border * len(side)) for border in borders]
        sides.append(np.split(side[generator.permutation(len(side))], cuts))
    return [
        (np.concatenate(both), np.repeat([0, 1], [len(part) for part in both])) for both in zip(*sides, strict=True)
    ]


def _rank(marks: NDArray, others: NDArray) -> NDArray[np.float64]:
    """Return the share of other marks below each mark, equal ones counting half."""
    ordered = np.sort(others)
    return (np.searchsorted(ordered, marks, "left") + np.searchsorted(ordered, marks, "right")) / (2 * len(others))


def _calibrate(marks: NDArray, labels: NDArray, wanted: NDArray) -> NDArray[np.float64]:
    """Return the chances that marks stand for, learned from labelled ones.

    Of n events nothing is known for certain, so that chances end half an event from 0 and 1.
    """
    from sklearn.isotonic import IsotonicRegression

    end = 0.5 / len(marks)
    return IsotonicRegression(y_min=end, y_max=1.0 - end, out_of_bounds="clip").fit(marks, labels).predict(wanted)
