"""A failed generator is named."""

import numpy as np
import pytest

from hvdgan.calo.health import find_ailment, measure_variety
from hvdgan.calo.observables import AxisProfiles

ENERGY = np.linspace(10, 500, 400)


def make_profiles(spread, seed, scale=0.02):
    """Return profiles of events whose cells vary by a relative spread."""
    shape = np.exp(-0.5 * ((np.arange(6) - 2.5) / 1.5) ** 2)
    images = shape[:, None, None] * shape[:, None] * shape / shape.sum() ** 3
    random = np.random.default_rng(seed)
    events = images * scale * ENERGY[:, None, None, None] * random.gamma(1 / spread**2, spread**2, (400, 6, 6, 6))
    return AxisProfiles.of(events)


REFERENCE = make_profiles(0.4, 0)


def test_a_healthy_generator_has_no_ailment():
    assert find_ailment(make_profiles(0.4, 1), REFERENCE, ENERGY) == ""
    assert measure_variety(make_profiles(0.4, 1), REFERENCE, ENERGY) == pytest.approx(1, abs=0.1)
    assert measure_variety(make_profiles(0.2, 1), REFERENCE, ENERGY) == pytest.approx(0.5, abs=0.1)


def test_showers_that_are_all_the_same_are_a_mode_collapse():
    assert find_ailment(make_profiles(0.01, 1), REFERENCE, ENERGY).startswith("mode collapse: generated showers vary")


def test_empty_showers_are_named_before_their_lack_of_variety():
    assert find_ailment(make_profiles(0.4, 1, 1e-8), REFERENCE, ENERGY) == (
        "no energy: 100% of the generated showers are empty"
    )


def test_one_event_and_an_even_reference_say_nothing():
    one = REFERENCE[slice(0, 1)]
    assert find_ailment(one, one, ENERGY[:1]) == ""
