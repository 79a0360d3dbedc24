"""Frechet and kernel distance: of known Gaussians, the reference implementation's values, no bias without a difference.

The public implementation (JetNet, tests of its `gen_metrics`) is held to FPD 2 and KPD 15 for two features that are 0
everywhere against 1 everywhere, and to 0 for equal samples.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hvdgan.calo.distances import choose_sizes, frechet, measure_fpd, measure_kpd, mmd, scale_features
from hvdgan.errors import DataError


def test_the_reference_implementations_values():
    zeros, ones = np.zeros((1000, 2)), np.ones((1000, 2))
    assert measure_fpd(ones, zeros) == pytest.approx((2.0, 0.0), abs=1e-6)
    assert measure_fpd(zeros, zeros) == pytest.approx((0.0, 0.0), abs=1e-6)
    assert measure_kpd(ones, zeros) == pytest.approx((15.0, 0.0))
    assert measure_kpd(zeros, zeros) == pytest.approx((0.0, 0.0))


@given(st.floats(-3, 3), st.floats(0.1, 4), st.floats(0.1, 4))
def test_frechet_distance_of_normal_distributions(shift: float, width: float, other: float):
    """In one dimension it is (m1 - m2)^2 + (s1 - s2)^2; independent dimensions add."""
    found = frechet(np.array([0.0, 1.0]), np.diag([width**2, 1.0]), np.array([shift, 1.0]), np.diag([other**2, 4.0]))
    assert found == pytest.approx(shift**2 + (width - other) ** 2 + 1.0)


def test_frechet_distance_does_not_depend_on_the_axes():
    generator = np.random.default_rng(0)
    turn, _ = np.linalg.qr(generator.normal(size=(4, 4)))
    first, second = (generator.normal(size=(9, 4)) @ generator.normal(size=(4, 4)) for _ in range(2))
    sides = [(side.mean(axis=0), np.cov(side.T)) for side in (first, second)]
    turned = [(turn @ mean, turn @ covariance @ turn.T) for mean, covariance in sides]
    assert frechet(*turned[0], *turned[1]) == pytest.approx(frechet(*sides[0], *sides[1]))
    assert frechet(*sides[1], *sides[0]) == pytest.approx(frechet(*sides[0], *sides[1]))


def test_fpd_is_extrapolated_to_that_of_the_distributions():
    """Shifted by 1 and stretched by 2 in one of eight dimensions: 2, over the square of the largest value."""
    generator = np.random.default_rng(1)
    real, made = generator.normal(size=(2, 3000, 8))
    made[:, 0] = 1.0 + 2.0 * made[:, 0]
    largest = np.abs(real[:, 0]).max()
    value, error = measure_fpd(made, real)
    assert value * largest**2 == pytest.approx(2.0, abs=4 * error * largest**2)
    assert error < 0.2 * value


def test_samples_of_one_distribution_have_no_distance_within_the_errors():
    """Eight pairs: the mean lies within the errors of 0, and the errors are about as large as the spread."""
    generator = np.random.default_rng(2)
    pairs = [generator.normal(size=(2, 400, 12)) for _ in range(8)]
    for distance in (measure_fpd, measure_kpd):
        values, errors = np.array([distance(*pair) for pair in pairs]).T
        assert abs(values.mean()) < 2.5 * errors.mean() / np.sqrt(8)
        assert 0.3 < values.std() / errors.mean() < 2.0


def test_mmd_by_hand():
    """One feature, kernel (xy + 1)^4: first 0, 1; second 1, 2: 2 * 1 / 2 + 2 * 81 / 2 - 2 (1 + 1 + 16 + 81) / 4."""
    assert mmd(np.array([[0.0], [1.0]]), np.array([[1.0], [2.0]])) == pytest.approx(1 + 81 - 49.5)


def test_features_are_scaled_by_the_reference():
    made, real = scale_features(np.array([[4.0, 3.0]]), np.array([[-2.0, 0.0], [1.0, 0.0]]))
    assert (made.tolist(), real.tolist()) == ([[2.0, 3.0]], [[-1.0, 0.0], [0.5, 0.0]])


@given(st.integers(10, 200_000))
def test_sizes_fit_the_events_and_are_equally_spaced_in_their_inverse(events: int):
    sizes = choose_sizes(events, (20_000, 50_000), 10)
    assert sizes[-1] == min(events, 50_000)
    assert (np.diff(sizes) >= 0).all()
    assert sizes[0] == pytest.approx(0.4 * sizes[-1], abs=0.6)


def test_the_seed_decides_and_few_events_are_refused():
    made, real = np.random.default_rng(3).normal(size=(2, 60, 3))
    for distance in (measure_fpd, measure_kpd):
        assert distance(made, real, seed=1) == distance(made, real, seed=1) != distance(made, real, seed=2)
        with pytest.raises(DataError, match="9 events"):
            distance(made[:9], real)
