"""The configuration: one YAML file, strictly checked, every key documented.

`load` reads it, `Config.replace` answers `--set` and the points of a study; both use the same dotted names. An unknown
key, a wrong type or an illegal value is a `ConfigError` that names the key, what was given and the nearest legal key.
"""

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hvdgan.errors import ConfigError
from hvdgan.files import read_yaml

Positive = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]


class Section(BaseModel):
    """A strict, frozen part of the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Data(Section):
    """Which showers to learn from."""

    files: list[str] = Field(min_length=1, description="HDF5 files; shell patterns are expanded")
    format: Literal["auto", "lcd_v1"] = Field("auto", description="file layout; auto looks into the file")
    detector: Literal["ECAL"] = Field("ECAL", description="which image to learn")
    particles: list[str] | None = Field(None, description="particle classes to keep; null keeps all")
    grid: list[Positive] | None = Field(
        None, min_length=3, max_length=3, description="merge cells to X Y Z on reading; null keeps the file's cells"
    )
    validation: Fraction = Field(0.1, description="fraction of the events held out for the figure of merit")
    validation_events: Positive = Field(2000, description="at most so many held-out events are compared")


class Weights(Section):
    """Weights of the three loss terms."""

    generation: float = Field(2.0, ge=0, description="real against fake (binary cross entropy)")
    auxiliary: float = Field(0.1, ge=0, description="incident energy (mean absolute percentage error)")
    ecal: float = Field(0.1, ge=0, description="sum of cells (mean absolute percentage error)")


class Gan(Section):
    """The networks."""

    backend: Literal["torch"] = Field("torch", description="framework of the networks")
    model: str = Field("3dgan", description="built-in model")
    model_args: dict[str, Any] = Field({}, description="the model's own hyper-parameters")
    latent_size: Positive = Field(200, description="length of the latent vector")
    weights: Weights = Field(Weights(), description="loss weights")
    precision: Literal["float32", "float64", "bfloat16"] = Field("float32", description="arithmetic of the networks")
    channels_last: bool = Field(True, description="store activations channels-last (faster on most processors)")


class Checkpoint(Section):
    """When the state of a run is stored."""

    every: Positive = Field(1, description="epochs between checkpoints")
    keep: Positive = Field(2, description="how many of the newest are kept, beside the best")


class Training(Section):
    """One run."""

    epochs: Positive = Field(30, description="passes over the training events")
    batch_size: Positive = Field(64, description="events per rank and step")
    optimizer: Literal["rmsprop", "adam", "sgd"] = Field("rmsprop", description="optimizer of both networks")
    learning_rate: float = Field(1e-3, gt=0, description="of both networks, per rank; see scale_rate")
    discriminator_rate: float = Field(1.0, gt=0, description="the discriminator's rate over learning_rate")
    scale_rate: bool = Field(False, description="multiply the learning rate by the number of ranks of the ring")
    label_flip: Fraction = Field(0.05, description="fraction of labels the discriminator is told wrong")
    seed: int = Field(0, ge=0, description="seeds weights, shuffling, draws and splits")
    shuffle_block: Positive = Field(256, description="events read together; blocks are shuffled, then their events")
    stall_timeout: float = Field(600.0, gt=0, description="seconds without a step after which a process is ended")
    metric_every: Positive = Field(20, description="steps between lines of metrics and checks for NaN")
    checkpoint: Checkpoint = Field(Checkpoint(), description="when to store the state")


class FloatRange(Section):
    """A range of real numbers."""

    type: Literal["float"]
    low: float
    high: float
    log: bool = False
    step: float | None = Field(None, gt=0)

    def ends(self) -> list[float]:
        """Return values that are legal only if the whole range is."""
        return [self.low, self.high]


class IntRange(Section):
    """A range of whole numbers."""

    type: Literal["int"]
    low: int
    high: int
    log: bool = False
    step: Positive = 1

    def ends(self) -> list[int]:
        """Return values that are legal only if the whole range is."""
        return [self.low, self.high]


class Choices(Section):
    """A choice between values."""

    type: Literal["categorical"]
    choices: list[bool | int | float | str] = Field(min_length=1)

    def ends(self) -> list[bool | int | float | str]:
        """Return every choice."""
        return self.choices


Dimension = Annotated[FloatRange | IntRange | Choices, Field(discriminator="type")]


class Study(Section):
    """The search for hyper-parameters."""

    trials: Positive = Field(20, description="total number of trials, resumed ones included")
    timeout: float | None = Field(None, gt=0, description="seconds after which no new trial starts")
    sampler: Literal["gp", "tpe", "random"] = Field("gp", description="where new points come from")
    n_startup_trials: Positive = Field(10, description="random points before the sampler's own")
    seed: int = Field(0, ge=0, description="seeds the sampler")
    objective: Literal["merit"] = Field("merit", description="what is minimised: the 3DGAN figure of merit")
    ranks_per_trial: Positive = Field(1, description="processes that train one trial together")
    folds: Positive = Field(1, description="k of the k-fold cross validation; 1 uses data.validation")
    fold_mode: Literal["sequential"] = Field("sequential", description="train folds one after the other")
    storage: str | None = Field(None, description="an Optuna storage URL; null is a SQLite file in the run directory")
    space: dict[str, Dimension] = Field({}, description="dotted config names and their ranges")


class Config(Section):
    """Everything a run depends on."""

    data: Data
    gan: Gan = Gan()
    training: Training = Training()
    study: Study = Study()

    @model_validator(mode="after")
    def _space_is_legal(self) -> "Config":
        """Check that the ends of every range of the space are legal values of their key."""
        for name, dimension in self.study.space.items():
            if not isinstance(dimension, Choices) and dimension.low > dimension.high:
                raise ValueError(f"study.space: {name}: low {dimension.low} lies above high {dimension.high}")
            if name.split(".")[0] in ("study", "data"):
                raise ValueError(f"study.space: {name}: only gan.* and training.* can be searched")
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


def load(path: Path, settings: list[str] | None = None) -> Config:
    """Read a configuration.

    Args:
        path: The YAML file.
        settings: `dotted.name=value` texts that override the file; values are YAML.

    Raises:
        ConfigError: The file cannot be read, or the content is not legal.
    """
    content = read_yaml(path, "configuration")
    for setting in settings or []:
        name, equals, text = setting.partition("=")
        if not equals:
            raise ConfigError(f"--set {setting}: write --set dotted.name=value")
        _put(content, name.strip(), _value(setting, text))
    return parse(content, str(path))


def parse(content: dict[str, Any], origin: str = "configuration") -> Config:
    """Check plain content (as YAML gives it) and return the configuration.

    Raises:
        ConfigError: One line per problem: the key, what was given, what is legal.
    """
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        lines = [f"  {_explain(detail)}" for detail in error.errors()]
        raise ConfigError("\n".join([f"{origin} is not legal:", *lines])) from None


def legal_names(section: type[Section] = Config, prefix: str = "") -> list[str]:
    """Return every dotted name of the configuration, sections included."""
    names: list[str] = []
    for key, info in section.model_fields.items():
        names.append(prefix + key)
        if isinstance(info.annotation, type) and issubclass(info.annotation, Section):
            names.extend(legal_names(info.annotation, f"{prefix}{key}."))
    return names


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


def _explain(detail: Any) -> str:
    """Put one problem into words: where, what was given, what to do."""
    path = [str(part) for part in detail["loc"] if part not in ("float", "int", "categorical")]
    name = ".".join(path)
    if detail["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, legal_names(), n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else f"; legal sections are {', '.join(Config.model_fields)}"
        return f"{name}: unknown key{hint}"
    if detail["type"] == "missing":
        return f"{name}: this key is needed"
    message = detail["msg"].removeprefix("Value error, ")
    return f"{name}: {message}; given: {detail['input']!r}" if name else message
