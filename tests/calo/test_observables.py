"""Observables, worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hvdgan.calo.observables import (
    AxisProfiles,
    layer_correlation,
    moments,
    sampling_fraction,
    sparsity,
    totals,
    widths,
)
from hvdgan.errors import DataError


def test_profiles_by_hand():
    images = np.zeros((2, 2, 3, 4), dtype=np.float32)
    images[0, 1, 2, 3], images[0, 0, 2, 1] = 5.0, 2.0
    profiles = AxisProfiles.of(images)
    assert profiles.x.tolist() == [[2.0, 5.0], [0.0, 0.0]]
    assert profiles.y.tolist() == [[0.0, 0.0, 7.0], [0.0, 0.0, 0.0]]
    assert profiles.z.tolist() == [[0.0, 2.0, 0.0, 5.0], [0.0] * 4]
    assert profiles.total.tolist() == [7.0, 0.0]
    assert (len(profiles), profiles.grid, profiles.x.dtype) == (2, (2, 3, 4), np.float64)


@given(images=arrays(np.float32, (4, 3, 2, 5), elements=st.floats(0, 1e3, width=32)))
def test_every_axis_holds_the_whole_energy(images: np.ndarray):
    profiles = AxisProfiles.of(images)
    for profile in (profiles.x, profiles.y, profiles.z):
        np.testing.assert_allclose(profile.sum(axis=1), totals(images), rtol=1e-12)


def test_profiles_are_joined_and_picked_by_event():
    profiles = AxisProfiles.of(np.random.default_rng(0).random((6, 2, 3, 4)))
    joined = AxisProfiles.join([profiles[:2], profiles[2:3], profiles[np.array([3, 4, 5])]])
    for axis in "xyz":
        np.testing.assert_array_equal(getattr(joined, axis), getattr(profiles, axis))


def test_profiles_are_summed_in_double_precision():
    images = np.full((1, 100, 100, 100), 0.1, dtype=np.float32)
    assert AxisProfiles.of(images).total == pytest.approx(1e6 * float(np.float32(0.1)), rel=1e-12)


def test_profiles_refuse_other_shapes():
    with pytest.raises(DataError, match="is needed"):
        AxisProfiles.of(np.zeros((2, 3, 4)))
    with pytest.raises(DataError, match="profiles of shapes"):
        AxisProfiles(np.zeros((2, 3)), np.zeros((1, 3)), np.zeros((2, 3)))


def test_moments_by_hand():
    """Energies 1, 2, 1 in cells 1, 2, 3: centroid 2, second moment (1 + 0 + 1) / 4."""
    profile = np.array([[0.0, 1.0, 2.0, 1.0], [0.0, 0.0, 0.0, 3.0], [0.0, 0.0, 0.0, 0.0], [-1.0, 0.0, 4.0, 0.0]])
    assert moments(profile).tolist() == [[2.0, 0.5], [3.0, 0.0], [0.0, 0.0], [2.0, 0.0]]
    assert widths(profile) == pytest.approx([np.sqrt(0.5), 0.0, 0.0, 0.0])


@given(profile=arrays(np.float64, (3, 6), elements=st.floats(1e-3, 1e3)), factor=st.floats(0.1, 10.0))
def test_moments_do_not_depend_on_scale_and_mirror(profile: np.ndarray, factor: float):
    original, scaled, mirrored = moments(profile), moments(factor * profile), moments(profile[:, ::-1])
    np.testing.assert_allclose(scaled, original, rtol=1e-9)
    np.testing.assert_allclose(mirrored[:, 0], 5.0 - original[:, 0], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(mirrored[:, 1], original[:, 1], rtol=1e-9)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_broken_images_stay_visible(value: float):
    images = np.ones((2, 2, 2, 2), dtype=np.float32)
    images[1, 0, 0, 0] = value
    profiles = AxisProfiles.of(images)
    assert np.isfinite(profiles.total).tolist() == [True, False]
    assert np.isfinite(moments(profiles.x)).all(axis=1).tolist() == [True, False]


def test_totals_sampling_fraction_and_sparsity_by_hand():
    images = np.zeros((2, 2, 2, 2), dtype=np.float32)
    images[0, 0, 0] = [0.4, 2e-4]
    total = totals(images)
    assert total == pytest.approx([0.4002, 0.0])
    assert sampling_fraction(total, np.array([20.0, 50.0])) == pytest.approx([0.02001, 0.0])
    assert sparsity(images).tolist() == [1 / 8, 0.0]
    assert sparsity(images, threshold=1e-4).tolist() == [2 / 8, 0.0]


def test_layer_correlation_by_hand():
    """Layers (1, 2, 3), (3, 2, 1), (1, 2, 1): r = -1 and 0; a constant layer goes with nothing."""
    layers = np.array([[1.0, 3.0, 1.0, 7.0], [2.0, 2.0, 2.0, 7.0], [3.0, 1.0, 1.0, 7.0]])
    expected = [[1, -1, 0, 0], [-1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    np.testing.assert_allclose(layer_correlation(layers), expected, atol=1e-12)
    assert layer_correlation(np.zeros((1, 2))).tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_layer_correlation_agrees_with_numpy():
    layers = np.random.default_rng(1).random((50, 4))
    np.testing.assert_allclose(layer_correlation(layers), np.corrcoef(layers.T), atol=1e-12)
