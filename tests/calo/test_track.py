"""Tracks of minimum ionising particles in silicon and scintillator."""

import numpy as np
import pytest

from hvdgan.calo.geometry import Geometry
from hvdgan.calo.hcal import CLIC_HCAL
from hvdgan.calo.track import draw_losses, most_probable_loss


@pytest.mark.parametrize(
    ("detector", "mean", "peak"), [(Geometry.parse(), 0.19, 0.14), (CLIC_HCAL, 0.615, 0.45)], ids=["ECAL", "HCAL"]
)
def test_losses_have_the_published_mean_and_most_probable_value(detector: Geometry, mean: float, peak: float):
    """In MeV: half a millimetre of silicon as published of CLIC, 3 mm of scintillator as in the PDG's tables."""
    losses = 1e3 * draw_losses(
        detector.materials[1], np.full(60_000, detector.thickness_mm[0][1]), np.random.default_rng(1)
    )
    assert losses.mean() == pytest.approx(mean, rel=0.1)
    counts, edges = np.histogram(losses, 40, (0.0, 2.0 * mean))
    assert edges[counts.argmax()] + 0.5 * (edges[1] - edges[0]) == pytest.approx(peak, rel=0.1)
    assert (losses > 0).all()
    assert np.quantile(losses, 0.99) > 2.2 * peak


def test_longer_paths_lose_more_than_in_proportion():
    silicon = Geometry.parse().materials[1]
    assert most_probable_loss(silicon, 1.0) > 2 * most_probable_loss(silicon, 0.5)
    losses = draw_losses(silicon, np.tile([0.5, 1.0], (60_000, 1)), np.random.default_rng(2)).mean(axis=0)
    assert losses == pytest.approx([0.194e-3, 0.388e-3], rel=0.02)
