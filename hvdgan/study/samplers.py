"""Where new points come from, by name, and where a given point came from in truth.

A sampler's name does not tell how it found a point: every one of them draws at random until it has seen enough, and
falls back to random for parameters it cannot model. Each trial therefore stores its own source.
"""

from typing import Any

import numpy as np

from hvdgan.config import Study


def build_sampler(settings: Study, trials: int) -> Any:
    """Build the configured Optuna sampler.

    Args:
        settings: Name, seed and number of start-up trials.
        trials: How many trials the study holds; part of the seed, because a sampler that is built with the same seed
            again would propose the same points again.
    """
    from optuna import samplers

    seed = int(np.random.SeedSequence([settings.seed, trials]).generate_state(1)[0])
    if settings.sampler == "random":
        return samplers.RandomSampler(seed=seed)
    kind = {"gp": samplers.GPSampler, "tpe": samplers.TPESampler}[settings.sampler]
    return kind(seed=seed, n_startup_trials=settings.n_startup_trials)


def trace_source(trial: Any, settings: Study) -> str:
    """Tell where the parameters of a trial came from; to be asked right after they were suggested.

    Args:
        trial: An Optuna trial, all its parameters suggested.
        settings: What its sampler was built from.

    Returns:
        "enqueued" (given, not searched), "fixed" (the space leaves no choice), "startup" (random, because too few
        trials have ended), "gp", "tpe" (proposed by the model) or "random".
    """
    free = {name for name, distribution in trial.distributions.items() if not distribution.single()}
    frozen = trial.study.get_trials(deepcopy=False)[trial.number]
    given = set(frozen.system_attrs.get("fixed_params", {}))
    if given and free <= given:
        return "enqueued"
    if not free:
        return "fixed"
    return _TRACES[settings.sampler](trial, free - given, settings.n_startup_trials)


def _trace_gp(trial: Any, searched: set[str], startup: int) -> str:
    """The process proposes all its parameters together, from completed trials only."""
    if searched <= trial.relative_params.keys():
        return "gp"
    return "startup" if _ended(trial.study, "COMPLETE") < startup else "random"


def _trace_tpe(trial: Any, searched: set[str], startup: int) -> str:
    """The estimator models every parameter, together or alone, once enough trials are complete or pruned."""
    return "tpe" if _ended(trial.study, "COMPLETE", "PRUNED") >= startup else "startup"


def _trace_random(trial: Any, searched: set[str], startup: int) -> str:
    """Nothing is modelled."""
    return "random"


_TRACES = {"gp": _trace_gp, "tpe": _trace_tpe, "random": _trace_random}


def _ended(study: Any, *states: str) -> int:
    """Count the trials in some of the states."""
    return sum(trial.state.name in states for trial in study.get_trials(deepcopy=False))
