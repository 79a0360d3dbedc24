"""Draws: the same numbers for any number of ranks."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hvdgan.training.draws import draw

SETTINGS = {"latent_size": 5, "passes": 3, "classes": 2, "energies": (10.0, 500.0), "label_flip": 0.3}


@given(seed=st.integers(0, 2**64 - 1), step=st.integers(0, 2**40), ranks=st.integers(1, 6), each=st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_ranks_draw_their_share_of_what_one_rank_draws(seed, step, ranks, each):
    whole = draw(seed, step, 0, ranks * each, **SETTINGS)
    parts = [draw(seed, step, rank * each, each, **SETTINGS) for rank in range(ranks)]
    for name in ("latent", "energy", "particle", "mix", "flip"):
        joined = np.concatenate([getattr(part, name) for part in parts], axis=1)
        np.testing.assert_array_equal(joined, getattr(whole, name))
    assert len({part.seed for part in parts}) == ranks


def test_shapes_and_kinds_are_the_contracts():
    drawn = draw(1, 2, 3, 4, **SETTINGS)
    assert drawn.latent.shape == (3, 4, 5)
    assert drawn.latent.dtype == drawn.energy.dtype == np.float64
    assert drawn.energy.shape == drawn.particle.shape == drawn.mix.shape == (3, 4)
    assert drawn.particle.dtype == np.int64
    assert drawn.flip.shape == (2, 4)
    assert drawn.flip.dtype == np.bool_
    assert 0 <= drawn.seed < 2**63


def test_angles_are_drawn_beside_everything_else():
    plain, angled = draw(1, 2, 3, 40, **SETTINGS), draw(1, 2, 3, 40, **SETTINGS, angles=(1.0, 2.0))
    assert plain.angle is None
    for name in ("latent", "energy", "particle", "mix", "flip"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(angled, name))
    assert angled.angle.shape == (3, 40)
    assert 1 < angled.angle.min() < 1.2 < 1.8 < angled.angle.max() < 2
    part = draw(1, 2, 23, 20, **SETTINGS, angles=(1.0, 2.0))
    np.testing.assert_array_equal(part.angle, angled.angle[:, 20:])


def test_steps_and_seeds_draw_different_numbers():
    drawn = [draw(seed, step, 0, 2, **SETTINGS) for seed in (0, 1) for step in (0, 1)]
    assert len({one.latent.tobytes() for one in drawn}) == len({one.seed for one in drawn}) == 4


def test_passes_draw_different_numbers():
    drawn = draw(0, 0, 0, 8, **SETTINGS)
    assert len({one.tobytes() for one in drawn.latent}) == len({one.tobytes() for one in drawn.energy}) == 3


def test_numbers_have_their_distribution():
    drawn = draw(0, 0, 0, 20_000, **SETTINGS)
    np.testing.assert_allclose([drawn.latent.mean(), drawn.latent.std()], [0, 1], atol=0.01)
    assert 10.0 <= drawn.energy.min() < 10.1
    assert 499.9 < drawn.energy.max() <= 500.0
    np.testing.assert_allclose(drawn.energy.mean(axis=1), 255.0, atol=4.0)
    np.testing.assert_allclose(drawn.flip.mean(axis=1), 0.3, atol=0.02)
    np.testing.assert_allclose([np.mean(drawn.particle == number, axis=1) for number in (0, 1)], 0.5, atol=0.02)
    np.testing.assert_allclose(drawn.mix.mean(axis=1), 0.5, atol=0.01)


def test_no_flips_without_label_noise():
    assert not draw(0, 0, 0, 100, **{**SETTINGS, "label_flip": 0.0}).flip.any()
