"""Pruning: is a running trial hopeless?

Optuna's pruners know one objective and the trials of one study. Here they judge a shadow study in memory that holds
one chosen metric, so that they work beside every sampler and with several objectives.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from hvdgan.config import Pruning, Study


class Judge:
    """A pruner with the curves of all trials of a study, on one chosen metric; lower is better."""

    def __init__(self, settings: Study, longest: int) -> None:
        """Start without trials.

        Args:
            settings: Section `study` of the configuration.
            longest: How many reports a whole trial makes.
        """
        import optuna

        self._metric = settings.pruning.metric
        pruner = build_pruner(settings.pruner, settings.pruning, longest)
        self._study = optuna.create_study(pruner=pruner, direction="minimize")
        self._running: dict[int, Any] = {}

    def remember(self, curve: Mapping[int, float], pruned: bool) -> None:
        """Add the curve of a trial that ended in an earlier job."""
        if curve:
            import optuna

            state = optuna.trial.TrialState.PRUNED if pruned else optuna.trial.TrialState.COMPLETE
            value = curve[max(curve)]
            self._study.add_trial(optuna.create_trial(state=state, value=value, intermediate_values=dict(curve)))

    def begin(self, number: int, curve: Iterable[tuple[int, float]] = ()) -> None:
        """Follow a trial from now on; one that was preempted brings its curve so far."""
        self._running[number] = trial = self._study.ask()
        for step, value in curve:
            trial.report(value, step)

    def metric(self, values: Mapping[str, float]) -> float | None:
        """Return the value a report is judged by, or None when it has none."""
        return values.get(self._metric)

    def judge(self, number: int, step: int, value: float) -> bool:
        """Take a point of a trial's curve; return whether to give the trial up."""
        trial = self._running[number]
        trial.report(value, step)
        return trial.should_prune()

    def end(self, number: int, curve: Mapping[int, float], ending: str) -> None:
        """Stop following a trial.

        Args:
            number: The trial.
            curve: Its judged values by step.
            ending: "done" or "pruned"; any other ending leaves nothing to compare with.
        """
        import optuna

        trial = self._running.pop(number)
        states = {"done": optuna.trial.TrialState.COMPLETE, "pruned": optuna.trial.TrialState.PRUNED}
        state = states.get(ending) if curve else None
        if state is optuna.trial.TrialState.COMPLETE:
            self._study.tell(trial, curve[max(curve)])
        else:
            self._study.tell(trial, state=state or optuna.trial.TrialState.FAIL)


def build_pruner(name: str, settings: Pruning, longest: int) -> Any:
    """Build one of Optuna's pruners.

    Args:
        name: "none", "median", "asha" (asynchronous successive halving) or "hyperband".
        settings: How it judges.
        longest: How many reports a whole trial makes.
    """
    from optuna import pruners

    if name == "none":
        return pruners.NopPruner()
    if name == "median":
        return pruners.MedianPruner(n_startup_trials=settings.startup_trials, n_warmup_steps=settings.warmup + 1)
    shared = {"min_resource": settings.min_reports, "reduction_factor": settings.reduction_factor}
    if name == "asha":
        return pruners.SuccessiveHalvingPruner(**shared)
    return pruners.HyperbandPruner(**shared, max_resource=max(longest, settings.min_reports))


def curve_of(trial: Any) -> dict[int, float]:
    """Return the judged values of an Optuna trial by step; with several objectives they are an attribute of ours."""
    return dict(trial.intermediate_values) or dict(trial.user_attrs.get("reports", []))
