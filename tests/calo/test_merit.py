"""The figure of merit: worked by hand, finite for anything, and steep where a search needs it to be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hvdgan.calo.geometry import Geometry
from hvdgan.calo.merit import MIN_EVENTS, floor, merit
from hvdgan.calo.observables import AxisProfiles
from hvdgan.calo.simulate import draw_conditions, simulate
from hvdgan.errors import DataError, NotFiniteError

GRID = (12, 12, 12)


@pytest.fixture(scope="module")
def showers() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return two independent simulations of the same electrons, and their energies in GeV."""
    conditions = draw_conditions(800, seed=1)
    geometry = Geometry.parse().with_grid(*GRID)
    first, second = (simulate(conditions, geometry, seed).images["ECAL"] for seed in (1, 2))
    return first, second, conditions.energy


def value(images: np.ndarray, showers: tuple) -> float:
    """Return the merit of images against the first simulation."""
    return merit(AxisProfiles.of(images), AxisProfiles.of(showers[0]), showers[2]).value


def test_by_hand():
    """One event of 2 GeV in 2 x 1 x 1 cells: reference (3, 1), generated (1, 1).

    Moments: centroid x 1/4 -> 1/2, error 1/2; second moment x 3/16 -> 1/4, error 1/4; y, z have none: 0.
    Profiles: x (2/3 + 0) / 2, y and z 1/2. Sampling fraction: 2 -> 1, error 1/2.
    """
    reference, generated = (np.array(cells).reshape(1, 2, 1, 1) for cells in ([3.0, 1.0], [1.0, 1.0]))
    result = merit(AxisProfiles.of(generated), AxisProfiles.of(reference), np.array([2.0]))
    (row,) = result.rows
    assert (row["events"], row["energy_low"], row["energy_high"]) == (1, 2.0, 2.0)
    assert (row["reference_fraction"], row["generated_fraction"]) == (2.0, 1.0)
    assert (row["moment_x"], row["moment_y"], row["moment_z"]) == pytest.approx((3 / 8, 0.0, 0.0))
    assert (row["profile_x"], row["profile_y"], row["profile_z"]) == pytest.approx((1 / 3, 1 / 2, 1 / 2))
    assert row["moment_error"] == pytest.approx(1 / 8)
    assert row["profile_error"] == pytest.approx(4 / 9)
    assert row["sampling_error"] == pytest.approx(1 / 2)
    assert result.value == row["merit"] == pytest.approx(1 / 8 + 4 / 9 + 1 / 2)


def test_nearly_empty_cells_are_pooled_by_hand():
    """Reference 96, 2, 2 along z: the last two cells are compared as one cell of 4, whose generated sum is right."""
    reference, generated = (np.array(cells).reshape(1, 1, 1, 3) for cells in ([96.0, 2.0, 2.0], [96.0, 0.0, 4.0]))
    (row,) = merit(AxisProfiles.of(generated), AxisProfiles.of(reference), np.array([50.0])).rows
    assert row["profile_z"] == pytest.approx(0.0)
    assert row["moment_z"] > 0.0


def test_bins_have_equal_population_and_follow_the_energy():
    energy = np.array([50.0, 10.0, 40.0, 20.0, 30.0, 60.0, 70.0, 80.0])
    images = np.ones((8, 2, 2, 2)) * energy[:, None, None, None]
    broken = np.where(energy[:, None, None, None] > 60.0, 0.0, images)
    rows = merit(AxisProfiles.of(broken), AxisProfiles.of(images), energy).rows
    assert [(row["energy_low"], row["energy_high"]) for row in rows] == [(10, 20), (30, 40), (50, 60), (70, 80)]
    assert [row["merit"] for row in rows] == pytest.approx([0, 0, 0, 3])


def test_one_event_makes_one_bin_and_is_not_reliable():
    profiles = AxisProfiles.of(np.ones((1, 2, 2, 2)))
    result = merit(profiles, profiles, np.array([10.0]))
    assert (result.value, len(result.rows), result.reliable) == (0.0, 1, False)


def test_reliable_from_the_minimum_of_events():
    profiles = AxisProfiles.of(np.ones((MIN_EVENTS, 1, 1, 1)))
    energy = np.linspace(10, 500, MIN_EVENTS)
    assert merit(profiles, profiles, energy).reliable
    assert not merit(profiles[1:], profiles[1:], energy[1:]).reliable


