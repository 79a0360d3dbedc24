"""Where new points come from, by name, and where a given point came from in truth.

A sampler's name does not tell how it found a point: most of them draw at random until they have seen enough, and
fall back to random for parameters they cannot model. Each trial therefore stores its own source.

What a sampler remembers is in the trials: it may be built again at any time, on a copy of the study that was made with
`study.add_trial`. The one exception are random numbers, so a study should keep one sampler as long as it can.
"""

from typing import Any

import numpy as np

from hvdgan.config import Choices, Dimension, IntRange, Study
from hvdgan.errors import ConfigError
from hvdgan.study.search import breeding, cmaes, designs, values
from hvdgan.study.search.planned import build_planned


def build_sampler(settings: Study, trials: int) -> Any:
    """Build the configured Optuna sampler.

    Args:
        settings: Name, seed and number of start-up trials; the space, which must be legal (`check`).
        trials: How many trials the study holds; part of the seed, because a sampler that is built with the same seed
            again would propose the same points again.
    """
    from optuna import samplers

    seed = int(np.random.SeedSequence([settings.seed, trials]).generate_state(1)[0])
    startup, space = settings.n_startup_trials, settings.space
    match settings.sampler:
        case "gp":
            return samplers.GPSampler(seed=seed, n_startup_trials=startup, warn_independent_sampling=False)
        case "tpe":
            return samplers.TPESampler(seed=seed, n_startup_trials=startup)
        case "cmaes":
            return build_planned(cmaes.Evolution(space, startup, seed), seed)
        case "nsga2":
            return breeding.build_breeder(settings.evolution, seed)
        case "qmc":
            return build_planned(designs.QuasiRandom(space, settings.seed, trials), seed)
        case "grid":
            return build_planned(designs.Grid(space, seed), seed)
        case "random":
            return samplers.RandomSampler(seed=seed)


def check(settings: Study) -> None:
    """Refuse combinations that a sampler cannot serve, or would serve by something else without a word.

    Args:
        settings: A study whose space is legal (`space.check`).

    Raises:
        ConfigError: One line per problem, with the reason.
    """
    inspect = {"cmaes": _inspect_cmaes, "grid": _inspect_grid, "nsga2": _inspect_nsga2}.get(settings.sampler)
    problems = [*_inspect_objectives(settings), *(inspect(settings) if inspect else [])]
    if problems:
        raise ConfigError("\n".join(problems))


def trace_source(trial: Any, settings: Study) -> str:
    """Tell where the parameters of a trial came from; to be asked right after they were suggested.

    Args:
        trial: An Optuna trial, all its parameters suggested.
        settings: What its sampler was built from.

    Returns:
        "enqueued" (given, not searched), "fixed" (the space leaves no choice), "startup" (random, because too few
        trials have ended), "random", or the sampler's name: it proposed every parameter that it can model. Those that
        it cannot model were then drawn at random: conditional ones for gp and nsga2, also choices for cmaes.
    """
    searched = {name for name, distribution in trial.distributions.items() if not distribution.single()}
    frozen = trial.study.get_trials(deepcopy=False)[trial.number]
    given = set(frozen.system_attrs.get("fixed_params", {}))
    if given and searched <= given:
        return "enqueued"
    if not searched:
        return "fixed"
    if _count_ended(trial.study, settings) < _startup(settings):
        return "startup"
    return settings.sampler if _is_own(trial, searched - given, settings) else "random"


def _is_own(trial: Any, searched: set[str], settings: Study) -> bool:
    """Tell whether the sampler itself proposed what it can model of the searched parameters."""
    if settings.sampler in ("tpe", "random"):
        return True
    if settings.sampler == "nsga2":
        return bool(searched & trial.relative_search_space.keys())
    modelled = cmaes.select(settings.space) if settings.sampler == "cmaes" else settings.space
    steady = {name for name in searched & modelled.keys() if not settings.space[name].when}
    return (steady or searched) <= trial.relative_params.keys()


def _startup(settings: Study) -> int:
    """Return how many trials must have ended before the sampler proposes points of its own."""
    if settings.sampler == "nsga2":
        return settings.evolution.population
    return settings.n_startup_trials if settings.sampler in ("gp", "tpe", "cmaes") else 0


def _count_ended(study: Any, settings: Study) -> int:
    """Count the trials that the sampler learns from; pruned ones teach only the estimator."""
    states = ("COMPLETE", "PRUNED") if settings.sampler == "tpe" else ("COMPLETE",)
    return sum(trial.state.name in states for trial in study.get_trials(deepcopy=False))


def _inspect_objectives(settings: Study) -> list[str]:
    """Return what is wrong with the objectives."""
    objectives = settings.objective
    repeated = [name for place, name in enumerate(objectives) if name in objectives[:place]]
    return [f"study.objective: {repeated[0]} is there twice; name each objective once"] if repeated else []


def _inspect_cmaes(settings: Study) -> list[str]:
    """Return why CMA-ES cannot serve."""
    problems = []
    if len(settings.objective) > 1:
        names = ", ".join(settings.objective)
        problems.append(
            f"study.sampler: cmaes ranks points by one objective, but study.objective names {names}; "
            "use nsga2, gp or tpe, or name one"
        )
    if not cmaes.select(settings.space):
        problems.append(
            "study.sampler: cmaes searches numbers that are in every point, but study.space has none "
            "(only choices, fixed values or conditional keys); use tpe or nsga2"
        )
    return problems


def _inspect_nsga2(settings: Study) -> list[str]:
    """Return what NSGA-II would ignore."""
    crossover = settings.evolution.crossover
    if crossover == "uniform" or any(not isinstance(one, Choices) for one in values.free(settings.space).values()):
        return []
    return [f"study.evolution.crossover: {crossover} mixes numbers, but study.space has only choices; use uniform"]


def _inspect_grid(settings: Study) -> list[str]:
    """Return why the space has no grid, or too small a one."""
    reasons = [(name, reason) for name, one in settings.space.items() if (reason := _miss_grid(one))]
    if reasons:
        return [f"study.sampler: grid cannot search {name}: {reason}" for name, reason in reasons]
    size = designs.Grid(settings.space, 0).size
    if settings.trials <= size:
        return []
    return [
        f"study.trials: the grid of study.space has {size} points, fewer than {settings.trials} trials; "
        f"set study.trials to {size} or less"
    ]


def _miss_grid(dimension: Dimension) -> str:
    """Say why a dimension cannot be part of a grid, or nothing."""
    if dimension.when:
        return "it is conditional, and a grid needs every key in every point; use another sampler"
    if not isinstance(dimension, Choices) and dimension.log:
        kind = "whole numbers" if isinstance(dimension, IntRange) else "numbers"
        return f"a grid has no logarithmic {kind}; list the values as choices"
    if values.count(dimension) is None:
        return "the range is continuous; give it a step, or list the values as choices"
    return ""
