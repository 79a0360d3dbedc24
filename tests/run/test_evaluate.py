"""What `evaluate` compares: the floor from halves or a second sample, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from hvdgan.calo.geometry import Geometry
from hvdgan.calo.metrics import METRICS
from hvdgan.calo.simulate import draw_conditions, simulate
from hvdgan.config import load_evaluation
from hvdgan.data.formats import LcdV1
from hvdgan.errors import ConfigError, DataError
from hvdgan.run import evaluate as verb
from hvdgan.run.judging import compare

QUICK = ["evaluation.repeats=10", "evaluation.frechet.draws=3", "evaluation.kernel.batches=3"]


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, str]:
    """Return three files of the same 120 electrons, one of others, and one of slow ones."""
    folder, geometry = tmp_path_factory.mktemp("files"), Geometry.parse().with_grid(4, 4, 6)
    same, others = draw_conditions(120, seed=1), draw_conditions(120, seed=2)
    slow = draw_conditions(120, (5.0, 50.0), seed=1)
    slanted = replace(same, theta=same.theta + np.float32(0.2))
    for name, conditions, seed in (
        ("slanted", slanted, 6),
        ("generated", same, 1), ("reference", same, 2), ("too", same, 3), ("others", others, 4), ("slow", slow, 5)
    ):  # fmt: skip
        LcdV1().write(folder / f"{name}.h5", simulate(conditions, geometry, seed))
    return {path.stem: str(path) for path in folder.iterdir()}


def order(files: dict, other: str | None = None, generated: str = "generated", **changes) -> verb.Order:
    """Return what to compare, quickly."""
    evaluation = load_evaluation(None, [*QUICK, *(f"evaluation.{name}={value}" for name, value in changes.items())])
    return verb.Order([files[generated]], [files["reference"]], [files[other]] if other else [], 1000, None, evaluation)


def test_value_and_floor_come_from_as_many_events(files):
    halved, whole = compare(order(files)), compare(order(files, "too", bins=2))
    assert {score.value.events for score in halved.scores} == {60}
    assert {score.floor.events for score in whole.scores} == {120}
    assert (halved.halved, whole.halved) == (True, False)
    assert {score.value.fewest for score in whole.scores} == {60, 120}
    assert len(halved.samples[0]) == len(halved.samples[1]) == 120
    assert [score.name for score in whole.scores] == list(METRICS)
    assert halved.headline.startswith("60 generated showers against as many of the reference: merit ")


def test_the_seed_chooses_the_halves(files):
    first, again, other = (compare(order(files, seed=seed)).merit.value for seed in (0, 0, 1))
    assert first == again != other


def test_samples_of_other_energies_are_refused(files):
    with pytest.raises(DataError, match="was not made at the energies of"):
        compare(order(files, generated="others"))
    with pytest.raises(DataError, match="was not made at the angles of"):
        compare(order(files, generated="slanted"))
    with pytest.raises(DataError, match="give as many at the same energies, or leave --reference-too out"):
        compare(order(files, "slow"))
    with pytest.raises(DataError, match="give independent ones for the floor"):
        compare(order(files, "reference"))
    assert not compare(order(files, "others")).halved  # the same spectrum is enough for a floor


def test_how_to_compare_comes_from_a_file_and_is_overridden(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("evaluation: {repeats: 7, bins: [10, 20]}\ntraining: {epochs: 3}\n")
    assert verb.choose(path, None, None).bins == [10.0, 20.0]
    chosen = verb.choose(path, ["evaluation.seed=5"], "3")
    assert (chosen.bins, chosen.repeats, chosen.seed) == (3, 7, 5)
    assert verb.choose(None, None, "10, 100,500").bins == [10.0, 100.0, 500.0]
    for bins in ("0", "100,10", "many"):
        with pytest.raises(ConfigError, match="evaluation"):
            verb.choose(None, None, bins)
    with pytest.raises(ConfigError, match="legal sections are evaluation"):
        verb.choose(None, ["training.epochs=3"], None)
