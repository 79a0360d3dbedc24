"""The ledger of a study: every trial enters it once and ends in it once.

It alone writes to the storage, from one thread of rank 0. The order of its writes makes a kill at any moment harmless:
what a trial carries is stored before the trial is closed, and a copy exists before its original is closed.
"""

import math
from pathlib import Path
from typing import Any

from hvdgan.config import Study
from hvdgan.study import history, samplers, space
from hvdgan.study.messages import Assignment, Done, Failed, Outcome, Preempted, Pruned


class Ledger:
    """Asks the sampler for points, closes trials, and counts those that count."""

    def __init__(self, study: Any, settings: Study, directory: Path) -> None:
        """Continue a study.

        Args:
            study: An Optuna study; its sampler is set here.
            settings: Space, sampler and seed.
            directory: The run directory; each trial gets a folder in it.
        """
        self._study, self._settings, self._directory = study, settings, directory
        self._open: dict[int, Any] = {}
        self.lost = _recover(study)
        """Numbers of the trials that an earlier job left running; copies of them wait."""
        table = history.rows(study)
        study.sampler = samplers.build_sampler(settings, len(table))
        self.counted = history.count(table)
        """Trials that have ended and count towards the total."""

    def ask(self, group: int) -> Assignment:
        """Open a trial for a group: a waiting copy or enqueued point first, else a new point of the sampler."""
        trial = self._study.ask()
        params = space.suggest(trial, self._settings.space)
        trial.set_user_attr("source", samplers.trace_source(trial, self._settings))
        trial.set_user_attr("group", group)
        self._open[trial.number] = trial
        folder = self._directory / "trials" / f"{trial.number:04d}"
        folder.mkdir(parents=True, exist_ok=True)
        carried = trial.user_attrs
        return Assignment(trial.number, params, str(folder), carried.get("attempt", 0), carried.get("checkpoint"))

    def close(self, number: int, outcome: Outcome) -> history.Row:
        """End an open trial and return its row.

        A value that is not finite ends as a failure: Optuna would take infinity for a result.
        """
        trial, outcome = self._open.pop(number), _insist_on_value(outcome)
        if outcome.details:
            trial.set_user_attr("details", outcome.details)
        match outcome:
            case Done(values):
                self._study.tell(trial, list(values))
            case Pruned(step):
                trial.set_user_attr("pruned_at", step)
                self._study.tell(trial, state=_state("PRUNED"))
            case Failed(kind, message):
                _fail(trial, kind, message)
            case Preempted(checkpoint):
                _enqueue_copy(trial, "resume_of", checkpoint=checkpoint)
                _fail(trial, "preempted", "left on request; a copy continues it")
        self.counted += not isinstance(outcome, Preempted)
        return self.row(number)

    def row(self, number: int) -> history.Row:
        """Return the row of a trial."""
        return history.row(self._study.get_trials(deepcopy=False)[number])


def _recover(study: Any) -> list[int]:
    """Close the trials whose coordinator died; each has a copy in the queue, from now or from an earlier attempt."""
    from optuna.trial import Trial

    table = history.rows(study)
    continued = history.succeeded(table)
    running = [one["number"] for one in table if one["state"] == "running"]
    for number in running:
        trial = Trial(study, study.get_trials(deepcopy=False)[number]._trial_id)
        if number not in continued:
            _enqueue_copy(trial, "retry_of")
        _fail(trial, "lost", "the job ended while this trial was running")
    return running


def _enqueue_copy(trial: Any, relation: str, **carried: Any) -> None:
    """Put another attempt at a trial into the queue; it names the attempt it continues."""
    attempt = trial.user_attrs.get("attempt", 0) + 1
    trial.study.enqueue_trial(trial.params, user_attrs={relation: trial.number, "attempt": attempt, **carried})


def _fail(trial: Any, kind: str, message: str) -> None:
    """End a trial without a value."""
    trial.set_user_attr("failure", kind)
    trial.set_user_attr("message", _shorten(message))
    trial.study.tell(trial, state=_state("FAIL"))


def _insist_on_value(outcome: Outcome) -> Outcome:
    """Turn a result that is not one finite number into a failure that says so.

    >>> _insist_on_value(Done((float("inf"),))).message
    'the objective returned inf; a finite number is needed'
    """
    if not isinstance(outcome, Done):
        return outcome
    if len(outcome.values) != 1:
        text = f"the objective returned {len(outcome.values)} values; one is needed"
        return Failed("exception", text, outcome.details)
    if not math.isfinite(outcome.values[0]):
        text = f"the objective returned {outcome.values[0]}; a finite number is needed"
        return Failed("nan", text, outcome.details)
    return outcome


def _shorten(text: str, limit: int = 20_000) -> str:
    """Cut the middle out of a long text: some storages hold 64 kB per attribute.

    >>> _shorten("abcdefgh", limit=4)
    'ab ... gh'
    """
    return text if len(text) <= limit else f"{text[: limit // 2]} ... {text[-limit // 2 :]}"


def _state(name: str) -> Any:
    """Return one of Optuna's states."""
    from optuna.trial import TrialState

    return TrialState[name]
