"""Simulated showers: published response, conservation, symmetry, and the same showers whoever makes them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hvdgan.calo.geometry import CLIC, Geometry, merge_cells
from hvdgan.calo.shower import Conditions
from hvdgan.calo.simulate import CHUNK, draw_conditions, simulate, simulate_chunks
from hvdgan.errors import ConfigError

SAMPLING_PERCENT = {10: 2.183, 50: 2.095, 100: 2.019, 200: 1.935, 300: 1.885, 400: 1.839, 500: 1.810}
"""Sampling fractions of electrons in the LCD calorimeter, from a fit in the public 3DGAN code."""


def shoot(energy: float, count: int, particle: int = 11, seed: int = 0, geometry: Geometry | None = None) -> np.ndarray:
    """Return images of equal particles in double precision, shape (n, x, y, z)."""
    conditions = Conditions.perpendicular(np.full(count, energy), particle)
    return simulate(conditions, geometry, seed).images["ECAL"].astype(np.float64)


@pytest.mark.parametrize("energy", SAMPLING_PERCENT)
def test_response_to_electrons_is_the_published_one(energy: int):
    images = shoot(energy, 600 if energy < 100 else 200, geometry=Geometry.parse().with_grid(1, 1, 1))
    assert 100 * images.sum(axis=(1, 2, 3)).mean() / energy == pytest.approx(SAMPLING_PERCENT[energy], rel=0.03)


def test_resolution_at_low_energy_is_that_of_a_silicon_calorimeter():
    totals = shoot(10.0, 1500, geometry=Geometry.parse().with_grid(1, 1, 1)).sum(axis=(1, 2, 3))
    assert 0.15 < np.sqrt(10.0) * totals.std() / totals.mean() < 0.25


def test_shower_maximum_moves_deeper_with_energy():
    maxima, means = [], []
    for energy in (10.0, 70.0, 500.0):
        layers = shoot(energy, 300).sum(axis=(0, 1, 2))
        maxima.append(int(layers.argmax()) + 1)
        means.append(layers @ np.arange(25) / layers.sum())
    assert maxima[0] in (8, 9)
    assert maxima[2] in (13, 14, 15)
    assert maxima[0] < maxima[1] < maxima[2]
    assert [means[0], means[2]] == pytest.approx([9.95, 13.86], abs=0.5)


def test_photons_start_deeper_than_electrons():
    depth = {}
    for particle in (11, 22):
        layers = shoot(50.0, 400, particle).sum(axis=(1, 2))
        depth[particle] = (layers @ np.arange(25) / layers.sum(axis=1)).mean()
    in_layers = (9.0 / 7.0) / 0.669
    assert depth[22] - depth[11] == pytest.approx(in_layers, rel=0.35)


def test_images_are_finite_deposits_of_the_stated_type():
    for energy in (1.0, 1000.0):
        image = simulate(Conditions.perpendicular(np.full(40, energy), 22)).images["ECAL"]
        assert image.dtype == np.float32
        assert image.shape == (40, 25, 25, 25)
        assert np.isfinite(image).all()
        assert (image >= 0).all()
        assert (image.sum(axis=(1, 2, 3)) < energy).all()


@given(x=st.integers(1, 30), y=st.integers(1, 30), z=st.integers(1, 25), seed=st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_any_grid_receives_the_same_deposits(x: int, y: int, z: int, seed: int):
    conditions = draw_conditions(3, (10.0, 100.0), ("electron", "photon"), seed)
    fine = Geometry.parse()
    coarse = simulate(conditions, fine.with_grid(x, y, z), seed).images["ECAL"]
    whole = simulate(conditions, fine, seed).images["ECAL"]
    np.testing.assert_allclose(coarse.sum(axis=(1, 2, 3)), whole.sum(axis=(1, 2, 3)), rtol=1e-5)


@given(grid=st.tuples(st.sampled_from([1, 5]), st.sampled_from([1, 5]), st.sampled_from([1, 5])))
@settings(max_examples=8, deadline=None)
def test_merging_cells_equals_simulating_larger_ones(grid: tuple):
    conditions = draw_conditions(3, (10.0, 50.0))
    merged = merge_cells(simulate(conditions).images["ECAL"], grid)
    direct = simulate(conditions, Geometry.parse().with_grid(*grid)).images["ECAL"]
    np.testing.assert_allclose(merged, direct, atol=1e-4 * direct.max())


def test_mean_shower_is_symmetric():
    images = shoot(100.0, 800)
    total = images.sum()
    x, y = images.sum(axis=(0, 2, 3)) / total, images.sum(axis=(0, 1, 3)) / total
    mirrored = [x[::-1], y, y[::-1]]
    np.testing.assert_allclose(mirrored, np.tile(x, (3, 1)), atol=0.012)
    assert x.argmax() == y.argmax() == 12
    assert (np.diff(x[:13]) > 0).all()


def test_oblong_window_keeps_its_axes_apart():
    content = {**CLIC, "cells": {"count": [9, 41], "size_mm": 5.1}}
    images = shoot(50.0, 200, geometry=Geometry.parse(content))
    assert images.shape[1:] == (9, 41, 25)
    wide = shoot(50.0, 200, geometry=Geometry.parse({**CLIC, "cells": {"count": [41, 9], "size_mm": 5.1}}))
    assert images.mean(axis=0).sum(axis=(1, 2)).argmax() == 4
    np.testing.assert_allclose(images.sum(axis=(0, 1, 3)), wide.sum(axis=(0, 2, 3)), rtol=0.5, atol=0.02 * wide.sum())


def test_impact_point_spreads_over_one_cell():
    x = shoot(200.0, 400).sum(axis=(2, 3))
    centroid = x @ np.arange(25) / x.sum(axis=1)
    assert centroid.mean() == pytest.approx(12.0, abs=0.06)
    assert centroid.std() == pytest.approx(np.sqrt(1 / 12), rel=0.2)


def test_same_seed_same_showers_and_streams_differ():
    conditions = draw_conditions(CHUNK + 5, seed=3)
    geometry = Geometry.parse().with_grid(5, 5, 5)
    first, again, other_seed, other_file = (
        simulate(conditions, geometry, seed, stream).images["ECAL"] for seed, stream in ((3, 1), (3, 1), (4, 1), (3, 2))
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other_seed)
    assert not np.array_equal(first, other_file)
    assert not np.array_equal(first[:5], first[CHUNK:])


def test_chunks_depend_on_nothing_that_comes_after():
    conditions = draw_conditions(2 * CHUNK + 1, seed=5)
    geometry = Geometry.parse().with_grid(5, 5, 5)
    whole = simulate(conditions, geometry, 5).images["ECAL"]
    start = simulate(conditions[: 2 * CHUNK], geometry, 5).images["ECAL"]
    np.testing.assert_array_equal(whole[: 2 * CHUNK], start)
    lengths = [len(part) for part in simulate_chunks(conditions, geometry, 5)]
    assert lengths == [CHUNK, CHUNK, 1]


def test_conditions_are_uniform_and_reproducible():
    conditions = draw_conditions(20_000, (100.0, 200.0), ("electron", "photon"), seed=7)
    low, middle, high = np.percentile(conditions.energy, [0, 50, 100])
    assert (low, middle, high) == pytest.approx((100.0, 150.0, 200.0), abs=1.5)
    assert (conditions.particle == 22).mean() == pytest.approx(0.5, abs=0.02)
    assert set(conditions.particle) == {11, 22}
    again = draw_conditions(20_000, (100.0, 200.0), ("electron", "photon"), seed=7)
    np.testing.assert_array_equal(conditions.energy, again.energy)
    other = draw_conditions(20_000, (100.0, 200.0), ("electron", "photon"), seed=7, stream=1)
    assert not np.array_equal(conditions.energy, other.energy)


def test_no_events_make_no_showers():
    none = draw_conditions(1)[:0]
    assert simulate(none).images["ECAL"].shape == (0, 25, 25, 25)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"count": 0}, "at least 1 event"),
        ({"energies": (500.0, 10.0)}, "rising energies"),
        ({"energies": (0.5, 10.0)}, "from 1 to 1000 GeV"),
        ({"energies": (float("nan"), 10.0)}, "from 1 to 1000 GeV"),
        ({"particles": ("electron", "pi0")}, "pi0 cannot be simulated; legal are electron, photon"),
        ({"particles": ()}, "no particle class"),
        ({"seed": -1}, "0 or more"),
        ({"stream": -1}, "0 or more"),
    ],
)
def test_illegal_draws_are_refused(arguments: dict, words: str):
    with pytest.raises(ConfigError, match=words):
        draw_conditions(**{"count": 3, **arguments})


def test_illegal_conditions_are_refused_before_any_work():
    geometry = Geometry.parse()
    with pytest.raises(ConfigError, match="charged_hadron cannot be simulated; legal are electron, photon"):
        simulate_chunks(Conditions.perpendicular(np.array([50.0]), 211), geometry)
    with pytest.raises(ConfigError, match="2000 GeV"):
        simulate_chunks(Conditions.perpendicular(np.array([2000.0])), geometry)
    straight = Conditions.perpendicular(np.array([50.0]))
    oblique = Conditions(straight.energy, straight.particle, straight.theta - np.float32(0.2), straight.phi)
    with pytest.raises(ConfigError, match="perpendicular"):
        simulate_chunks(oblique, geometry)
