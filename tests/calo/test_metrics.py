"""The registry of metrics: at the floor for the same showers, above it for others, with bins, labels and errors."""

from dataclasses import replace

import numpy as np
import pytest

from hvdgan.calo import merit as figure
from hvdgan.calo.binned import tabulate_merit
from hvdgan.calo.binning import choose_bins, split_bins
from hvdgan.calo.geometry import Geometry
from hvdgan.calo.metrics import METRICS, measure, score
from hvdgan.calo.sample import Sample
from hvdgan.calo.score import Score, Value
from hvdgan.calo.settings import Settings
from hvdgan.calo.simulate import draw_conditions, simulate
from hvdgan.config.search import EVALUATED
from hvdgan.errors import DataError, NotFiniteError

QUICK = Settings(repeats=30, frechet_draws=5, kernel_batches=5, iterations=20)


@pytest.fixture(scope="module")
def images() -> list[np.ndarray]:
    """Return three independent simulations of the same 400 electrons, and their energies in GeV."""
    conditions = draw_conditions(400, seed=1)
    geometry = Geometry.parse().with_grid(6, 6, 8)
    return [*(simulate(conditions, geometry, seed).images["ECAL"] for seed in (1, 2, 3)), conditions.energy]


@pytest.fixture(scope="module")
def samples(images: list) -> list[Sample]:
    """Return the three as samples."""
    return [Sample.of(image, images[3]) for image in images[:3]]


def test_a_study_may_name_every_metric():
    assert set(METRICS) == {"merit", *EVALUATED}


def test_showers_of_the_same_kind_are_as_good_as_the_reference(samples: list):
    scores = score(METRICS, *samples, QUICK)
    assert [found.name for found in scores] == list(METRICS)
    assert all(abs(found.sigmas) < 4 for found in scores)
    assert sum(found.verdict.startswith("as good as the reference") for found in scores) >= 0.8 * len(scores)
    assert all(found.verdict.endswith("; few events") for found in scores)
    assert all((found.value.events, found.value.error > 0) == (400, True) for found in scores)


def test_every_metric_sees_showers_that_are_smeared_and_a_little_too_high(images: list, samples: list):
    smeared = 0.27 * sum(np.roll(images[1], shift, axis=(1, 3)) for shift in ((0, 0), (1, 0), (0, 2), (1, 2)))
    scores = score(METRICS, Sample.of(smeared, images[3]), *samples[::2], replace(QUICK, bins=1))
    assert {found.name: round(found.sigmas, 1) for found in scores if found.sigmas < 3} == {}
    assert not any("as good" in found.verdict for found in scores)


def test_the_merit_is_that_of_the_training(samples: list):
    made, real, _ = samples
    expected = figure.merit(made.profiles, real.profiles, real.energy)
    assert measure(["merit"], made, real, QUICK)["merit"].value == pytest.approx(expected.value)
    table = tabulate_merit(made, real, QUICK)
    assert table.value == pytest.approx(expected.value)
    for row, wanted in zip(table.rows, expected.rows, strict=True):
        assert row == pytest.approx(wanted)


def test_values_do_not_depend_on_the_order_of_events_but_on_the_seed(samples: list):
    made, real, _ = samples
    names = ["merit", "correlation", "separation", "wasserstein"]
    order = np.random.default_rng(0).permutation(len(made))
    straight, mixed = (measure(names, one, real, QUICK) for one in (made, made[order]))
    for name in names:
        assert mixed[name].value == pytest.approx(straight[name].value)
    assert measure(["jsd"], made, real, QUICK) == measure(["jsd"], made, real, QUICK)


def test_sizes_below_the_definition_are_labelled(samples: list):
    found = measure(["fpd", "kpd", "auc"], *samples[:2], QUICK)
    assert found["fpd"].note == "subsets of at most 400 events; defined with 20000 to 50000"
    assert found["kpd"].note == "batches of 200 events; defined with 5000"
    assert found["auc"].note == ""


def test_bins_can_be_edges_and_leave_events_out(samples: list):
    made, real, _ = samples
    inside = (real.energy >= 100) & (real.energy <= 300)
    found = measure(["merit", "fpd"], made, real, Settings(bins=(100.0, 150.0, 300.0), repeats=3, frechet_draws=2))
    assert found["merit"].events == found["fpd"].events == inside.sum()
    assert found["merit"].fewest == (inside & (real.energy < 150)).sum()
    with pytest.raises(DataError, match="0 events lie between 600 and 700 GeV"):
        measure(["merit"], made, real, Settings(bins=(100.0, 600.0, 700.0)))


@pytest.mark.parametrize("bins", [(100.0,), (100.0, 50.0), (), 0])
def test_bins_that_hold_nothing_are_refused(bins):
    with pytest.raises(DataError, match=r"rising edges|at least one"):
        choose_bins(np.array([10.0, 20.0]), bins)


def test_equal_bins_hold_every_event_once():
    energy = np.random.default_rng(1).choice([10.0, 20.0, 40.0, 80.0, 160.0], 500)
    parts = split_bins(energy, choose_bins(energy, 4))
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(500))


def test_what_cannot_be_compared_is_refused(images: list, samples: list):
    made, real, _ = samples
    with pytest.raises(DataError, match="metrics fdp are unknown; legal are merit"):
        measure(["fdp"], made, real, QUICK)
    with pytest.raises(DataError, match="cells"):
        measure(["merit"], Sample.of(images[0][:, :5], images[3]), real, QUICK)
    broken = images[0].copy()
    broken[3, 1, 1, 1] = np.nan
    with pytest.raises(NotFiniteError, match="generated"):
        measure(["merit"], Sample.of(broken, images[3]), real, QUICK)
    with pytest.raises(DataError, match="reference"):
        measure(["merit"], made, Sample.of(broken, images[3]), QUICK)


@pytest.mark.parametrize(
    ("value", "floor", "words"),
    [
        ((0.1, 0.01), (0.2, 0.01), "closer than two reference samples"),
        ((0.1, 0.0), (0.0, 0.0), "inf sigma above the floor"),
        ((0.0, 0.0), (0.0, 0.0), "as good as the reference"),
        ((3.0, 0.01), (0.01, 0.001), "300 x the floor"),
    ],
)
def test_verdicts_at_the_ends(value: tuple, floor: tuple, words: str):
    assert Score("s", "S", Value(*value, 2000, 2000), Value(*floor, 2000, 2000)).verdict == words
