"""Counter-based numbers: each event's are its own."""

import numpy as np
import pytest

from hvdgan.backends.latent import DROPOUT, GENERATION, TRAINING, latents, normals, uniforms, words
from hvdgan.errors import ConfigError


def test_events_do_not_depend_on_what_is_drawn_with_them():
    whole = latents(3, 0, 50, 7)
    np.testing.assert_array_equal(np.concatenate([latents(3, first, 5, 7) for first in range(0, 50, 5)]), whole)


def test_seeds_streams_steps_and_events_have_different_numbers():
    places = [(seed, stream, step, event) for seed in (0, 1) for stream in (GENERATION, TRAINING, DROPOUT)
              for step in (0, 1) for event in (0, 1)]  # fmt: skip
    drawn = {words(*place, 1, 4).tobytes() for place in places}
    assert len(drawn) == len(places)


def test_numbers_have_their_distribution():
    raw = words(0, TRAINING, 0, 0, 1000, 100)
    assert 0 < uniforms(raw).min() < 1e-4
    assert 1 - 1e-4 < uniforms(raw).max() < 1
    drawn = normals(raw)
    np.testing.assert_allclose([drawn.mean(), drawn.var(), (drawn**4).mean()], [0, 1, 3], atol=0.06)
    assert np.isfinite(normals(np.array([0, 2**64 - 1], dtype=np.uint64))).all()


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(ConfigError, match=f"seed {seed} is out of range"):
        latents(seed, 0, 1, 1)
