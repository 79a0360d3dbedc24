"""The emulated search: the published 3DGAN space, trials that sleep, and a value the sampler can model."""

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


def configure(case: Case) -> Config:
    """Return the configuration of a case: twice as many start-up points as groups, as recommended."""
    study = {
        "trials": case.trials,
        "sampler": case.sampler,
        "n_startup_trials": 2 * case.groups,
        "pruner": "median" if case.reports else "none",
        "space": SPACE,
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
    """Return a smooth value with one best point.

    >>> at_best = {"gan.latent_size": 240, "gan.model_args.dropout": 0.3}
    >>> value_of({**at_best, **{f"gan.weights.{name}": 1 for name in ("generation", "auxiliary", "ecal")}})
    0.0
    """
    numbers = (params["gan.latent_size"] / 400 - 0.6) ** 2 + (params["gan.model_args.dropout"] - 0.3) ** 2
    weights = [params[f"gan.weights.{name}"] for name in ("generation", "auxiliary", "ecal")]
    return float(numbers + 0.05 * sum(abs(np.log(weights))))
