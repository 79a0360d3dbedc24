"""NSGA-II whose generations follow from the trials alone.

Optuna's sampler marks every trial with its generation in the storage, and trials without the mark, such as those of a
study that is continued in a new shadow, breed no children. Here a generation is so many completed trials in the order
in which they ended.
"""

import warnings
from typing import Any

from hvdgan.config import Evolution
from hvdgan.study.search.planned import completed


def build_breeder(settings: Evolution, seed: int) -> Any:
    """Return Optuna's NSGA-II with generations by order of completion.

    Args:
        settings: Size of a generation, crossover and mutation.
        seed: Of all draws.
    """
    from optuna.exceptions import ExperimentalWarning
    from optuna.samplers import NSGAIISampler, nsgaii

    crossovers = {
        "uniform": lambda: nsgaii.UniformCrossover(settings.swap_rate),
        "blxalpha": nsgaii.BLXAlphaCrossover,
        "sbx": nsgaii.SBXCrossover,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        crossover = crossovers[settings.crossover]()
    return type("BreedingSampler", (_Generations, NSGAIISampler), {})(
        population_size=settings.population,
        mutation_prob=settings.mutation_rate,
        crossover=crossover,
        crossover_prob=settings.crossover_rate,
        swapping_prob=settings.swap_rate,
        seed=seed,
    )


class _Generations:
    """What a genetic sampler of Optuna asks about generations."""

    population_size: int

    def get_trial_generation(self, study: Any, trial: Any) -> int:
        """Return the generation of the trial that is asked for: as many have gone before as have completed."""
        number = len(completed(study.get_trials(deepcopy=False))) // self.population_size
        for earlier in range(1, number):
            self.get_parent_population(study, earlier)
        return number

    def get_population(self, study: Any, generation: int) -> list[Any]:
        """Return the trials of a generation."""
        start = generation * self.population_size
        return completed(study.get_trials(deepcopy=False))[start : start + self.population_size]
