"""The formulas of GFLASH: worked by hand, and what their random draws must average to."""

import numpy as np
import pytest

from hvdgan.calo import gflash
from hvdgan.calo.geometry import Geometry
from hvdgan.calo.medium import Medium

MEDIUM = Medium(z=70.0, critical_energy=10.0, moliere_mm=15.0, sampling_frequency=1.0, e_over_mip=0.7)


def test_mean_profile_by_hand():
    """With y = e^8: T = 8 - .812 - .55 - .207, a = .81 + (.458 + 2.26 / 70) 8 - .476."""
    depth, alpha = gflash.mean_longitudinal(np.array([0.01 * np.exp(8.0)]), MEDIUM)
    assert depth == pytest.approx([6.431])
    assert alpha == pytest.approx([4.256286], abs=1e-6)


def test_share_by_hand():
    """With a = 2 and b = 1 / T the share up to t is 1 - (1 + bt) exp(-bt)."""
    profile = gflash.Longitudinal(*(np.array([[value]]) for value in (5.0, 2.0, 2.0)))
    shares = profile.share(np.array([[-3.0, 0.0, 5.0, 10.0]]))
    inside = [1 - 2 * np.exp(-1), 1 - 3 * np.exp(-2)]
    np.testing.assert_allclose(shares, [[0.0, inside[0], inside[1] - inside[0]]])


def test_age_by_hand():
    profile = gflash.Longitudinal(*(np.array([[value]]) for value in (5.0, 4.0, 3.0)))
    np.testing.assert_allclose(profile.age(np.array([[-1.0, 10.0]])), [[0.0, 2.0 * 0.75 * 1.5]])


def test_radial_by_hand():
    """With E = 1 GeV and tau = 1, term by term."""
    radial = gflash.mean_radial(np.array([1.0]), np.array([[1.0]]), MEDIUM)
    core = 0.0251 + 0.1162 - 0.000381 * 70 - 0.0203 * 0.3 + 0.0397 * np.exp(-1)
    tail = (0.659 - 0.2163) * (np.exp(-2.59 * 0.355) + np.exp(0.3585 * 0.355)) - 0.042 - 0.495 * np.exp(-1)
    x = (0.401 + 0.1309 - 1.0) / 1.313
    weight = (2.632 - 0.0658) * np.exp(x - np.exp(x)) + 0.3 * (0.348 - 0.642)
    assert (radial.core.item(), radial.tail.item(), radial.weight.item()) == pytest.approx((core, tail, weight))


def test_radial_profile_is_legal_at_every_energy_and_age():
    energy, tau = np.geomspace(1, 1000, 40), np.tile(np.linspace(0, 8, 50), (40, 1))
    radial = gflash.mean_radial(energy, tau, Geometry.parse().medium)
    assert (radial.core > 0).all()
    assert (radial.tail > radial.core).mean() > 0.95
    assert ((radial.weight >= 0) & (radial.weight <= 1)).all()


def test_fluctuations_have_the_stated_mean_spread_and_correlation():
    energy = np.full(40_000, 50.0)
    medium = Geometry.parse().medium
    depth, alpha = gflash.mean_longitudinal(energy[:1], medium)
    drawn = gflash.draw_longitudinal(energy, medium, np.random.default_rng(1))
    log_depth, log_alpha = np.log(drawn.depth[:, 0] / depth), np.log(drawn.alpha[:, 0] / alpha)
    log_y = np.log(50_000 / medium.critical_energy)
    assert [log_depth.mean(), log_alpha.mean()] == pytest.approx([0.0, 0.0], abs=4e-3)
    assert log_depth.std() == pytest.approx(1 / (-2.5 + 1.25 * log_y), rel=0.02)
    assert log_alpha.std() == pytest.approx(1 / (-0.82 + 0.79 * log_y), rel=0.02)
    assert np.corrcoef(log_depth, log_alpha)[0, 1] == pytest.approx(0.784 - 0.023 * log_y, abs=0.02)


def test_sampling_fluctuations_keep_the_mean_and_have_the_resolution():
    energy = np.full((40_000, 2), 4.0)
    seen = gflash.draw_sampling(energy, np.array([0.2, 0.5]), np.random.default_rng(2))
    assert seen.mean(axis=0) == pytest.approx([4.0, 4.0], rel=0.01)
    assert seen.std(axis=0) == pytest.approx([0.4, 1.0], rel=0.02)
    assert gflash.draw_sampling(np.zeros((1, 1)), np.array([0.2]), np.random.default_rng(3)).tolist() == [[0.0]]
