"""The section of a study: where points come from, what is searched, how a trial is trained and judged."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from hvdgan.config.sections import NotNegative, Positive, Rate, Section

Plain = bool | int | float | str
Condition = dict[str, Plain | list[Plain]]
_WHEN = Field({}, description="searched only where other keys of the space have one of these values")


class FloatRange(Section):
    """A range of real numbers."""

    type: Literal["float"]
    low: float
    high: float
    log: bool = False
    step: float | None = Field(None, gt=0)
    when: Condition = _WHEN

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
    when: Condition = _WHEN

    def ends(self) -> list[int]:
        """Return values that are legal only if the whole range is."""
        return [self.low, self.high]


class Choices(Section):
    """A choice between values."""

    type: Literal["categorical"]
    choices: list[Plain] = Field(min_length=1)
    when: Condition = _WHEN

    def ends(self) -> list[Plain]:
        """Return every choice."""
        return self.choices


Dimension = Annotated[FloatRange | IntRange | Choices, Field(discriminator="type")]


class Evolution(Section):
    """How the evolutionary sampler breeds."""

    population: Annotated[int, Field(ge=2)] = Field(10, description="trials of one generation; the first is random")
    crossover: Literal["uniform", "blxalpha", "sbx"] = Field("uniform", description="how two parents are mixed")
    crossover_rate: Rate = Field(0.9, description="chance that a child has two parents")
    swap_rate: Rate = Field(0.5, description="chance that uniform crossover takes a parameter of the second parent")
    mutation_rate: Rate | None = Field(None, description="chance per parameter; null is one over their number")


class Pruning(Section):
    """How the pruner judges."""

    metric: Literal["merit", "best_merit", "generation_time", "training_time"] = Field(
        "merit", description="the reported value it judges by; lower is better"
    )
    startup_trials: NotNegative = Field(5, description="median: ended trials before it prunes")
    warmup: NotNegative = Field(0, description="median: reports of a trial before it is judged")
    min_reports: Positive = Field(1, description="asha, hyperband: reports of a trial before its first rung")
    reduction_factor: Annotated[int, Field(ge=2)] = Field(3, description="asha, hyperband: one of so many goes on")


MEASURED = ("merit", "generation_time", "training_time")
"""Objectives that every validation measures."""

SHAPES = ("sampling_fraction", "layer_energy", "layer_centre", "layer_width", "depth", "depth_width", "sparsity")
"""Observables of an event."""

EVALUATED = (
    *("correlation", "auc", "jsd", "fpd", "kpd"),
    *("separation", *(f"separation_{name}" for name in (*SHAPES, "cell_energy"))),
    *("wasserstein", *(f"wasserstein_{name}" for name in (*SHAPES, "cell_energy"))),
)
"""Objectives that are measured once, at the best epoch of a training, as the section `evaluation` says."""

Objectives = Annotated[
    list[Literal[*MEASURED, *EVALUATED]],
    BeforeValidator(lambda given: [given] if isinstance(given, str) else given),
    Field(min_length=1),
]


class Study(Section):
    """The search for hyper-parameters."""

    trials: Positive = Field(20, description="total number of trials, resumed ones included")
    timeout: float | None = Field(None, gt=0, description="seconds after which no new trial starts")
    target: float | None = Field(None, description="first objective's value at which no new trial starts any more")
    patience: Positive | None = Field(None, description="trials without a better value before no new one starts")
    sampler: Literal["gp", "tpe", "cmaes", "nsga2", "qmc", "random", "grid"] = Field(
        "gp", description="where new points come from"
    )
    n_startup_trials: Positive = Field(10, description="random points before the sampler's own")
    evolution: Evolution = Field(Evolution(), description="of the sampler nsga2")
    seed: int = Field(0, ge=0, description="seeds the sampler")
    objective: Objectives = Field(
        ["merit"],
        description="what is minimised: merit (3DGAN figure of merit), generation_time or training_time (s), or a "
        "metric of `hvdgan evaluate`, at the epoch of the best merit",
    )
    pruner: Literal["none", "median", "asha", "hyperband"] = Field("none", description="gives up hopeless trials")
    pruning: Pruning = Field(Pruning(), description="how the pruner judges")
    ranks_per_trial: Positive = Field(1, description="processes that train one trial together")
    folds: Positive = Field(1, description="k of the k-fold cross validation; 1 uses data.validation")
    fold_mode: Literal["sequential", "parallel"] = Field(
        "sequential", description="train folds one after the other, or side by side, each on a part of the group"
    )
    retries: NotNegative = Field(0, description="further attempts at a trial that failed by an exception, stall or OOM")
    enqueue: list[Literal["paper"] | dict[str, Plain]] = Field(
        [], description="points to try first; what one leaves out is as in this file; paper: 3DGAN's published values"
    )
    storage: str | None = Field(None, description="an Optuna storage URL; null is a SQLite file in the run directory")
    space: dict[str, Dimension] = Field({}, description="dotted config names and their ranges")
