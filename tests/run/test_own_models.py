"""Models of the user's own: those of MODELS.md train as they stand, and broken ones are refused."""

import re
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import hvdgan.backends
from hvdgan.calo.shower import Conditions
from hvdgan.errors import ConfigError
from hvdgan.parallel.world import SoloWorld
from hvdgan.run.generate import rebuild
from hvdgan.run.plan import plan_run
from hvdgan.run.train import train

PAGE = Path(hvdgan.backends.__file__).with_name("MODELS.md").read_text(encoding="utf-8")
TORCH, KERAS, RECIPE = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
RENAMED = RECIPE.replace("my_module", "networks_of_mine")
"""Modules of one name in several folders would be the first of them."""

CONDITIONS = Conditions.perpendicular(np.array([50.0, 300.0]))


@pytest.fixture
def write(small_config, tmp_path, monkeypatch):
    """Return a function that writes modules, and a configuration beside them, into a folder that is not the current."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "models"
    folder.mkdir()

    def write_files(model, backend="torch", modules=None, **settings):
        for name, text in (modules or {}).items():
            (folder / f"{name}.py").write_text(text)
        values = {"gan.model": model, "gan.backend": backend, "gan.model_args": {}, "training.epochs": 1, **settings}
        path = folder / "config.yaml"
        path.write_text(small_config.replace(values).dump())
        return path

    return write_files


def run(path, out):
    """Train as `hvdgan train` does; return the exit code."""
    config, directory = plan_run(path, out, None, None)
    return train(config, directory, False, SoloWorld(), lambda row: None)


@pytest.mark.parametrize(
    ("backend", "model", "modules"),
    [
        ("torch", "my_module:build", {"my_module": TORCH}),
        (
            "torch",
            "my_recipe:build",
            {"my_module_two": TORCH, "my_recipe": RECIPE.replace("my_module", "my_module_two")},
        ),
        ("keras", "my_keras:build", {"my_keras": KERAS}),
    ],
)
def test_the_examples_of_the_page_train_and_generate(write, tmp_path, monkeypatch, backend, model, modules):
    if backend == "keras":
        pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    path = write(model, backend, modules, **{"gan.model_args": {"width": 8}})
    assert run(path, tmp_path / "run") == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    with closing(rebuild(tmp_path / "run")) as gan:
        made = gan.generate(CONDITIONS, 1)
        assert gan.parameters()["generator"] == 6 * 8 + 8 + 125 * 9
    assert made.shape == (2, 5, 5, 5)
    assert made.sum(axis=(1, 2, 3))[1] > made.sum(axis=(1, 2, 3))[0] > 0


def test_x():
    with pytest.raises(ConfigError):
        raise ConfigError("x")
