"""Showers of different angles: simulated, trained on, generated at a given theta."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from hvdgan.cli import app
from hvdgan.config import parse
from hvdgan.data.files import open_files
from hvdgan.training.checkpoint import load_checkpoint

pytestmark = pytest.mark.slow


def say(*words):
    """Run a verb in this process."""
    return CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a large-window file of varied angles and configurations that train on it, merged to few cells."""
    folder = tmp_path_factory.mktemp("angles")
    words = ("--files", 1, "--events", 40, "--energy", 100, "--theta", 60, 120, "--layout", "lcd_window")
    assert say("simulate", *words, "--out", folder / "data").exit_code == 0
    for model, arguments in (("3dgan_angle", {"width": 0.1}), ("wgan_gp", {"width": 0.1}), ("3dgan", {"width": 0.05})):
        content = {
            "data": {"files": [str(folder / "data" / "*.h5")], "grid": [17, 17, 5], "validation": 0.2},
            "gan": {"model": model, "latent_size": 4, "model_args": arguments},
            "training": {"epochs": 1, "batch_size": 16, "shuffle_block": 16},
        }
        (folder / f"{model}.yaml").write_text(parse(content).dump())
        assert say("train", folder / f"{model}.yaml", "--out", folder / model).exit_code == 0
    return folder


def thetas(path):
    """Return the angles of a file in degrees."""
    with open_files([str(path)]) as files:
        return np.degrees(files.conditions(np.arange(files.count)).theta)


@pytest.mark.parametrize("model", ["3dgan_angle", "wgan_gp"])
def test_two_steps_and_showers_at_a_theta(folder, tmp_path, model):
    saved = load_checkpoint(folder / model / "checkpoints")
    assert saved.manifest["position"]["steps"] == 2
    known = np.degrees(saved.manifest["spec"]["angles"])
    assert known == pytest.approx([60, 120], abs=5)
    lines = (folder / model / "metrics.jsonl").read_text().splitlines()
    (line,) = [row for row in map(json.loads, lines) if row["kind"] == "step"]
    assert ("generator_angle" in line) == (model == "3dgan_angle")
    for number, words in enumerate((["--theta", 75], ["--theta", 80, 95], [], ["--like", folder / "data" / "*.h5"])):
        path = tmp_path / f"{number}.h5"
        assert say("generate", folder / model, "--events", 9, "--energy", 50, *words, "--out", path).exit_code == 0
    found = [thetas(tmp_path / f"{number}.h5") for number in range(4)]
    np.testing.assert_allclose(found[0], 75, rtol=1e-4)
    assert 80 <= found[1].min() < found[1].max() <= 95
    assert known[0] - 0.01 <= found[2].min() < found[2].max() <= known[1] + 0.01
    np.testing.assert_allclose(found[3], thetas(folder / "data" / "*.h5")[:9], rtol=1e-4)
    with open_files([str(tmp_path / "0.h5")]) as files:
        assert files.energy_range() == (50, 50)


def refusal(*words):
    """Return the error that ends a verb."""
    error = CliRunner().invoke(app, list(map(str, words))).exception
    return str(error.__cause__ or error)


def test_angles_that_networks_are_not_told_are_refused(folder, small_config, tmp_path):
    words = ("generate", folder / "3dgan", "--out", tmp_path / "no.h5", "--events", 2)
    assert "told no angle, as 3dgan does not look at it" in refusal(*words, "--theta", 75)
    assert say(*words).exit_code == 0
    np.testing.assert_allclose(thetas(tmp_path / "no.h5"), 90, rtol=1e-5)
    words = ("generate", folder / "wgan_gp", "--out", tmp_path / "none.h5", "--events", 2)
    assert "the files have angles of their own" in refusal(*words, "--theta", 75, "--like", folder / "data" / "*.h5")
    assert "degrees between 0 and 180" in refusal(*words, "--theta", 0)
    (tmp_path / "alike.yaml").write_text(small_config.replace({"gan.model": "3dgan_angle"}).dump())
    assert "here all enter at the same theta" in refusal("train", tmp_path / "alike.yaml", "--out", tmp_path / "run")
    space = "study.space={gan.model: {type: categorical, choices: [3dgan, 3dgan_angle]}}"
    words = ("study", tmp_path / "alike.yaml", "--set", "gan.model=3dgan", "--set", space, "--out", tmp_path / "run")
    assert "here all enter at the same theta" in refusal(*words)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--energy", 1, 2, 3], "--energy 1 2 3: one number, or two for a range"),
        (["--energy", -5], "--energy -5: numbers above 0"),
        (["--energy", 60, 10], "the lower one first"),
        (["--theta", "up"], "--theta up: one number"),
    ],
)
def test_ranges_that_are_none_are_refused(folder, words, message):
    assert message in refusal("generate", folder / "wgan_gp", *words)
