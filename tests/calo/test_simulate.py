"""Simulated showers: published response, conservation, symmetry, and the same showers whoever makes them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hvdgan.calo.geometry import CLIC, Geometry, merge_cells
from hvdgan.calo.hcal import CLIC_HCAL
from hvdgan.calo.observables import moments
from hvdgan.calo.shower import Conditions
from hvdgan.calo.simulate import CHUNK, SIMULATED, draw_conditions, simulate, simulate_chunks
from hvdgan.errors import ConfigError

SAMPLING_PERCENT = {10: 2.183, 50: 2.095, 100: 2.019, 200: 1.935, 300: 1.885, 400: 1.839, 500: 1.810}
"""Sampling fractions of electrons in the LCD calorimeter, from a fit in the public 3DGAN code."""

PINNED_SUM = 71.195486
"""Deposits in GeV of 64 electrons and photons as they were simulated when these were the only classes."""

COARSE = Geometry.parse().with_grid(5, 5, 5)


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
        ({"particles": ("electron", "muon")}, "muon cannot be simulated; legal are electron, photon, charged_hadron"),
        ({"particles": ("electron", "electron")}, "each class can be given once"),
        ({"particles": ("electron", "photon"), "parts": (1.0, 0.0)}, "one positive number per class"),
        ({"particles": ("electron", "photon"), "parts": (1.0,)}, "one positive number per class"),
        ({"theta": (1.6, 1.5)}, "theta from 1.6 to 1.5"),
        ({"theta": (0.5, 1.5)}, "at up to 61 degrees"),
        ({"theta": (0.7, 1.5), "phi": (-0.9, 0.1)}, "at up to 66 degrees"),
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
    with pytest.raises(ConfigError, match="13 cannot be simulated; legal are electron, photon"):
        simulate_chunks(Conditions.perpendicular(np.array([50.0]), 13), geometry)
    with pytest.raises(ConfigError, match="2000 GeV"):
        simulate_chunks(Conditions.perpendicular(np.array([2000.0])), geometry)
    straight = Conditions.perpendicular(np.array([50.0]))
    flat = replace(straight, theta=straight.theta - np.float32(1.2))
    with pytest.raises(ConfigError, match="at up to 69 degrees"):
        simulate_chunks(flat, geometry)


def test_classes_are_mixed_in_the_stated_proportions():
    names, parts = ("electron", "photon", "charged_hadron", "neutral_hadron"), (4.0, 3.0, 2.0, 1.0)
    conditions = draw_conditions(20_000, particles=names, parts=parts, theta=(1.2, 1.9), phi=(-0.2, 0.1))
    shares = [(conditions.particle == pdg).mean() for pdg in (11, 22, 211, 130)]
    assert shares == pytest.approx([0.4, 0.3, 0.2, 0.1], abs=0.012)
    assert np.percentile(conditions.theta, [0, 50, 100]) == pytest.approx([1.2, 1.55, 1.9], abs=0.02)
    assert np.percentile(conditions.phi, [0, 50, 100]) == pytest.approx([-0.2, -0.05, 0.1], abs=0.02)


@pytest.mark.parametrize(("hcal", "detectors"), [(None, {"ECAL"}), (CLIC_HCAL, {"ECAL", "HCAL"})])
def test_a_mixture_is_finite_reproducible_and_bounded(hcal: Geometry | None, detectors: set):
    conditions = draw_conditions(2 * CHUNK, (1.0, 1000.0), SIMULATED, seed=2, theta=(0.6, 2.5))
    showers, again = (simulate(conditions, seed=2, hcal=hcal).images for _ in range(2))
    assert set(showers) == detectors
    for name, image in showers.items():
        np.testing.assert_array_equal(image, again[name])
        assert image.dtype == np.float32
        assert np.isfinite(image).all()
        assert (image >= 0).all()
    visible = sum(image.sum(axis=(1, 2, 3), dtype=np.float64) for image in showers.values())
    assert (visible < 0.034 * conditions.energy + 0.3).all()  # the largest sampling fraction, and fluctuations


def test_particles_of_either_charge_shower_alike():
    conditions = draw_conditions(40, particles=("electron", "charged_hadron"))
    images = [
        simulate(replace(conditions, particle=sign * conditions.particle), COARSE).images["ECAL"] for sign in (1, -1)
    ]
    np.testing.assert_array_equal(*images)


def test_nothing_changed_for_electrons_and_photons():
    """The sum was taken before hadrons, angles and the second calorimeter existed."""
    conditions = draw_conditions(64, (10.0, 100.0), ("electron", "photon"), seed=2)
    image = simulate(conditions, Geometry.parse().with_grid(5, 5, 5), seed=2).images["ECAL"]
    assert image.sum(dtype=np.float64) == pytest.approx(PINNED_SUM, rel=1e-5)


def test_window_keeps_the_cells_and_holds_more():
    small, large = Geometry.parse(), Geometry.parse().with_window(51, 51)
    assert large.window_mm == pytest.approx((260.1, 260.1))
    conditions = Conditions.perpendicular(np.full(8, 50.0), 211)
    inner, outer = (simulate(conditions, geometry, 1).images["ECAL"] for geometry in (small, large))
    np.testing.assert_allclose(outer[:, 13:38, 13:38], inner, atol=1e-6)
    assert outer.sum() > inner.sum()


@pytest.mark.parametrize("particle", [11, 211])
@pytest.mark.parametrize(("theta", "phi"), [(np.pi / 2, 0.0), (1.2, 0.0), (2.0, 0.3), (1.4, -0.5)])
def test_barycentre_follows_the_angle(theta: float, phi: float, particle: int):
    """The barycentre's slope along y is 3DGAN's measure of theta: cot theta at phi = 0."""
    straight = Conditions.perpendicular(np.full(150, 50.0), particle)
    conditions = replace(straight, theta=np.full_like(straight.theta, theta), phi=np.full_like(straight.phi, phi))
    geometry = Geometry.parse().with_window(51, 51)
    image = simulate(conditions, geometry).images["ECAL"].sum(axis=0, dtype=np.float64)
    cells, depth = np.arange(51) * 5.1, 0.5 * (geometry.depth_mm[1:] + geometry.depth_mm[:-1])
    weight = np.sqrt(image.sum(axis=(0, 1)))
    measured = [
        np.polyfit(depth, cells @ image.sum(axis=other) / image.sum(axis=(0, 1)), 1, w=weight)[0] for other in (1, 0)
    ]
    wanted = [np.tan(phi), 1 / (np.tan(theta) * np.cos(phi))]
    assert np.degrees(np.arctan(measured)) == pytest.approx(np.degrees(np.arctan(wanted)), abs=1.0)


def test_a_slanted_shower_ends_in_earlier_layers_and_is_wider_along_its_slope():
    straight = Conditions.perpendicular(np.full(150, 50.0))
    slanted = replace(straight, theta=np.full_like(straight.theta, np.radians(45)))
    images = [simulate(c, Geometry.parse()).images["ECAL"].sum(axis=0, dtype=np.float64) for c in (straight, slanted)]
    depth = [image.sum(axis=(0, 1)) @ np.arange(25) / image.sum() for image in images]
    assert depth[1] == pytest.approx(np.sqrt(0.5) * depth[0], rel=0.08)
    x, y = (np.sqrt(moments(images[1][..., 8].sum(axis=axis)[None])[0, 1]) for axis in (1, 0))
    assert 1.1 < y / x < 1.6
