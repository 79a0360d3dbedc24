"""Every figure becomes a PNG without a warning, for the samples and studies that are odd but happen."""

import itertools
import struct

import matplotlib
import numpy as np
import pytest

from hvdgan.config.search import Choices, FloatRange
from hvdgan.report import (
    compose,
    coordinates,
    energy,
    events,
    front,
    gantt,
    ratio,
    scales,
    showers,
    study,
    style,
    timeline,
    training,
    trials,
)

pytestmark = [pytest.mark.filterwarnings("error"), pytest.mark.slow]

PNG = b"\x89PNG\r\n\x1a\n"


def size(png: bytes) -> tuple[int, int]:
    """Return width and height of a PNG file in pixels."""
    assert png.startswith(PNG)
    return struct.unpack(">II", png[16:24])


def texts(figure) -> str:
    """Return everything written in a figure."""
    return "\n".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


@pytest.mark.parametrize(
    ("count", "generated_scale"), [(1, 0.0), (1, 1.0), (3, 1e-12), (60, 0.0), (60, 1.0), (60, 50.0)]
)
def test_shower_pictures_render(make_showers, count, generated_scale):
    reference, energies = make_showers(count, (7, 6, 9))
    generated = generated_scale * make_showers(count, (7, 6, 9), seed=1)[0]
    for drawing in compose.draw_shower_pictures(reference, energies, generated, energies):
        assert size(style.render(drawing.figure, dpi=40))[0] > 300, drawing.name


@pytest.mark.parametrize("grid", [(5, 5, 5), (1, 1, 1), (51, 51, 25)])
def test_grids_from_tiny_to_large(make_showers, grid):
    reference, energies = make_showers(4, grid)
    generated = make_showers(4, grid, seed=1)[0]
    for drawing in compose.draw_shower_pictures(reference, energies, generated, energies):
        assert size(style.render(drawing.figure, dpi=40))[1] > 100, drawing.name


def test_samples_without_any_energy_are_drawn_and_say_so():
    nothing, energies = np.zeros((5, 4, 4, 6), dtype=np.float32), np.linspace(50.0, 60.0, 5)
    drawings = compose.draw_shower_pictures(nothing, energies, nothing, energies)
    for drawing in drawings:
        style.render(drawing.figure, dpi=40)
    said = {drawing.name: texts(drawing.figure) for drawing in drawings}
    assert "no energy" in said["events"]
    assert "no ratio can be formed" in said["profiles"]


def test_samples_of_different_size_and_one_energy(make_showers):
    reference, _ = make_showers(30)
    generated, _ = make_showers(7, seed=1)
    same = np.full(30, 100.0)
    figure = energy.draw_sampling_fraction(reference, same, generated, same[:7])
    assert size(style.render(figure, dpi=40))[0] > 300
    pairs = events.pick_events(same, same[:7], 9)
    assert len(pairs) == len({generated for _, generated in pairs}) == 7


def test_profiles_have_units_and_hold_the_means(make_showers):
    reference, _ = make_showers(20)
    figure = showers.draw_profiles(reference, 2 * reference)
    assert "mean energy  [MeV]" in texts(figure)
    drawn = [patch.get_data().values for patch in figure.axes[4].patches if hasattr(patch, "get_data")]
    expected = 1000 * reference.sum(axis=(1, 2)).mean(axis=0)
    assert any(np.allclose(values, 2 * expected, rtol=1e-5) for values in drawn)


def test_binned_fraction_has_the_moments_of_the_events():
    fraction, incident = np.array([1.0, 3.0, 2.0, 2.0]), np.array([10.0, 20.0, 80.0, 100.0])
    mean, spread = energy.bin_fractions(fraction, incident, np.array([10.0, 50.0, 90.0, 100.0]))
    assert mean.value.tolist() == [2.0, 2.0, 2.0]
    assert mean.error.tolist() == [1.0, 0.0, 0.0]
    assert spread.value[0] == pytest.approx(100 * np.sqrt(2) / 2)
    assert np.isnan(spread.value[1:]).all()


def test_ratio_of_nothing_is_no_number():
    curve = ratio.divide(ratio.Curve(np.array([1.0, 2.0]), np.array([0.1, 0.1])), np.array([0.0, 4.0]))
    assert np.isnan(curve.value[0])
    assert curve.value[1] == 0.5


@pytest.mark.parametrize(
    ("trials", "parameters", "failing"),
    [(0, 0, False), (1, 1, False), (1, 1, True), (2, 5, False), (300, 12, False), (12, 4, True), (12, 0, False)],
)
def test_study_pictures_render(make_trials, make_events, trials, parameters, failing):
    rows = make_trials(trials, parameters, failing)
    shares = {f"gan.section.parameter_{place}": 1 / parameters for place in range(parameters)}
    jobs = timeline.follow_jobs(make_events(rows, 2))
    drawings = compose.draw_study_pictures(rows, [shares], untrained=2.5, jobs=jobs)
    assert len({drawing.name for drawing in drawings}) == len(drawings) == 5
    for drawing in drawings:
        assert size(style.render(drawing.figure, dpi=40))[0] > 200, drawing.name


