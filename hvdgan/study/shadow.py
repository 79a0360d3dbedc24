"""The shadow of a study: what the sampler sees.

It lives in memory and belongs to the sampler, so that proposing a point never touches the storage. A trial that was
pruned is complete here, with its last reported value: a Gaussian process would otherwise never learn from it. The
storage keeps the truth.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from hvdgan.config import Study
from hvdgan.study import history
from hvdgan.study.search import samplers, space
from hvdgan.study.search.planned import distribution
from hvdgan.study.search.values import settle


@dataclass(frozen=True)
class Proposal:
    """A point to try.

    Args:
        ticket: Names the point to the shadow it came from.
        params: Dotted config names and their values.
        distributions: Optuna's distribution of each parameter.
        source: Where it came from, see `samplers.trace_source`.
    """

    ticket: int
    params: dict[str, Any]
    distributions: dict[str, Any]
    source: str


class Shadow:
    """The sampler with its own study in memory; used by one thread."""

    def __init__(self, settings: Study, past: Sequence[Any]) -> None:
        """Remember the past.

        Args:
            settings: Section `study` of the configuration.
            past: Optuna's trials that have ended.
        """
        import optuna

        self._settings = settings
        self._study = optuna.create_study(
            directions=["minimize"] * len(settings.objective), sampler=samplers.build_sampler(settings, len(past))
        )
        self._numbers: dict[int, int] = {}
        self._add_past(past)

    def propose(self, ticket: int) -> Proposal:
        """Let the sampler choose a point, which counts as running from now on."""
        trial = self._study.ask()
        params = space.suggest(trial, self._settings.space)
        self._numbers[ticket] = trial.number
        return Proposal(ticket, params, dict(trial.distributions), samplers.trace_source(trial, self._settings))

    def adopt(self, ticket: int, params: Mapping[str, Any], distributions: Mapping[str, Any]) -> None:
        """Take a running point into account that the sampler did not choose."""
        self._add("RUNNING", params, distributions, None)
        self._numbers[ticket] = len(self._study.get_trials(deepcopy=False)) - 1

    def end(self, ticket: int, values: Sequence[float] | None) -> None:
        """Learn what came of a point: its values, or None when it has none."""
        number = self._numbers.pop(ticket)
        if values is None or len(values) != len(self._settings.objective):
            self._study.tell(number, state=_state("FAIL"))
        else:
            self._study.tell(number, list(values))

    def _add_past(self, past: Iterable[Any]) -> None:
        """Add the ended trials, in the order in which they ended; a grid also minds those without a value."""
        for trial in sorted(past, key=lambda trial: (trial.datetime_complete, trial.number)):
            state = history.STATES[trial.state.name]
            values = learned(state, trial.values or [], trial.intermediate_values)
            if values is None or len(values) != len(self._settings.objective):
                self._add("FAIL", trial.params, self._update(trial), None, trial.user_attrs)
            else:
                self._add("COMPLETE", trial.params, self._update(trial), values)

    def _update(self, trial: Any) -> dict[str, Any]:
        """Return a trial's distributions as the space is now, where its values still lie in it.

        Optuna leaves a parameter to chance whose range has changed, even if only its end was moved.
        """
        space = self._settings.space
        known = [(name, space[name], value) for name, value in trial.params.items() if name in space]
        fitting = {name: distribution(one) for name, one, value in known if settle(one, value) is not None}
        return {**trial.distributions, **fitting}

    def _add(
        self,
        state: str,
        params: Mapping[str, Any],
        distributions: Mapping[str, Any],
        values: Sequence[float] | None,
        attributes: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Add a trial as it is."""
        from optuna.trial import create_trial

        about = {"params": dict(params), "distributions": dict(distributions), "user_attrs": dict(attributes)}
        self._study.add_trial(create_trial(state=_state(state), values=values, **about))


def rehearse(settings: Study) -> None:
    """Propose a point from two made-up results where that loads libraries for seconds: with a Gaussian process."""
    if settings.sampler == "gp":
        shadow = Shadow(settings.model_copy(update={"n_startup_trials": 1}), [])
        for value in (0.0, 1.0):
            shadow.end(shadow.propose(next(TICKETS)).ticket, [value] * len(settings.objective))
        shadow.propose(next(TICKETS))


class Improviser:
    """Quasi-random points (a scrambled Sobol sequence) at once, for when the sampler is not ready in time."""

    def __init__(self, settings: Study, trials: int) -> None:
        """Start the sequence; a study that already holds trials gets another one."""
        import optuna

        sequence = settings.model_copy(update={"sampler": "qmc"})
        self._space = settings.space
        self._study = optuna.create_study(sampler=samplers.build_sampler(sequence, trials))

    def propose(self, ticket: int) -> Proposal:
        """Return the next point of the sequence."""
        trial = self._study.ask()
        params = space.suggest(trial, self._space)
        self._study.tell(trial, 0.0)
        return Proposal(ticket, params, dict(trial.distributions), "quasi-random")


TICKETS = itertools.count()
"""Numbers that name points to their shadow."""


def learned(state: str, values: Sequence[float], curve: Mapping[int, float]) -> list[float] | None:
    """Return what a sampler learns from an ended trial: its values, or the last judged one if it was pruned.

    Args:
        state: "done", "pruned" or "failed".
        values: One per objective of a trial that is done.
        curve: Judged values by step.

    >>> learned("done", [0.5], {}), learned("pruned", [], {1: 3.0, 2: 2.0}), learned("failed", [], {1: 3.0})
    ([0.5], [2.0], None)
    """
    if state == "done":
        return list(values)
    return [curve[max(curve)]] if state == "pruned" and curve else None


def _state(name: str) -> Any:
    """Return one of Optuna's states."""
    from optuna.trial import TrialState

    return TrialState[name]
