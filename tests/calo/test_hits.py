"""Tabulated hits: moments of the compound Poisson distribution, and its empty cells."""

import numpy as np
import pytest

from hvdgan.calo.hits import EXPECTED, LUCK, HitTable

SPREAD = 0.45


def test_rows_have_the_moments_of_hits():
    table, below = HitTable.of(SPREAD).deposits, (np.arange(400_000) + 0.5) / 400_000
    assert np.all(np.diff(table, axis=1) >= 0)
    for row in (0, 16, 32, 40, 48, 60, 68):
        expected, deposits = np.exp(EXPECTED[row]), np.interp(np.log(below / (1 - below)), LUCK, table[row])
        assert deposits.mean() == pytest.approx(expected, rel=0.03), row
        if expected > 0.02:
            assert deposits.var() == pytest.approx(expected * (1 + SPREAD**2), rel=0.05), row
            empty = (deposits == 0).mean()
            assert empty == pytest.approx(np.exp(-expected), abs=0.06), row  # a step between two entries is a slope
