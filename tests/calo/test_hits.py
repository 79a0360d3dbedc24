"""Tabulated hits: moments of the compound Poisson distribution, and its empty cells."""

import numpy as np
import pytest

from hvdgan.calo.hits import EXPECTED, LUCK, HitTable

SPREAD = 0.45


@pytest.mark.parametrize("row", [0, 16, 32, 40, 48, 60, 68])
def test_rows_have_the_moments_of_hits(row):
    expected, below = np.exp(EXPECTED[row]), (np.arange(400_000) + 0.5) / 400_000
    deposits = np.interp(np.log(below / (1 - below)), LUCK, HitTable.of(SPREAD).deposits[row])
    assert deposits.mean() == pytest.approx(expected, rel=0.03)
    if expected > 0.02:
        assert deposits.var() == pytest.approx(expected * (1 + SPREAD**2), rel=0.05)
        assert (deposits == 0).mean() == pytest.approx(
            np.exp(-expected), abs=0.06
        )  # a step between two entries is a slope
    assert np.all(np.diff(HitTable.of(SPREAD).deposits, axis=1) >= 0)
