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
from hvdgan.run.build import check_model
from hvdgan.run.generate import rebuild
from hvdgan.run.request import read_request, request_run
from hvdgan.run.train import train

PAGE = Path(hvdgan.backends.__file__).with_name("MODELS.md").read_text(encoding="utf-8")
TORCH, KERAS, RECIPE = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
RENAMED = RECIPE.replace("my_module", "networks_of_mine")
"""Modules of one name in several folders would be the first of them."""

CONDITIONS = Conditions.perpendicular(np.array([50.0, 300.0]))


def test_a_template_is_for_models_that_look_at_it(small_config):
    check_model(small_config.replace({"gan.model": "wgan_gp", "gan.model_args": {}, "gan.template": True}))
    with pytest.raises(ConfigError, match="3dgan does not look at a template"):
        check_model(small_config.replace({"gan.template": True}))


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
    config, directory = request_run(path, out, None, None)
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
        pytest.param("keras", "my_keras:build", {"my_keras": KERAS}, marks=pytest.mark.slow),
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


def test_a_model_that_breaks_the_contract_leaves_no_run(write, tmp_path):
    flawed = TORCH.replace("-1, 1, *", "-1, *")
    with pytest.raises(ConfigError, match=r"flawed_module:build returned has shape \(2, 5, 5, 5\); \(2, 1, 5"):
        run(write("flawed_module:build", modules={"flawed_module": flawed}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_folder_of_a_model_is_noted_or_asked_for(write, tmp_path):
    path = write("somewhere:build", modules={"somewhere": TORCH})
    assert read_request(path, None).gan.model_path == str(tmp_path / "models")
    assert read_request(path, ["gan.model_path=models"]).gan.model_path == str(tmp_path / "models")
    assert read_request(path, ["gan.model=json:loads"]).gan.model_path is None
    (tmp_path / "elsewhere.py").write_text(TORCH)
    space = "study.space={gan.model: {type: categorical, choices: ['elsewhere:build', 3dgan]}}"
    for setting, message in (
        ("gan.model_path=nowhere", "nowhere does not hold the modules of somewhere:build"),
        (space, "somewhere:build, elsewhere:build lie in different folders"),
    ):
        with pytest.raises(ConfigError, match=message):
            read_request(path, [setting])


def test_a_searched_model_takes_the_arguments_that_are_meant_for_it(write, tmp_path):
    path = write("searched:build", modules={"searched": TORCH})
    models = {"gan.model": {"type": "categorical", "choices": ["searched:build", "3dgan"]}}
    width = {"type": "int", "low": 4, "high": 8}
    activation = {"type": "categorical", "choices": ["relu", "silu"], "when": {"gan.model": "searched:build"}}
    space = {**models, "gan.model_args.width": width, "gan.model_args.activation": activation}
    config = read_request(path, None).replace({"study.space": space})
    check_model(config)
    for changed, message in (
        ({**activation, "when": {}}, "activation: unknown; given: 'relu'; 3dgan takes width"),
        ({**activation, "choices": ["relu", "tanh"]}, "activation: Input should be 'relu' or 'silu'; given: 'tanh'"),
    ):
        with pytest.raises(ConfigError, match=message):
            check_model(config.replace({"study.space": {**space, "gan.model_args.activation": changed}}))
