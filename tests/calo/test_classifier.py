"""The classifier two-sample test: blind where there is nothing to see, sure where samples are disjoint."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hvdgan.calo.classifier import area, divergence, tell_apart
from hvdgan.errors import DataError


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    """Return two samples of one distribution, 1000 events with 4 features."""
    return np.random.default_rng(0).normal(size=(2, 1000, 4))


def test_samples_of_one_distribution_cannot_be_told_apart(samples: np.ndarray):
    found = tell_apart(*samples, iterations=20)
    assert found.auc == pytest.approx(0.5, abs=3 * found.auc_error)
    assert found.jsd == pytest.approx(0.0, abs=3 * found.jsd_error)
    assert 0.02 < found.auc_error < 0.04


def test_disjoint_samples_are_told_apart(samples: np.ndarray):
    found = tell_apart(samples[0] + 9.0, samples[1], iterations=20)
    assert (found.auc, found.auc_error) == (1.0, 0.0)
    assert 0.99 < found.jsd <= 1.0


def test_the_seed_decides(samples: np.ndarray):
    first, again, other = (tell_apart(*samples, iterations=3, seed=seed) for seed in (1, 1, 2))
    assert first == again != other


def test_few_events_are_refused(samples: np.ndarray):
    with pytest.raises(DataError, match="9 events cannot"):
        tell_apart(samples[0][:9], samples[1])


@given(st.lists(st.integers(0, 5), min_size=1, max_size=8), st.lists(st.integers(0, 5), min_size=1, max_size=8))
def test_the_area_counts_pairs(positive: list, negative: list):
    pairs = [(a > b) + (a == b) / 2 for a in positive for b in negative]
    assert area(np.array(positive), np.array(negative))[0] == pytest.approx(np.mean(pairs))


def test_the_area_has_the_error_of_repeated_samples():
    generator = np.random.default_rng(1)
    found = np.array([area(generator.normal(0.5, 1, 150), generator.normal(size=150)) for _ in range(200)])
    assert found[:, 1].mean() == pytest.approx(found[:, 0].std(), rel=0.2)
    assert found[:, 0].mean() == pytest.approx(0.6382, abs=0.01)  # Phi(0.5 / sqrt 2)


def test_divergence_by_hand():
    """Chances of 3/4 for the truth everywhere: 1 - log2(4/3)."""
    value, error = divergence(np.array([0.75, 0.75, 0.25]), np.array([1, 1, 0]))
    assert value == pytest.approx(1 - np.log2(4 / 3))
    assert error == 0.0
