"""Pictures of scaling render without a warning, with everything measured and with nothing."""

import lines
import matplotlib
import pytest

from hvdgan.parallel.cost import share_cores, time_all_reduce
from hvdgan.parallel.forecast import forecast, group_series
from hvdgan.report import speedup
from hvdgan.report.replicas import draw_replicas
from hvdgan.report.style import render

pytestmark = [pytest.mark.filterwarnings("error"), pytest.mark.slow]


def texts(figure) -> str:
    """Return everything written in a figure."""
    return "\n".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


def test_every_picture_renders_and_names_what_it_shows():
    curves = group_series(lines.scaling_lines())
    predicted = [[(row["ranks"], 0.9) for row in curve] for curve in curves if not curve[0]["control"]]
    figure = speedup.draw_speedup(curves, predicted)
    assert len(render(figure, dpi=40)) > 5000
    for name in ("ideal", "model", "DistributedDataParallel, batch per rank fixed", "computation emulated"):
        assert name in texts(figure)
    points = [point for curve in curves for point in forecast(curve, lines.LINK, lines.MESSAGES)]
    assert "model, +- 25%" in texts(speedup.draw_overhead(points, 0.25))
    sizes = [2.0**power for power in range(3, 25)]
    fitted = {p: [(n, time_all_reduce(lines.LINK, p, n, share_cores(p, 2))) for n in sizes] for p in (2, 4, 8)}
    drawn = speedup.draw_all_reduce(lines.ring_lines(), fitted)
    assert "8 ranks" in texts(drawn)
    steps = speedup.draw_phases(lines.step_lines())
    assert "torch bfloat16, batch 8" in texts(steps)
    waiting = speedup.draw_waiting([{"steps": 1, "waited_fraction": 0.01}, {"steps": 2}])
    assert "mean 1 %" in texts(waiting)
    layouts = draw_replicas(lines.replica_lines())
    assert "easgd\n4 x 1" in texts(layouts)
    for picture in (drawn, steps, waiting, layouts):
        assert len(render(picture, dpi=40)) > 1000


def test_nothing_measured_is_said():
    for figure in (speedup.draw_speedup([]), speedup.draw_all_reduce([], {}), speedup.draw_phases([])):
        render(figure, dpi=40)
    assert "no replicas were measured" in texts(draw_replicas([]))
    assert "no step was measured" in texts(speedup.draw_phases([]))
    assert "no training was measured" in texts(speedup.draw_waiting([]))
    assert "no scaling was measured" in texts(speedup.draw_overhead([], 0.25))
