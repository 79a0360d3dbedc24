"""Forecasts of measured scaling: exact where the model is, and from all-reduces alone."""

import lines
import pytest

from hvdgan.parallel.cost import Step, fit_link, time_step
from hvdgan.parallel.forecast import find_apart, forecast, group_series


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


def test_what_trainings_apart_took_and_varied_by_stands_for_computing():
    alone = {"kind": "scaling", "control": "apart", "mode": "weak", "ranks": 2, "seconds": 2.0, "jitter": 0.05}
    weak = next(curve for curve in group_series(lines.scaling_lines()) if curve[0]["mode"] == "weak")
    (point,) = forecast(weak, lines.LINK, lines.MESSAGES, find_apart([*lines.scaling_lines(), alone]))
    assert point["predicted"] == pytest.approx(time_step(lines.LINK, Step(2.0, lines.MESSAGES, jitter=0.05), 2))
    assert point["overhead"] == pytest.approx(weak[1]["seconds"] - 2.0)


def test_a_slow_network_between_hosts_comes_on_top():
    first, *_ = lines.scaling_lines()
    slow = {**first, "link": "1Gb/s", "bandwidth": 1e9}
    (quick,), (point,) = (forecast([row], lines.LINK, lines.MESSAGES) for row in (first, slow))
    # of two ranks each sends all its bytes once
    assert point["predicted"] - quick["predicted"] == pytest.approx(8 * sum(lines.MESSAGES) / 1e9)


def test_a_step_that_takes_longer_than_foretold_has_a_negative_error():
    slow = [{**row, "seconds": 1.5 * row["seconds"]} for row in lines.scaling_lines()[:4]]
    for point in forecast(slow, lines.LINK, lines.MESSAGES):
        assert point["error"] == pytest.approx(-1 / 3)
        assert point["overhead_error"] < -1 / 3
