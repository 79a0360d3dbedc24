"""Hadrons and neutral pions: what the formulas say, what the showers are on average, and published numbers."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import gammainc
from scipy.stats import kstest

from hvdgan.calo import hadron
from hvdgan.calo.electromagnetic import PION_MASS, VERTEX_MM, decay
from hvdgan.calo.geometry import Geometry
from hvdgan.calo.hcal import CLIC_HCAL
from hvdgan.calo.shower import Conditions
from hvdgan.calo.simulate import simulate
from hvdgan.calo.stack import Stack

ECAL = replace(Geometry.parse(), window_mm=(4000.0, 4000.0)).with_grid(1, 1, 25)
HCAL = replace(CLIC_HCAL, window_mm=(4000.0, 4000.0)).with_grid(1, 1, 60)
"""Wide enough to lose nothing at the sides."""
STACK = Stack({"ECAL": ECAL, "HCAL": HCAL})
MIP_GEV = 0.5 * 0.388e-3
"""Mean loss of a minimum ionising particle in one layer of silicon."""


def shoot(energy: float, count: int, particle: int, seed: int = 0) -> np.ndarray:
    """Return the deposits in all layers of both calorimeters in GeV, shape (n, 85)."""
    showers = simulate(Conditions.perpendicular(np.full(count, energy), particle), ECAL, seed, hcal=HCAL)
    return np.concatenate([showers.images[name].sum(axis=(1, 2), dtype=np.float64) for name in STACK.layers], axis=1)


def calibrated(layers: np.ndarray) -> np.ndarray:
    """Return what calorimeters calibrated with electrons measure, in GeV, shape (n, 85)."""
    return layers / (STACK.mip_response * STACK.e_over_mip)


def test_the_calorimeters_have_the_published_depth():
    """Published of CLIC: about 1 interaction length of ECAL, 7.5 of HCAL."""
    depth = STACK.depth_lambda
    assert depth[25] == pytest.approx(1.0, abs=0.2)
    assert depth[-1] - depth[25] == pytest.approx(7.5, abs=0.3)
    assert Stack({"ECAL": ECAL}).depth_x0.tolist() == ECAL.depth_x0.tolist()


def test_hadrons_interact_first_at_exponentially_distributed_depths():
    depth = hadron.draw_first_interaction(4000, np.random.default_rng(1))
    assert kstest(depth, "expon").pvalue > 0.01


def test_over_a_third_of_the_hadrons_cross_the_ecal_as_a_track():
    """Published: 1 interaction length, 37 %; this stack has 0.85 of them, 43 %."""
    count = 1500
    layers = shoot(50.0, count, 211)[:, :25]
    through = ((layers > 0.5 * MIP_GEV).all(axis=1) & (layers[:, -1] < 20 * MIP_GEV)).mean()
    expected = np.exp(-STACK.depth_lambda[25])
    assert through == pytest.approx(expected, abs=3 * np.sqrt(expected * (1 - expected) / count) + 0.02)
    assert through == pytest.approx(0.37, abs=0.1)


def test_neutral_hadrons_leave_nothing_before_they_interact_and_charged_ones_a_track():
    charged, neutral = (shoot(20.0, 600, particle)[:, :25] for particle in (211, 130))
    touched = (neutral > 0).mean(axis=0)
    assert (np.diff(touched) >= 0).all()
    assert (touched < 1 - np.exp(-STACK.depth_lambda[1:26]) + 0.06).all()
    assert np.median(charged[:, 0]) == pytest.approx(0.145e-3 + 1.2 * 0.0089e-3, rel=0.1)
    assert np.median(neutral[:, 0]) == 0.0


def test_em_fraction_follows_wigmans_and_fluctuates_as_declared():
    energy, onset = np.full(40_000, 100.0), np.full(40_000, 1.0)
    drawn = hadron.draw_em_fraction(energy, onset, np.random.default_rng(2))
    mean = 1 - 100 ** (0.82 - 1)
    assert drawn.mean() == pytest.approx(mean, abs=3e-3)
    assert drawn.var() == pytest.approx(mean * (1 - mean) / 9, rel=0.03)
    assert ((drawn >= 0) & (drawn <= 1)).all()
    lowest = hadron.draw_em_fraction(np.array([1.0, 2.0]), np.array([2.6, 2.6]), np.random.default_rng(3))
    assert lowest.tolist() == [0.0, 0.0]


def test_hadronic_share_by_hand():
    """At E = exp(0.5) the exponent a is 0.9995, nearly 1: the share up to x is 1 - exp(-0.978 x)."""
    shares = hadron.share_hadronic(np.array([np.exp(0.5)]), np.array([[-1.0, 0.0, 1.0, 3.0]]))
    inside = 1 - np.exp(-0.978 * np.array([1.0, 3.0]))
    np.testing.assert_allclose(shares, [[0.0, inside[0], inside[1] - inside[0]]], atol=1e-3)


def test_mean_profile_without_neutral_pions_is_the_form_of_bock():
    """Below their threshold of 2.6 GeV neutral hadrons make no pi0; the start is folded with exp(-x)."""
    energy, response = 2.5, STACK.mip_response * STACK.e_over_mip
    response = response * np.repeat([1 / 1.5, 1 / 1.3], [25, 60])
    shot = (shoot(energy, 2500, 130).mean(axis=0) / response / energy).reshape(17, 5).sum(axis=1)
    start = (np.arange(6000) + 0.5) * 2e-3
    edges = np.maximum(STACK.depth_lambda[::5] - start[:, None], 0.0)
    below = gammainc(0.786 + 0.427 * np.log(energy), 0.978 * edges)
    wanted = np.diff((np.exp(-start)[:, None] * below).sum(axis=0) * 2e-3)
    np.testing.assert_allclose(shot, wanted, atol=0.012)
    assert shot.sum() == pytest.approx(wanted.sum(), rel=0.03)


def test_hadrons_respond_less_than_electrons_and_less_so_at_high_energy():
    ratios, spread = [], []
    for energy, count in ((5.0, 1200), (40.0, 600), (300.0, 200)):
        electrons, pions = (calibrated(shoot(energy, count, particle)).sum(axis=1) for particle in (11, 211))
        assert electrons.mean() == pytest.approx(energy, rel=0.02)
        ratios.append(electrons.mean() / pions.mean())
        spread.append(pions.std() / pions.mean())
    assert 1.25 > ratios[0] > ratios[1] > ratios[2] > 1.05
    assert 0.14 < spread[0] < 0.25  # published of scintillator and steel: about 50 to 60 % / sqrt(E)
    assert spread[0] > 2 * max(spread[1:])


@pytest.mark.parametrize(("energy", "contained"), [(10.0, 0.994), (500.0, 0.964)])
def test_the_ecal_contains_electrons_as_computed_from_gflash(energy: float, contained: float):
    assert calibrated(shoot(energy, 300, 11))[:, :25].sum(axis=1).mean() / energy == pytest.approx(contained, abs=0.012)


def test_leakage_behind_the_hcal_grows_with_energy():
    edges = np.append(STACK.depth_lambda[-1], 1e3)[None] - 1.0
    leaked = [hadron.share_hadronic(np.array([energy]), edges).item() for energy in (10.0, 100.0, 1000.0)]
    assert 0 < leaked[0] < leaked[1] < leaked[2] < 0.2
    tail = [calibrated(shoot(energy, 250, 211))[:, -6:].sum(axis=1).mean() / energy for energy in (5.0, 50.0, 500.0)]
    assert 0 < tail[0] < tail[1] < tail[2] < 0.05


def test_hadronic_showers_are_wider_than_electromagnetic_ones():
    width = {}
    for particle in (11, 211):
        conditions = Conditions.perpendicular(np.full(150, 60.0), particle)
        images = simulate(conditions, hcal=CLIC_HCAL.with_window(11, 11)).images
        name = "ECAL" if particle == 11 else "HCAL"
        size = {"ECAL": 5.1, "HCAL": 30.0}[name]
        profile = images[name].sum(axis=(0, 2, 3), dtype=np.float64)
        offset = (np.arange(len(profile)) - len(profile) // 2) * size
        width[particle] = np.sqrt(profile @ offset**2 / profile.sum())
    assert width[211] > 3 * width[11]


def test_neutral_pions_become_two_photons_of_their_mass():
    energy = np.random.default_rng(4).uniform(1.0, 100.0, 5000)
    photons, angle = decay(energy, np.random.default_rng(5))
    opening = angle[0] - angle[1]
    np.testing.assert_allclose(photons.sum(axis=0), energy)
    mass = 2 * np.sqrt(photons[0] * photons[1]) * np.sin(opening / 2)
    np.testing.assert_allclose(mass, PION_MASS, rtol=1e-6)
    np.testing.assert_allclose((photons * np.sin(angle)).sum(axis=0), 0.0, atol=1e-12)
    assert (opening * energy / (2 * PION_MASS)).min() == pytest.approx(1.0, abs=0.01)
    assert np.median(opening * energy / (2 * PION_MASS)) == pytest.approx(1 / np.sqrt(0.75), rel=0.03)


def test_neutral_pions_spread_by_the_distance_of_their_photons():
    """Both photons of a symmetric decay lie m / E times the distance from the axis; others farther on average."""
    spread = []
    for energy in (8.0, 100.0):
        images = simulate(Conditions.perpendicular(np.full(120, energy), 111), Geometry.parse().with_window(61, 61))
        profile = images.images["ECAL"].sum(axis=(0, 2, 3), dtype=np.float64)
        spread.append(np.sqrt(profile @ (5.1 * (np.arange(61) - 30)) ** 2 / profile.sum()))
    separation = PION_MASS / 8.0 * (VERTEX_MM + 65.0)
    assert np.sqrt(spread[0] ** 2 - spread[1] ** 2) == pytest.approx(separation / np.sqrt(2), rel=0.2)
