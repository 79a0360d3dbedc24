"""Separation power and Wasserstein distance: hand-worked, equal to scipy's, and replicas equal to resampled events."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import wasserstein_distance

from hvdgan.calo.distributions import separate, separate_events, transport, transport_counts
from hvdgan.calo.resampling import conclude, draw_weights

COUNTS = arrays(np.float64, 6, elements=st.integers(0, 50)).filter(lambda counts: counts.sum() > 0)


def alone(*samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of samples without replicas."""
    return tuple(np.ones((1, len(sample))) for sample in samples)


@given(first=COUNTS, second=COUNTS, factor=st.integers(1, 9))
def test_separation_is_symmetric_bounded_and_without_scale(first, second, factor):
    value = separate(first, second)
    assert 0.0 <= value <= 1.0 + 1e-12
    assert separate(second, first) == pytest.approx(value)
    assert separate(factor * first, second) == pytest.approx(value)
    assert separate(first, factor * first) == pytest.approx(0.0)


def test_disjoint_samples_are_separate_and_equal_ones_are_not():
    values = np.random.default_rng(0).normal(size=(5000, 2))
    assert separate_events(values, values, alone(values, values)) == pytest.approx([0.0])
    far = values + 100.0
    assert separate_events(far, values, alone(far, values)) == pytest.approx([1.0], abs=0.01)  # tails share a bin


def test_a_constant_observable_separates_only_from_other_values():
    same, less, mixed = np.full((8, 1), 3.0), np.full((8, 1), 2.0), np.array([[3.0]] * 4 + [[4.0]] * 4)
    assert separate_events(same, same, alone(same, same)) == 0.0
    assert separate_events(less, same, alone(less, same)) == 1.0
    assert separate_events(mixed, same, alone(mixed, same)) == pytest.approx([0.5 * (0.25 / 1.5 + 0.5)])
    assert transport(less, same, alone(less, same)) == pytest.approx([1.0])  # no spread to measure it in


def test_wasserstein_of_shifted_samples_is_the_shift_in_standard_deviations():
    values = np.random.default_rng(1).normal(5.0, 2.0, (3000, 1))
    assert transport(values + 0.5, values, alone(values, values)) == pytest.approx([0.5 / values.std()])


@given(
    first=arrays(np.float64, st.integers(2, 9), elements=st.integers(-9, 9)),
    second=arrays(np.float64, st.integers(2, 9), elements=st.integers(-9, 9)),
)
def test_wasserstein_is_that_of_scipy(first, second):
    scale = second.std() or 1.0
    found = transport(first[:, None], second[:, None], alone(first, second))
    assert found[0] == pytest.approx(wasserstein_distance(first, second) / scale)


def test_replicas_are_those_of_resampled_events():
    generator = np.random.default_rng(2)
    made, real = generator.normal(size=(40, 3)), generator.normal(0.4, 1.2, (50, 3))
    weights = draw_weights(40, 5, generator), np.ones((6, 50))
    for distance in (separate_events, transport):
        found = distance(made, real, weights)
        again = [distance(made.repeat(row.astype(int), axis=0), real, alone(made, real))[0] for row in weights[0]]
        assert found == pytest.approx(again)


def test_transport_of_counts_by_hand():
    """Half of the second histogram moves by one of its standard deviation of 1/2 bins."""
    assert transport_counts(np.array([[0, 4]]), np.array([[3, 3]])) == pytest.approx([1.0])
    assert transport_counts(np.array([[7, 7]]), np.array([[3, 3]])) == pytest.approx([0.0])


def test_the_bootstrap_error_of_a_mean_is_its_standard_error():
    values = np.random.default_rng(3).normal(size=400)
    replicas = draw_weights(400, 400, np.random.default_rng(4)) @ values / 400
    value, error = conclude(replicas)
    assert value == pytest.approx(values.mean())
    assert error == pytest.approx(values.std() / 20, rel=0.12)