def test_independent_showers_of_the_same_kind_lie_at_the_floor(showers: tuple):
    first, second, energy = showers
    lowest = floor(AxisProfiles.of(first), energy)
    assert lowest.events == 400
    assert value(second, showers) < 0.08
    assert 0.3 < value(second, showers) / lowest.value < 1.2
    assert floor(AxisProfiles.of(first), energy).value == lowest.value
    assert floor(AxisProfiles.of(first), energy, seed=1).value != lowest.value


def test_untrained_generators_are_several_times_worse_than_rough_ones(showers: tuple):
    first, second, energy = showers
    generator = np.random.default_rng(0)
    x, y, z = (1.0 + 0.2 * generator.choice([-1.0, 1.0], cells) for cells in GRID)
    rough = value(second * x[:, None, None] * y[:, None] * z, showers)
    total = 0.02 * energy[:, None, None, None]
    noise = np.maximum(generator.standard_normal(first.shape), 0.0)
    untrained = [
        np.zeros_like(first),
        np.ones_like(first),
        np.ones_like(first) * total / np.prod(GRID),
        noise,
        noise * total / noise.sum(axis=(1, 2, 3), keepdims=True),
        10.0 * noise * total,
    ]
    assert 0.1 < rough < 0.45
    assert min(value(images, showers) for images in untrained) > 2.5 * rough


@pytest.mark.parametrize("factors", [(1.0, 1.1, 1.5, 3.0, 10.0, 1e6), (1.0, 0.9, 0.6, 0.3, 0.05, 0.0)])
def test_grows_with_every_deviation(factors: tuple, showers: tuple):
    values = [value(showers[1] * factor, showers) for factor in factors]
    assert (np.diff(values) > 0).all()


def test_no_energy_has_the_worst_value(showers: tuple):
    assert value(np.zeros_like(showers[0]), showers) == pytest.approx(3.0)
    spikes = np.zeros_like(showers[0])
    spikes[:, 0, 0, 0] = 1e30
    assert value(spikes, showers) == pytest.approx(3.0)


@given(images=arrays(np.float32, (6, 3, 3, 3), elements=st.floats(allow_nan=False, allow_infinity=False, width=32)))
@settings(deadline=None)
def test_finite_for_any_images(images: np.ndarray):
    reference = AxisProfiles.of(np.random.default_rng(3).random((6, 3, 3, 3)))
    result = merit(AxisProfiles.of(images), reference, np.arange(10.0, 16.0))
    assert 0.0 <= result.value <= 3.0 + 1e-9
    assert np.isfinite([list(row.values()) for row in result.rows]).all()


@given(shuffle=st.permutations(range(12)))
def test_order_of_events_does_not_matter(shuffle: list):
    generator = np.random.default_rng(4)
    generated, reference = (AxisProfiles.of(generator.random((12, 3, 3, 3))) for _ in range(2))
    energy, order = np.linspace(10, 100, 12), np.array(shuffle)
    shuffled = merit(generated[order], reference[order], energy[order])
    assert shuffled.value == pytest.approx(merit(generated, reference, energy).value)


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_broken_showers_are_refused(broken: float):
    good = np.ones((3, 2, 2, 2), dtype=np.float32)
    bad = good.copy()
    bad[1, 0, 1, 0] = broken
    energy = np.array([10.0, 20.0, 30.0])
    with pytest.raises(NotFiniteError, match="generated"):
        merit(AxisProfiles.of(bad), AxisProfiles.of(good), energy)
    with pytest.raises(DataError, match="reference"):
        merit(AxisProfiles.of(good), AxisProfiles.of(bad), energy)


def test_sides_that_do_not_match_are_refused():
    three, other = AxisProfiles.of(np.ones((3, 2, 2, 2))), AxisProfiles.of(np.ones((3, 2, 2, 1)))
    energy = np.array([10.0, 20.0, 30.0])
    with pytest.raises(DataError, match="2 generated and 3 reference"):
        merit(three[:2], three, energy)
    with pytest.raises(DataError, match="cells"):
        merit(three, other, energy)
    with pytest.raises(DataError, match="one energy for each event"):
        merit(three, three, energy[:2])
    with pytest.raises(DataError, match="not positive"):
        merit(three, three, energy - 10.0)
    with pytest.raises(DataError, match="at least one event"):
        floor(three[:1], energy[:1])
