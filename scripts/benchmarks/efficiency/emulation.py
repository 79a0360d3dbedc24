"""The emulated search: the published 3DGAN space, trials that sleep, and a value the sampler can model."""

import math
from typing import Any

import numpy as np

from efficiency.cases import Case
from hvdgan.config import Config, parse

SPREAD = 0.2
"""Standard deviation of a trial's time over its mean; what lies beyond two of them is cut."""

SPACE = {
    "gan.latent_size": {"type": "int", "low": 50, "high": 400},
    "gan.model_args.dropout": {"type": "float", "low": 0.0, "high": 1.0},
    "gan.weights.generation": {"type": "categorical", "choices": [1, 2, 5, 6, 8]},
    "gan.weights.auxiliary": {"type": "categorical", "choices": [0.1, 0.2, 1, 2, 10]},
    "gan.weights.ecal": {"type": "categorical", "choices": [0.1, 0.2, 1, 2, 10]},
}


BEST = {"gan.latent_size": 240, "gan.model_args.dropout": 0.3}
"""Where the value is lowest; the weights are best at 1."""


def configure(case: Case, storage: str | None = None) -> Config:
    """Return the configuration of a case: twice as many start-up points as groups, as recommended."""
    study = {
        "trials": case.trials,
        "sampler": case.sampler,
        "n_startup_trials": 2 * case.groups,
        "pruner": "median" if case.reports else "none",
        "space": dict(list(SPACE.items())[: case.parameters]),
        "storage": storage,
    }
    return parse({"data": {"files": ["none.h5"]}, "study": study})


def duration(case: Case, number: int) -> float:
    """Return how many seconds a trial takes: the same in every run of a case.

    >>> duration(Case("a", 8, 10.0, "gp", 48), 3) == duration(Case("b", 2, 10.0, "tpe", 9), 3)
    True
    """
    deviation = np.random.default_rng(number).standard_normal()
    return case.seconds * (1 + SPREAD * float(np.clip(deviation, -2, 2)))


def value_of(params: dict[str, Any]) -> float:
    """Return a smooth value with one best point, so that the sampler has something to model.

    >>> value_of(BEST), value_of({**BEST, "gan.model_args.dropout": 0.5})
    (0.0, 0.04)
    """
    point = BEST | params
    latent, dropout = (point[name] - best for name, best in BEST.items())
    weights = sum(abs(math.log(weight)) for name, weight in params.items() if name.startswith("gan.weights."))
    return round((latent / 400) ** 2 + dropout**2 + 0.05 * weights, 9)
