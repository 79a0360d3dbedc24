"""What the README tells users is true: its configuration is legal, its verbs exist, its links lead somewhere."""

import re
from pathlib import Path

import pytest
import yaml

from hvdgan.cli import app
from hvdgan.config import load, parse
from hvdgan.run.build import check_model
from hvdgan.study.search import samplers
from hvdgan.study.search.layout import fit_layout
from hvdgan.study.search.points import resolve_points

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
GROUPS = {group.name for group in app.registered_groups}
BLOCKS = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", README, flags=re.DOTALL)]
VERBS = {command.callback.__name__ for command in app.registered_commands} | GROUPS


def test_the_configuration_is_legal():
    config, messages = fit_layout(parse(BLOCKS[0]))
    assert messages == []
    samplers.check(config.study)
    assert len(resolve_points(config)) == 1
    check_model(config)


def test_the_recipe_is_the_demos():
    demo, recipe = load(ROOT / "scripts" / "demo.yaml"), parse({"data": BLOCKS[0]["data"]} | BLOCKS[1])
    check_model(recipe)
    assert recipe.gan == demo.gan
    assert recipe.training.adam == demo.training.adam
    for name in ("batch_size", "optimizer", "averaging"):
        assert getattr(recipe.training, name) == getattr(demo.training, name)


def test_the_demo_is_legal():
    config = load(ROOT / "scripts" / "demo.yaml")
    check_model(config)
    assert config.study.trials >= 10
    assert config.study.folds == config.study.ranks_per_trial == 2


def test_every_verb_it_names_exists_and_every_verb_is_named():
    named = set(re.findall(r"(?:`|\$ |&& |srun --mpi=pmix |none )hvdgan ([a-z]+)", README))
    assert named == VERBS


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:hvdgan|scripts|tests)/[\w/.]+)`", README))))
def test_the_files_it_names_exist(path):
    assert (ROOT / path).exists()


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)]+)\)", README))
def test_its_pictures_exist(link):
    assert (ROOT / link).stat().st_size < 1_000_000
