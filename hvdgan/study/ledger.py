"""The ledger of a study: every trial enters it once and ends in it once.

It alone writes to the storage, from one thread of rank 0. The order of its writes makes a kill at any moment harmless:
what a trial carries is stored before the trial is closed, and a copy exists before its original is closed.
"""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hvdgan.config import Study
from hvdgan.study import history
from hvdgan.study.messages import Assignment, Done, Failed, Outcome, Preempted, Pruned
from hvdgan.study.pruning import curve_of
from hvdgan.study.search import space
from hvdgan.study.shadow import Proposal

RETRIED = ("exception", "stall", "oom")
"""Kinds of failure that another attempt may not meet; NaN and an illegal point would only come again."""

LOSSES = 2
"""So many attempts at a trial may be lost with their group; a further one could cost the last group."""

UNUSED = "asked for ahead of need; the job ended first"

_CARRIED = ("source", "failures", "losses", "checkpoint", "reports")
"""What a further attempt takes over from the one before, beside what it is told."""


class Ledger:
    """Opens trials, notes what they report, closes them, and counts those that count."""

    def __init__(self, study: Any, settings: Study, directory: Path) -> None:
        """Continue a study: close what an earlier job left open, and put copies of it into the queue.

        Args:
            study: An Optuna study.
            settings: Section `study` of the configuration.
            directory: The run directory; each trial gets a folder in it.
        """
        self._study, self._settings, self._directory = study, settings, directory
        self._open: dict[int, Any] = {}
        self._curves: dict[int, dict[int, float]] = {}
        self._continued = history.succeeded(history.rows(study))
        self._waiting = 0
        self.lost = self._recover()
        """Numbers of the trials that an earlier job left running; copies of them wait."""
        table = history.rows(study)
        self._waiting = sum(row["state"] == "waiting" for row in table)
        self.counted = history.count(table)
        """Trials that have ended and count towards the total."""
        self.ended = [row for row in table if row["state"] in history.ENDED]
        """Rows of the trials that have ended, in this order."""

    @property
    def trials(self) -> list[Any]:
        """Optuna's trials, not to be changed; reads all that are open from the storage."""
        return self._study.get_trials(deepcopy=False)

    def enqueue(self, points: list[dict[str, Any]]) -> None:
        """Put given points into the queue."""
        for point in points:
            self._study.enqueue_trial(point)
            self._waiting += 1

    def open_waiting(self) -> Assignment | None:
        """Open the next trial of the queue: a given point, or a further attempt; None when the queue is empty."""
        if not self._waiting:
            return None
        trial = self._study.ask()
        self._waiting -= 1
        params = space.suggest(trial, self._settings.space)
        if "source" not in trial.user_attrs:
            trial.set_user_attr("source", "enqueued")
        self._open[trial.number] = trial
        self._curves[trial.number] = {}
        for step, value in trial.user_attrs.get("reports", []):
            self.note(trial.number, step, value)
        return self._assign(trial, params)

    def open_proposal(self, proposal: Proposal) -> Assignment:
        """Open a trial at a proposed point, with all its parameters in one write."""
        import optuna

        template = optuna.create_trial(
            state=_state("RUNNING"),
            params=proposal.params,
            distributions=proposal.distributions,
            user_attrs={"source": proposal.source},
        )
        # `Study.add_trial` does the same but does not tell the id, and to look for it means to read all open trials.
        created = self._study._storage.create_new_trial(self._study._study_id, template_trial=template)
        trial = optuna.trial.Trial(self._study, created)
        self._open[trial.number] = trial
        self._curves[trial.number] = {}
        return self._assign(trial, proposal.params)

    def give(self, number: int, group: int) -> None:
        """Note which group runs a trial, from now on."""
        self._open[number].set_user_attr("group", group)
        self._open[number].set_user_attr("began", time.time())

    def source(self, number: int) -> str:
        """Return where the point of an open trial came from."""
        return self._open[number].user_attrs["source"]

    def distributions(self, number: int) -> dict[str, Any]:
        """Return Optuna's distribution of each parameter of an open trial."""
        return self._open[number].distributions

    def curve(self, number: int) -> dict[int, float]:
        """Return the judged values of an open trial, by step."""
        return self._curves[number]

    def note(self, number: int, step: int, value: float) -> None:
        """Keep a judged value of an open trial; Optuna's own place for it exists only with one objective."""
        curve = self._curves[number]
        curve[step] = value
        if len(self._settings.objective) == 1:
            self._open[number].report(value, step)
        else:
            self._open[number].set_user_attr("reports", sorted(curve.items()))

    def close(self, number: int, outcome: Outcome) -> history.Row:
        """End an open trial and return its row.

        A value that is not finite ends as a failure: Optuna would take infinity for a result.
        """
        trial, outcome = self._open.pop(number), _insist_on_values(outcome, len(self._settings.objective))
        curve = self._curves.pop(number)
        if outcome.details:
            trial.set_user_attr("details", outcome.details)
        row = history.row(self._tell(trial, outcome, curve))
        self.ended.append(row)
        self.counted += history.counts(row, self._continued)
        return row

    def _tell(self, trial: Any, outcome: Outcome, curve: dict[int, float]) -> Any:
        """Store how a trial ended; return it as Optuna's ended trial."""
        match outcome:
            case Done(values):
                return self._study.tell(trial, list(values))
            case Pruned(step):
                trial.set_user_attr("pruned_at", step)
                return self._study.tell(trial, state=_state("PRUNED"))
            case Preempted(checkpoint):
                self._enqueue_copy(trial, "resume_of", checkpoint=checkpoint, reports=sorted(curve.items()))
                return _fail(trial, "preempted", "left on request; a copy continues it")
            case Failed(kind, message):
                return self._close_failed(trial, kind, message, curve)

    def _close_failed(self, trial: Any, kind: str, message: str, curve: dict[int, float]) -> Any:
        """End a trial that has no value; a further attempt waits first where one may help.

        A trial that was lost with its group goes on from its last checkpoints; one that failed starts anew.
        """
        about = trial.user_attrs
        if kind == "lost" and about.get("losses", 0) + 1 < LOSSES:
            losses = about.get("losses", 0) + 1
            self._enqueue_copy(trial, "retry_of", losses=losses, **self._left_behind(trial.number, curve))
        elif kind in RETRIED and about.get("failures", 0) < self._settings.retries:
            self._enqueue_copy(trial, "retry_of", failures=about.get("failures", 0) + 1)
        return _fail(trial, kind, message)

    def _assign(self, trial: Any, params: dict[str, Any]) -> Assignment:
        """Return an open trial as what its group gets to know."""
        folder = self._folder(trial.number)
        folder.mkdir(parents=True, exist_ok=True)
        carried = trial.user_attrs
        return Assignment(trial.number, params, str(folder), carried.get("attempt", 0), carried.get("checkpoint"))

    def _folder(self, number: int) -> Path:
        """Return where a trial may write."""
        return self._directory / "trials" / f"{number:04d}"

    def _left_behind(self, number: int, curve: Mapping[int, float]) -> dict[str, Any]:
        """Return what a trial that could not say goodbye left: its folder, if it wrote there, and its judged values."""
        folder = self._folder(number)
        return {"checkpoint": str(folder), "reports": sorted(curve.items())} if any(folder.glob("*")) else {}

    def _recover(self) -> list[int]:
        """Close the trials whose coordinator died.

        Those that a group had, or that were given points, have a copy in the queue, from now or from an earlier try.
        """
        from optuna.trial import Trial

        lost = []
        for frozen in [one for one in self.trials if one.state == _state("RUNNING")]:
            trial = Trial(self._study, frozen._trial_id)
            if "group" not in frozen.user_attrs and "fixed_params" not in frozen.system_attrs:
                _fail(trial, "unused", UNUSED)
                continue
            lost.append(frozen.number)
            if frozen.number not in self._continued:
                self._enqueue_copy(trial, "retry_of", **self._left_behind(frozen.number, curve_of(frozen)))
            _fail(trial, "lost", "the job ended while this trial was running")
        return lost

    def _enqueue_copy(self, trial: Any, relation: str, **told: Any) -> None:
        """Put another attempt at a trial into the queue; it names the attempt it continues."""
        about = trial.user_attrs
        carried = {key: about[key] for key in _CARRIED if key in about}
        given = self.trials[trial.number].system_attrs.get("fixed_params", {})
        attributes = {**carried, **told, relation: trial.number, "attempt": about.get("attempt", 0) + 1}
        self._study.enqueue_trial({**given, **trial.params}, user_attrs=attributes)
        self._continued.add(trial.number)
        self._waiting += 1


def _fail(trial: Any, kind: str, message: str) -> Any:
    """End a trial without a value; return it as Optuna's ended trial."""
    trial.set_user_attr("failure", kind)
    trial.set_user_attr("message", _shorten(message))
    return trial.study.tell(trial, state=_state("FAIL"))


def _insist_on_values(outcome: Outcome, count: int) -> Outcome:
    """Turn a result that is not so many finite numbers into a failure that says so.

    >>> _insist_on_values(Done((float("inf"),)), 1).message
    'the objective returned inf; a finite number is needed'
    """
    if not isinstance(outcome, Done):
        return outcome
    if len(outcome.values) != count:
        text = f"the objective returned {len(outcome.values)} values; {count} needed"
        return Failed("exception", text, outcome.details)
    bad = [value for value in outcome.values if not math.isfinite(value)]
    if bad:
        return Failed("nan", f"the objective returned {bad[0]}; a finite number is needed", outcome.details)
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
