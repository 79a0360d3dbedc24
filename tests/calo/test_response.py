import numpy as np
import pytest

from hvdgan.calo.geometry import Geometry
from hvdgan.calo.observables import totals
from hvdgan.calo.response import PUBLISHED_ELECTRON_RESPONSE, expected_sum, fit_response
from hvdgan.calo.simulate import draw_conditions, simulate
from hvdgan.errors import DataError


def test_a_polynomial_is_found_again():
    energy = np.linspace(10, 500, 1000)
    deposited = expected_sum(PUBLISHED_ELECTRON_RESPONSE, energy)
    assert fit_response(energy, deposited) == pytest.approx(PUBLISHED_ELECTRON_RESPONSE, rel=1e-6)


def test_simulated_electrons_respond_like_the_published_ones():
    conditions = draw_conditions(3000, energies=(50.0, 500.0), seed=1)
    showers = simulate(conditions, Geometry.parse().with_grid(5, 5, 5), seed=1)
    fitted = fit_response(conditions.energy, totals(showers.images["ECAL"]))
    energy = np.linspace(60, 480, 20)
    ratio = expected_sum(fitted, energy) / expected_sum(PUBLISHED_ELECTRON_RESPONSE, energy)
    assert np.abs(ratio - 1).max() < 0.05  # the published polynomial follows another detector model within 4 %


@pytest.mark.parametrize("count", [1, 3, 60, 120])
def test_few_events_lower_the_degree(count):
    energy = np.linspace(20, 400, count)
    fitted = fit_response(energy, 0.02 * energy)
    assert len(fitted) == 5
    assert expected_sum(fitted, np.array([100.0])) == pytest.approx(2.0, rel=1e-6)


def test_one_energy_gives_a_constant():
    fitted = fit_response(np.full(500, 50.0), np.full(500, 1.0))
    assert fitted == pytest.approx((0, 0, 0, 0, 2.0))


def test_nothing_to_fit_is_told():
    with pytest.raises(DataError, match="cannot be fitted to 0 events"):
        fit_response(np.zeros(0), np.zeros(0))
