"""The configuration: one YAML file, strictly checked, every key documented.

`load` reads it, `Config.replace` answers `--set` and the points of a study; both use the same dotted names. An unknown
key, a wrong type or an illegal value is a `ConfigError` that names the key, what was given and the nearest legal key.
"""

import difflib
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError, model_validator

from hvdgan.config.evaluation import Classifier, Evaluation, FrechetDistance, KernelDistance
from hvdgan.config.search import EVALUATED, Choices, Dimension, Evolution, FloatRange, IntRange, Plain, Pruning, Study
from hvdgan.config.sections import Checkpoint, Data, Exchange, Gan, Ring, Section, Training, Weights
from hvdgan.errors import ConfigError
from hvdgan.files import read_yaml

__all__ = [
    "EVALUATED",
    "Checkpoint",
    "Choices",
    "Classifier",
    "Config",
    "Data",
    "Dimension",
    "Evaluation",
    "Evolution",
    "Exchange",
    "FloatRange",
    "FrechetDistance",
    "Gan",
    "IntRange",
    "KernelDistance",
    "Plain",
    "Pruning",
    "Ring",
    "Section",
    "Study",
    "Training",
    "Weights",
    "legal_names",
    "load",
    "load_evaluation",
    "parse",
]

Legal = TypeVar("Legal", bound=Section)

SEARCHABLE = ("data", "gan", "training", "study.folds", "study.fold_mode")
"""What a study may search."""


class Config(Section):
    """Everything a run depends on."""

    data: Data
    gan: Gan = Gan()
    training: Training = Training()
    study: Study = Study()
    evaluation: Evaluation = Evaluation()

    @model_validator(mode="after")
    def _space_is_legal(self) -> "Config":
        """Check that the ends of every range of the space are legal values of their key."""
        for name, dimension in self.study.space.items():
            if not isinstance(dimension, Choices) and dimension.low > dimension.high:
                raise ValueError(f"study.space: {name}: low {dimension.low} lies above high {dimension.high}")
            if not name.startswith(tuple(f"{legal}." for legal in SEARCHABLE)) and name not in SEARCHABLE:
                raise ValueError(f"study.space: {name}: only {', '.join(SEARCHABLE)} can be searched")
            for value in dimension.ends():
                self._try(name, value)
        return self

    def _try(self, name: str, value: Any) -> None:
        """Check that a value is legal for a key of the space."""
        try:
            self.replace({name: value, "study.space": {}})
        except ConfigError as error:
            reason = str(error).splitlines()[-1].strip()
            raise ValueError(f"study.space: {reason}") from None

    def replace(self, values: dict[str, Any]) -> "Config":
        """Return a copy with some dotted names set to new values, checked like a file.

        Raises:
            ConfigError: A name is unknown or a value is illegal.
        """
        content = self.model_dump()
        for name, value in values.items():
            _put(content, name, value)
        return parse(content)

    def dump(self) -> str:
        """Return the whole configuration, defaults included, as YAML that `load` takes."""
        return yaml.safe_dump(self.model_dump(), sort_keys=False)


class _Judging(Section):
    """The configuration of an evaluation without a run."""

    evaluation: Evaluation = Evaluation()


def load(path: Path, settings: list[str] | None = None) -> Config:
    """Read a configuration.

    Args:
        path: The YAML file.
        settings: `dotted.name=value` texts that override the file; values are YAML.

    Raises:
        ConfigError: The file cannot be read, or the content is not legal.
    """
    content = read_yaml(path, "configuration")
    _override(content, settings or [])
    return parse(content, str(path))


def load_evaluation(path: Path | None, settings: list[str]) -> Evaluation:
    """Read the section `evaluation` alone, of a file that may have others, such as the `config.yaml` of a run.

    Args:
        path: The YAML file; None has the defaults.
        settings: `evaluation.name=value` texts that override the file; values are YAML.

    Raises:
        ConfigError: The file cannot be read, the section is not legal, or a setting belongs to another section.
    """
    whole = read_yaml(path, "configuration") if path else {}
    content = {"evaluation": whole.get("evaluation", {})}
    _override(content, settings)
    return _validate(_Judging, content, str(path or "configuration")).evaluation


def parse(content: dict[str, Any], origin: str = "configuration") -> Config:
    """Check plain content (as YAML gives it) and return the configuration.

    Raises:
        ConfigError: One line per problem: the key, what was given, what is legal.
    """
    return _validate(Config, content, origin)


def legal_names(section: type[Section] = Config, prefix: str = "") -> list[str]:
    """Return every dotted name of the configuration, sections included."""
    names: list[str] = []
    for key, info in section.model_fields.items():
        names.append(prefix + key)
        if isinstance(info.annotation, type) and issubclass(info.annotation, Section):
            names.extend(legal_names(info.annotation, f"{prefix}{key}."))
    return names


def _validate(model: type[Legal], content: dict[str, Any], origin: str) -> Legal:
    """Check plain content; an error has one line per problem."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        lines = [f"  {_explain(detail, model)}" for detail in error.errors()]
        raise ConfigError("\n".join([f"{origin} is not legal:", *lines])) from None


def _override(content: dict[str, Any], settings: list[str]) -> None:
    """Put `dotted.name=value` texts into nested mappings."""
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise ConfigError(f"--set {setting}: write --set dotted.name=value")
        _put(content, name.strip(), _value(setting, text))


def _value(setting: str, text: str) -> Any:
    """Read the value of a `--set` as YAML; 1e-3, which YAML takes for text, is a number here."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {setting}: the value is not YAML: {error}") from None
    return _number(value) if isinstance(value, str) else value


def _number(text: str) -> str | float:
    """Return the number a text spells, or the text."""
    try:
        return float(text)
    except ValueError:
        return text


def _put(content: dict[str, Any], name: str, value: Any) -> None:
    """Set a dotted name in nested mappings."""
    *sections, key = name.split(".")
    for section in sections:
        content = content.setdefault(section, {})
        if not isinstance(content, dict):
            raise ConfigError(f"{name}: {section} is not a section")
    content[key] = value


def _explain(detail: Any, model: type[Section]) -> str:
    """Put one problem into words: where, what was given, what to do."""
    path = [str(part) for part in detail["loc"] if part not in ("float", "int", "list[float]", "categorical")]
    name = ".".join(path)
    if detail["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, legal_names(model), n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else f"; legal sections are {', '.join(model.model_fields)}"
        return f"{name}: unknown key{hint}"
    if detail["type"] == "missing":
        return f"{name}: this key is needed"
    message = detail["msg"].removeprefix("Value error, ")
    return f"{name}: {message}; given: {detail['input']!r}" if name else message
