"""Templates are the means they were fitted to."""

import numpy as np
import pytest

from hvdgan.calo.geometry import Geometry
from hvdgan.calo.simulate import draw_conditions, simulate
from hvdgan.calo.template import TemplateSums, expected_images


def test_a_polynomial_in_the_logarithm_is_found_again():
    random = np.random.default_rng(0)
    energy, coefficients = random.uniform(10, 500, 60), random.normal(scale=0.2, size=(4, 2, 3, 4))
    coefficients[0] += 9  # stays positive
    images = expected_images(coefficients, energy).astype(np.float64)
    parts = [TemplateSums.of(images[some], energy[some]) for some in (slice(0, 25), slice(25, 60))]
    np.testing.assert_allclose((parts[0] + parts[1]).fit(), coefficients, atol=1e-4)


def test_showers_have_their_template_as_mean():
    geometry = Geometry.parse().with_grid(5, 5, 8)
    conditions = draw_conditions(3000, seed=1)
    images = simulate(conditions, geometry, 1).images["ECAL"]
    template = expected_images(TemplateSums.of(images, conditions.energy).fit(), conditions.energy)
    for low, high in ((10, 100), (100, 250), (250, 500)):
        some = (conditions.energy >= low) & (conditions.energy < high)
        got, wanted = (one[some].sum(axis=(1, 2)).mean(axis=0) for one in (template, images))
        np.testing.assert_allclose(got, wanted, rtol=0.05)


def test_one_energy_is_enough_and_nothing_is_negative():
    images = np.ones((3, 2, 2, 2))
    coefficients = TemplateSums.of(images, np.full(3, 50.0)).fit()
    assert expected_images(coefficients, np.array([50.0]))[0, 0, 0, 0] == pytest.approx(1.0, rel=1e-5)
    assert (expected_images(-coefficients, np.array([50.0, 400.0])) == 0).all()
