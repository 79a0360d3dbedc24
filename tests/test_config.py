import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hvdgan.config import Config, Section, legal_names, load, parse
from hvdgan.errors import ConfigError

LEAST = {"data": {"files": ["a.h5"]}}
RATE = {"type": "float", "low": 1e-4, "high": 1e-2, "log": True}


def with_space(**space):
    return LEAST | {"study": {"space": {name.replace("__", "."): value for name, value in space.items()}}}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "data: this key is needed"),
        (LEAST | {"trainin": {}}, "trainin: unknown key; did you mean training?"),
        (LEAST | {"training": {"epoch": 3}}, "training.epoch: unknown key; did you mean training.epochs?"),
        (LEAST | {"training": {"epochs": "many"}}, "training.epochs: Input should be a valid integer; given: 'many'"),
        (LEAST | {"training": {"epochs": 0}}, "training.epochs: Input should be greater than 0; given: 0"),
        (LEAST | {"training": {"learning_rate": float("nan")}}, "training.learning_rate: Input should be a finite"),
        (LEAST | {"gan": {"backend": "jax"}}, "gan.backend: Input should be"),
        (LEAST | {"data": {"files": []}}, "data.files: List should have at least 1 item"),
        (LEAST | {"data": None}, "data: Input should be"),
        (LEAST | {"study": {"objective": ["auk"]}}, "study.objective.0: Input should be 'merit', "),
        (LEAST | {"evaluation": {"bins": [500, 10]}}, "evaluation: bins [500.0, 10.0] hold no energy"),
        (LEAST | {"evaluation": {"bins": 0}}, "evaluation: bins 0 hold no energy"),
        (LEAST | {"evaluation": {"frechet": {"smallest": 60000}}}, "smallest 60000 does not lie below largest 50000"),
        (LEAST | {"evaluation": {"classifier": {"train": 0.9}}}, "leave less than 0.05 to judge with"),
        (with_space(training__learning_rate={**RATE, "low": 1.0}), "low 1.0 lies above high 0.01"),
        (
            with_space(training__learn_rate=RATE),
            "training.learn_rate: unknown key; did you mean training.learning_rate?",
        ),
        (with_space(training__epochs=RATE), "training.epochs: Input should be a valid integer"),
        (
            with_space(study__trials=RATE),
            "study.trials: only data, gan, training, study.folds, study.fold_mode can be searched",
        ),
        (with_space(gan__weights__ecal={"type": "categorical", "choices": [1, -1]}), "gan.weights.ecal: Input should"),
    ],
)
def test_an_illegal_configuration_is_explained(content, words):
    with pytest.raises(ConfigError) as caught:
        parse(content)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("gan", "generation"),
    [({}, 2.0), ({"model": "3dgan_angle"}, 3.0), ({"model": "3dgan_angle", "weights": {"generation": 5}}, 5.0)],
)
def test_a_model_has_the_loss_weights_it_was_published_with(gan, generation):
    weights = parse(LEAST | {"gan": gan}).gan.weights
    assert (weights.generation, weights.angle) == (generation, 25.0)


def test_every_problem_is_told_at_once():
    with pytest.raises(ConfigError) as caught:
        parse(LEAST | {"training": {"epochs": 0, "batch_size": 0, "speed": 1}})
    assert len(str(caught.value).splitlines()) == 4


def test_defaults_are_dumped_and_read_back(tmp_path):
    config = parse(with_space(training__learning_rate=RATE))
    (tmp_path / "c.yaml").write_text(config.dump())
    assert load(tmp_path / "c.yaml") == config


@pytest.mark.parametrize(
    ("setting", "name", "value"),
    [
        ("training.epochs=3", "epochs", 3),
        ("training.learning_rate=1e-3", "learning_rate", 1e-3),
        ("training.learning_rate=1", "learning_rate", 1.0),
        ("training.rate_scaling=sqrt", "rate_scaling", "sqrt"),
        ("training.checkpoint.every=5", "checkpoint", {"every": 5, "keep": 2}),
    ],
)
def test_settings_override_the_file(tmp_path, setting, name, value):
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(LEAST))
    assert load(tmp_path / "c.yaml", [setting]).training.model_dump()[name] == value


@pytest.mark.parametrize("setting", ["training.epochs", "training.epochs=[", "data.files.x=1", "training.epochs=1.5"])
def test_an_illegal_setting_is_told(tmp_path, setting):
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(LEAST))
    with pytest.raises(ConfigError, match=setting.split("=")[0]):
        load(tmp_path / "c.yaml", [setting])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"- 1\n- 2\n", "is not a configuration"),
        (b"a: [", "is not YAML"),
        (b"\xff\xfe", "is not YAML"),
        (b"", "is not"),
    ],
)
def test_a_file_that_is_no_configuration_is_told(tmp_path, content, words):
    (tmp_path / "c.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        load(tmp_path / "c.yaml")


def test_yaml_tags_are_not_executed(tmp_path):
    (tmp_path / "c.yaml").write_text("data: !!python/object/apply:os.system ['false']\n")
    with pytest.raises(ConfigError, match="is not YAML"):
        load(tmp_path / "c.yaml")


@given(st.floats(1e-4, 1e-2), st.integers(1, 10**6))
def test_points_of_a_space_are_set_and_survive_a_file(rate, size):
    config = parse(LEAST).replace({"training.learning_rate": rate, "gan.latent_size": size})
    assert config.training.learning_rate == rate
    assert parse(yaml.safe_load(config.dump())) == config


def test_model_arguments_are_open():
    config = parse(LEAST).replace({"gan.model_args.width": 0.5})
    assert config.gan.model_args == {"width": 0.5}


def sections(section=Config):
    for field in section.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield field.annotation
            yield from sections(field.annotation)


def test_every_key_is_documented():
    undocumented = [
        f"{section.__name__}.{name}"
        for section in sections()
        for name, field in section.model_fields.items()
        if not field.description and not (isinstance(field.annotation, type) and issubclass(field.annotation, Section))
    ]
    assert undocumented == []


def test_names_of_nested_keys_are_known():
    assert {"training.checkpoint.every", "gan.weights.ecal", "study.space"} <= set(legal_names())