@pytest.mark.parametrize(("trials", "objectives"), [(0, 2), (1, 2), (40, 2), (20, 3)])
def test_pictures_of_several_objectives_render(make_trials, trials, objectives):
    names = ["merit", "generation_time", "training_time"][:objectives]
    drawings = compose.draw_study_pictures(make_trials(trials, 3, objectives=objectives), objectives=names)
    assert {"study_front", "study_slices_merit", "study_importances_generation_time"} <= {one.name for one in drawings}
    for drawing in drawings:
        assert size(style.render(drawing.figure, dpi=40))[0] > 200, drawing.name


def test_front_is_ringed_and_numbered():
    points = {4: [1.0, 9.0], 5: [5.0, 5.0], 6: [6.0, 6.0], 7: [9.0, 1.0]}
    rows = [{"number": number, "state": "done", "value": one[0], "values": one} for number, one in points.items()]
    figure = front.draw_front(rows, [4, 5, 7], ["merit", "generation_time"])
    rings = [line.get_xdata()[0] for line in figure.axes[0].lines if line.get_markersize() == 11]
    assert rings == [1.0, 5.0, 9.0]
    assert {"4", "5", "7"} <= set(texts(figure).split("\n"))
    assert "6" not in [text.get_text() for text in figure.axes[0].texts]


def test_lines_of_parallel_coordinates_end_at_their_values(make_trials):
    rows = make_trials(12, 3)
    figure = coordinates.draw_coordinates(rows)
    best = min((row for row in rows if row["state"] == "done"), key=lambda row: row["value"])
    strong = next(line for line in figure.axes[0].lines if line.get_marker() == "o")
    assert strong.get_ydata()[-1] == 0
    assert (strong.get_ydata()[2] == coordinates.UNSET) == ("gan.section.parameter_2" not in best["params"])
    assert "parameter\n2" in texts(figure)


def test_gantt_shows_idle_time_and_the_time_of_every_trial(make_trials, make_events):
    jobs = timeline.follow_jobs(make_events(make_trials(3), 2))
    figure = gantt.draw_gantt(jobs)
    assert "busy 75%" in texts(figure)
    bars = {(bar.get_x(), bar.get_width(), round(bar.get_y() + bar.get_height() / 2)) for bar in figure.axes[0].patches}
    assert bars == {(0, 20, 1), (0, 20, 2), (0, 10, 1), (0, 10, 2), (10, 10, 1)}


def test_axes_of_parameters_follow_the_search_space():
    lr = FloatRange(type="float", low=1e-5, high=1e-1, log=True)
    assert scales.find_scale([0.001, 0.002], lr).fraction(0.001) == pytest.approx(0.5)
    weights = Choices(type="categorical", choices=[8, 1, 2])
    assert [text for _, text in scales.find_scale([1, 2], weights).ticks()] == ["8", "1", "2"]
    assert scales.find_scale([0.001, 0.5]).kind == "log"
    assert scales.find_scale([True, False]).choices == ("False", "True")
    assert scales.find_scale([]).ticks() == [(0.0, "0")]


def test_failed_trials_stand_at_the_upper_edge(make_trials):
    figure = study.draw_history(make_trials(10), untrained=3.0)
    crosses = [line for line in figure.axes[0].lines if line.get_marker() == "X"]
    assert crosses[0].get_xdata().tolist() == [4, 9]
    assert "untrained" in texts(figure)


def test_best_so_far_never_rises(make_trials):
    values = [row["value"] for row in trials.completed(make_trials(20))]
    line = study.best_so_far(values)
    assert line[-1] == min(values)
    assert all(later <= earlier for earlier, later in itertools.pairwise(line))


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [{"kind": "untrained", "epoch": 0, "steps": 0, "merit": 2.4}],
        [{"kind": "step", "epoch": 0, "steps": 20, "generator_loss": 3.0, "discriminator_loss": float("nan")}],
        [{"kind": "epoch", "steps": 20, "merit": 0.0}, {"kind": "epoch", "steps": 40, "merit": 1.0}],
        [{"events": 640 * step, "generator_loss": 9.0 / step, "merit": 1.0 / step} for step in range(1, 40)],
    ],
)
def test_training_curves_render(rows):
    assert size(style.render(training.draw_training(rows, untrained=2.4, floor=0.1), dpi=40))[0] > 200
    assert size(style.render(training.draw_training(rows), dpi=40))[0] > 200


def test_drawing_leaves_the_settings_of_matplotlib_alone(make_showers):
    before = dict(matplotlib.rcParams)
    reference, energies = make_showers(3)
    style.render(energy.draw_spectra(reference, energies, reference, energies), dpi=40)
    assert dict(matplotlib.rcParams) == before
