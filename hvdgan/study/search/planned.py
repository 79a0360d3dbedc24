"""The tie between Optuna and samplers of our own: a plan proposes points, this makes an Optuna sampler of it.

A plan keeps nothing in the storage. What it needs it finds in the trials themselves, so it goes on after a restart,
and nothing that somebody wrote into a storage is ever decoded.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from hvdgan.config import Choices, Dimension, IntRange


class Plan(Protocol):
    """Proposes points."""

    searched: Mapping[str, Dimension]
    """The dimensions it proposes values for; all others are drawn at random."""

    def propose(self, trials: Sequence[Any]) -> dict[str, Any]:
        """Return a value for each searched dimension, or nothing to have them drawn at random.

        Args:
            trials: All Optuna trials so far, whatever their state, without the one that is asked for.
        """


def build_planned(plan: Plan, seed: int) -> Any:
    """Return an Optuna sampler that follows a plan.

    Args:
        plan: Proposes points.
        seed: Of the random draws where the plan has no proposal.
    """
    from optuna.samplers import BaseSampler, RandomSampler

    return type("PlannedSampler", (_Planned, BaseSampler), {})(plan, RandomSampler(seed=seed))


def completed(trials: Iterable[Any]) -> list[Any]:
    """Return the Optuna trials with a value in the order in which they got it, to which only the end is ever added."""
    done = (trial for trial in trials if trial.state.name == "COMPLETE")
    return sorted(done, key=lambda trial: (trial.datetime_complete, trial.number))


class _Planned:
    """An Optuna sampler, but for its base class: joined by `build_planned`, so that importing this loads no Optuna."""

    def __init__(self, plan: Plan, random: Any) -> None:
        """Follow a plan, and draw the rest at random."""
        self._plan, self._random = plan, random
        self._distributions = {name: distribution(one) for name, one in plan.searched.items()}

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
        """Return the distributions of what the plan proposes."""
        return dict(self._distributions)

    def sample_relative(self, study: Any, trial: Any, search_space: dict[str, Any]) -> dict[str, Any]:
        """Return the plan's proposal."""
        others = [one for one in study.get_trials(deepcopy=False) if one.number != trial.number]
        return self._plan.propose(others)

    def sample_independent(self, study: Any, trial: Any, param_name: str, param_distribution: Any) -> Any:
        """Draw one parameter at random."""
        return self._random.sample_independent(study, trial, param_name, param_distribution)


def distribution(dimension: Dimension) -> Any:
    """Return what Optuna calls a dimension."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(dimension, Choices):
        return CategoricalDistribution(dimension.choices)
    kind = IntDistribution if isinstance(dimension, IntRange) else FloatDistribution
    return kind(dimension.low, dimension.high, log=dimension.log, step=dimension.step)
