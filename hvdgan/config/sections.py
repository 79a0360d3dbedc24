"""The sections of one training: which showers, which networks, how they are trained."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[int, Field(gt=0)]
NotNegative = Annotated[int, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]
Rate = Annotated[float, Field(ge=0.0, le=1.0)]


class Section(BaseModel):
    """A strict, frozen part of the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Data(Section):
    """Which showers to learn from."""

    files: list[str] = Field(min_length=1, description="HDF5 files; shell patterns are expanded")
    format: Literal["auto", "lcd_v1", "lcd_window", "threedgan", "calochallenge", "calogan"] = Field(
        "auto", description="file layout; auto looks into the file"
    )
    binning: str | None = Field(
        None, description="XML file with the layers of a CaloChallenge file; null: known, or binning*.xml beside it"
    )
    detector: Literal["ECAL"] = Field("ECAL", description="which image to learn")
    particles: list[str] | None = Field(None, description="particle classes to keep; null keeps all")
    grid: list[Positive] | None = Field(
        None, min_length=3, max_length=3, description="merge cells to X Y Z on reading; null keeps the file's cells"
    )
    validation: Fraction = Field(0.1, description="fraction of the events held out for the figure of merit")
    validation_events: Positive = Field(2000, description="at most so many held-out events are compared")


class Weights(Section):
    """Weights of the loss terms of 3DGAN and of models that are trained as it is."""

    generation: float = Field(
        2.0, ge=0, description="real against fake (binary cross entropy); of 3dgan_angle 3 where none is given"
    )
    auxiliary: float = Field(0.1, ge=0, description="incident energy (mean absolute percentage error)")
    ecal: float = Field(0.1, ge=0, description="sum of cells (mean absolute percentage error)")
    particle: float = Field(1.0, ge=0, description="particle class (cross entropy), where the data has several")
    angle: float = Field(
        25.0, ge=0, description="theta (mean absolute error in radians), where it varies and the discriminator tells it"
    )


PUBLISHED_WEIGHTS = {"3dgan_angle": {"generation": 3.0}}
"""Loss weights of a model that were published with other values than those of 3DGAN."""


class Gan(Section):
    """The networks."""

    backend: Literal["torch", "keras"] = Field("torch", description="framework of the networks")
    model: str = Field("3dgan", description="built-in model, or module:function of your own (backends/MODELS.md)")
    model_path: str | None = Field(
        None, description="folder of your own module; null looks in the current folder and beside the configuration"
    )
    model_args: dict[str, Any] = Field({}, description="the model's own hyper-parameters")
    latent_size: Positive = Field(200, description="length of the latent vector")
    weights: Weights = Field(Weights(), description="loss weights")
    template: bool = Field(
        False, description="tell the networks the mean shower of each energy and class; wgan_gp begins with it"
    )
    precision: Literal["float32", "float64", "bfloat16"] = Field("float32", description="arithmetic of the networks")
    channels_last: bool = Field(
        True, description="store networks channels-last (faster on most processors); 3dgan and keras always do inside"
    )

    @model_validator(mode="before")
    @classmethod
    def _weigh_as_published(cls, content: Any) -> Any:
        """Fill in the loss weights of the model that are not given."""
        published = PUBLISHED_WEIGHTS.get(content.get("model")) if isinstance(content, dict) else None
        given = content.get("weights", {}) if published else None
        return {**content, "weights": {**published, **given}} if isinstance(given, dict) else content


class Checkpoint(Section):
    """When the state of a run is stored."""

    every: Positive = Field(1, description="epochs between checkpoints")
    keep: Positive = Field(2, description="how many of the newest are kept, beside the best")


class Adam(Section):
    """Settings of the optimizer adam."""

    beta1: Fraction = Field(0.9, description="how much of the running mean of gradients stays at each step")
    beta2: Fraction = Field(0.999, description="how much of their running mean square stays at each step")


class Ring(Section):
    """How a ring averages gradients."""

    compression: Literal["none", "fp16"] = Field(
        "none",
        description="fp16 averages gradients in half precision, for slow networks: half the bytes, other results",
    )


class Exchange(Section):
    """How replicas share what they learn, where there are several."""

    kind: Literal["easgd", "downpour", "gem"] = Field(
        "easgd",
        description="elastic averaging (arXiv:1412.6651), Downpour (Dean et al., 2012) or gradient energy matching "
        "(arXiv:1805.08469)",
    )
    every: Positive = Field(10, description="steps of a replica between two exchanges with the centre")
    force: float | None = Field(
        None, gt=0, lt=1, description="easgd: how far replica and centre move together; null is 0.9 / replicas"
    )
    rate: float = Field(
        0.01, gt=0, description="downpour, gem: learning rate of the centre, with Adagrad, or of a replica's updates"
    )
    momentum: Fraction = Field(0.9, description="gem: how much of the running sum of a replica's updates stays")
    kappa: float = Field(2.0, gt=0, description="gem: how far the centre moves, over that running sum")
    tolerate_loss: bool = Field(False, description="train: go on with the others when a replica fails or is lost")


class Training(Section):
    """One run."""

    epochs: Positive = Field(30, description="passes over the training events")
    batch_size: Positive = Field(
        64, description="events per rank and step, however many rings and replicas there are; with shards, per model"
    )
    shards: Positive = Field(1, description="ranks that hold one model together, each some filters of every layer")
    optimizer: Literal["rmsprop", "adam", "sgd"] = Field("rmsprop", description="optimizer of both networks")
    adam: Adam = Field(Adam(), description="of the optimizer adam")
    learning_rate: float = Field(1e-3, gt=0, description="of both networks; see rate_scaling")
    discriminator_rate: float = Field(1.0, gt=0, description="the discriminator's rate over learning_rate")
    rate_scaling: Literal["none", "sqrt", "linear"] = Field(
        "none", description="multiply the learning rate by the ring's ranks, or by their root (for rmsprop and adam)"
    )
    warmup: float = Field(0.0, ge=0, description="epochs in which the learning rate rises from 0")
    decay: Literal["none", "linear", "cosine"] = Field(
        "none", description="how the learning rate falls, to 0 at the end"
    )
    averaging: Rate = Field(
        0.0,
        description="average the generator over about this fraction of the steps so far, to judge and generate with",
    )
    patience: Positive | None = Field(None, description="epochs without a better merit that end the training")
    label_flip: Fraction = Field(0.05, description="fraction of labels the discriminator is told wrong")
    seed: int = Field(0, ge=0, description="seeds weights, shuffling, draws and splits")
    shuffle_block: Positive = Field(256, description="events read together; blocks are shuffled, then their events")
    stall_timeout: float = Field(
        300.0, gt=0, description="seconds without a step after which the peers of a rank are freed; twice that ends it"
    )
    ring: Ring = Field(Ring(), description="how a ring averages gradients")
    replicas: Positive = Field(
        1, description="rings that train copies of the networks, which meet now and then; they divide the ranks"
    )
    exchange: Exchange = Field(Exchange(), description="between the replicas")
    metric_every: Positive = Field(20, description="steps between lines of metrics and checks for NaN")
    checkpoint: Checkpoint = Field(Checkpoint(), description="when to store the state")
