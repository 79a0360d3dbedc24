"""The curve of a trial: what the epochs of its folds mean to the study, and by which values the pruner judges.

Folds in turn give fold 0's epochs, then the running mean after each further fold. Folds side by side give their mean at
each epoch. Everything else that is reported is for people to watch.
"""

from typing import Protocol

import numpy as np

from hvdgan.study.messages import Control, Verdict

Values = dict[str, float]


class Curve(Protocol):
    """Reports the folds of one trial; on the group's rank 0. Every call returns the study's verdict."""

    def begin(self, fold: int, merits: list[float]) -> Verdict:
        """Say that a fold begins, and the merit of every epoch an earlier attempt trained: the study knows those."""

    def tell(self, fold: int, epoch: int, values: Values) -> Verdict:
        """Report values between two epochs."""

    def reach(self, fold: int, epoch: int, values: Values) -> Verdict:
        """Report the values of a finished epoch."""

    def end(self, fold: int, values: Values) -> Verdict:
        """Report the values of a finished fold."""


class InTurn:
    """Folds that the whole group trains one after the other; also a trial of one fold."""

    def __init__(self, control: Control, folds: int, epochs: int) -> None:
        """Start before the first fold.

        Args:
            control: The line to the coordinator.
            folds: How many folds the trial has.
            epochs: How many epochs each fold has.
        """
        self._control, self._folds, self._epochs = control, folds, epochs
        self._done: list[Values] = []
        self._known = False

    def begin(self, fold: int, merits: list[float]) -> Verdict:
        """Remember whether the fold was finished by an earlier attempt."""
        self._known = len(merits) >= self._epochs
        return "go"

    def tell(self, fold: int, epoch: int, values: Values) -> Verdict:
        """Report at the epoch, counted over all folds."""
        return self._report(fold, epoch, values, judged=False)

    def reach(self, fold: int, epoch: int, values: Values) -> Verdict:
        """Report at the epoch, counted over all folds; fold 0 is judged by it."""
        return self._report(fold, epoch, values, judged=fold == 0)

    def end(self, fold: int, values: Values) -> Verdict:
        """Report the mean of the finished folds, from the second on; it is judged."""
        self._done.append(values)
        if fold == 0 or self._known:
            return "go"
        told = {**_mean(self._done), **self._place(fold, self._epochs)}
        return self._control.report(self._epochs + fold, told, judged=True)

    def _report(self, fold: int, epoch: int, values: Values, judged: bool) -> Verdict:
        """Report values of one fold."""
        told = {**values, **self._place(fold, epoch)}
        return self._control.report(fold * self._epochs + epoch, told, judged=judged)

    def _place(self, fold: int, epoch: int) -> dict[str, int]:
        """Return where the trial stands, for the table."""
        return {"fold": fold, "folds": self._folds, "rings": 1, "epoch": epoch, "epochs": self._epochs}


class SideBySide:
    """Folds that train at once, each on its part of the group."""

    def __init__(self, control: Control, folds: int, epochs: int) -> None:
        """Start before any fold.

        Args:
            control: The line to the coordinator.
            folds: How many folds the trial has.
            epochs: How many epochs each fold has.
        """
        self._control, self._folds, self._epochs = control, folds, epochs
        self._told: dict[int, dict[int, Values]] = {}
        self._reported = epochs
        self._given_up = False

    def begin(self, fold: int, merits: list[float]) -> Verdict:
        """Take over what the fold knows; what all folds know was reported by an earlier attempt."""
        self._told[fold] = {epoch: {"merit": merit} for epoch, merit in enumerate(merits, 1)}
        self._reported = min(self._reported, len(merits))
        return self._report_complete()

    def tell(self, fold: int, epoch: int, values: Values) -> Verdict:
        """Report values of one fold at its epoch."""
        return self._control.report(epoch, {**values, **self._place(fold, epoch)})

    def reach(self, fold: int, epoch: int, values: Values) -> Verdict:
        """Report the mean of every epoch that all folds have reached by now; it is judged."""
        self._told[fold][epoch] = values
        return self._report_complete()

    def end(self, fold: int, values: Values) -> Verdict:
        """Say nothing: its last epoch has said it."""
        return "go"

    def _report_complete(self) -> Verdict:
        """Report the epochs that all folds have reached, until the study gives the trial up."""
        verdict: Verdict = "go"
        while not self._given_up and self._complete(self._reported + 1):
            self._reported += 1
            mean = _mean([known[self._reported] for known in self._told.values()])
            verdict = self._control.report(self._reported, {**mean, **self._place(0, self._reported)}, judged=True)
            self._given_up = verdict in ("prune", "stop")
        return verdict

    def _complete(self, epoch: int) -> bool:
        """Tell whether all folds have begun and reached an epoch."""
        return len(self._told) == self._folds and all(epoch in known for known in self._told.values())

    def _place(self, fold: int, epoch: int) -> dict[str, int]:
        """Return where the trial stands, for the table."""
        return {"fold": fold, "folds": self._folds, "rings": self._folds, "epoch": epoch, "epochs": self._epochs}


def _mean(rows: list[Values]) -> Values:
    """Return the mean of every value that all rows have.

    >>> _mean([{"merit": 1.0}, {"merit": 2.0, "steps": 4}])
    {'merit': 1.5}
    """
    names = [name for name in rows[0] if all(name in row for row in rows)]
    return {name: float(np.mean([row[name] for row in rows])) for name in names}
