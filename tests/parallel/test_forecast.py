"""Forecasts of measured scaling: exact where the model is, and from all-reduces alone."""

import lines
import pytest

from hvdgan.parallel.cost import fit_link
from hvdgan.parallel.forecast import forecast, group_series


def test_scaling_that_follows_the_model_is_foretold_from_all_reduces():
    link = fit_link(lines.ring_lines()).link
    series = group_series([*lines.ring_lines(), *lines.scaling_lines()])
    assert [(curve[0]["mode"], curve[0]["control"], len(curve)) for curve in series] == [
        ("emulated", None, 4), ("weak", None, 2), ("weak", "ddp", 2), ("strong", None, 2), ("strong", "ddp", 2),
    ]  # fmt: skip
    told = {(curve[0]["mode"], curve[0]["control"]): forecast(curve, link, lines.MESSAGES) for curve in series}
    assert [point["ranks"] for point in told["emulated", None]] == [2, 4, 8, 16]
    for mode in ("emulated", "weak", "strong"):
        for point in told[mode, None]:
            assert point["error"] == pytest.approx(0, abs=1e-6)
            assert point["overhead_error"] == pytest.approx(0, abs=1e-4)


def test_a_step_that_takes_longer_than_foretold_has_a_negative_error():
    slow = [{**row, "seconds": 1.5 * row["seconds"]} for row in lines.scaling_lines()[:4]]
    for point in forecast(slow, lines.LINK, lines.MESSAGES):
        assert point["error"] == pytest.approx(-1 / 3)
        assert point["overhead_error"] < -1 / 3
