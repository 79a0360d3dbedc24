"""The objective of a study: one trial, trained by one group of processes, gives one value per objective.

Folds train in turn, each on the whole group, or side by side, each on a ring of its own; a ring may be several that
train replicas, of which the first one speaks. All messages and collective
calls on the group are made here and in `conversation`, and at the end of a trial all its ranks come together.
"""

from dataclasses import dataclass
from typing import Any

from hvdgan.config import Config
from hvdgan.errors import RingBrokenError
from hvdgan.parallel.timeline import kept_apart
from hvdgan.parallel.topology import place_folds
from hvdgan.parallel.watchdog import BITES
from hvdgan.parallel.world import World
from hvdgan.run.conversation import Mail, cry, leaders, open_voice
from hvdgan.run.curve import InTurn, SideBySide
from hvdgan.run.layouts import count_rings
from hvdgan.run.processes import open_cell
from hvdgan.run.trial import Trial, summarise
from hvdgan.study.failures import locate
from hvdgan.study.messages import Assignment, Control, Done, Outcome, Preempted, Pruned
from hvdgan.training.crossval import FoldValues
from hvdgan.training.interrupt import Interrupt
from hvdgan.training.loop import ENDINGS, PREEMPT, Result


@dataclass(frozen=True)
class Objective:
    """Trains trials of a study; called by every rank of a group.

    Args:
        config: The study's configuration; a trial's parameters are set in it. Its own `training.seed` decides for all
            trials which event belongs to which fold, also where the space searches that key.
        interrupt: Whether somebody asked this process to leave.
        watchdog: Whether a process without progress ends itself; under plain mpirun that ends the whole job.
    """

    config: Config
    interrupt: Interrupt
    watchdog: bool = False

    def __call__(self, assignment: Assignment, group: World, control: Control) -> Outcome:
        """Train one trial with cross validation and return its values.

        Raises:
            HvdganError: The trial has no value; the worker makes a Failed of it.
        """
        config = self.config.replace(assignment.params)
        folds, rings = config.study.folds, count_rings(config)
        places, mail = place_folds(group.hosts, rings), Mail(group)
        curve = (InTurn if rings == 1 else SideBySide)(control, folds, config.training.epochs)
        voice = open_voice(mail, places, group.rank, curve, control, lambda: PREEMPT * self.interrupt.wanted)
        mine = range(folds) if rings == 1 else [places[group.rank]]
        patience = BITES * config.training.stall_timeout if self.watchdog else None
        trial = Trial(config, assignment, voice, self.config.training.seed, mine, patience)
        parts = train_rings(trial, group, mail, places)
        results = [result for leader in leaders(places) for result in parts[leader]]
        return early_ending(results, config, assignment.directory) or conclude(results, config.study.objective)


def train_rings(trial: Trial, group: World, mail: Mail, places: tuple[int, ...]) -> list[list[Result]]:
    """Train the folds of this rank's ring; return how those of every rank of the group ended. Collective.

    Args:
        trial: The trial, with this rank's folds.
        group: The group's world.
        mail: The group's mailbox.
        places: The ring of every rank of the group.

    Raises:
        RingBrokenError: A fold on another ring failed.
        Exception: A fold on this ring failed; the others know, and all ranks of the group have come together.
    """
    ring_number = places[group.rank]
    with group.split(ring_number) as cell, kept_apart(f"trial-{trial.assignment.number:04d}-ring-{ring_number}"):
        try:
            with open_cell(trial.config, cell) as (ring, exchange):
                results = trial.train(ring, exchange)
            trial.voice.leave(_word(results[-1]))
        except Exception as error:
            locate(error, trial.fold if trial.config.study.folds > 1 else None)
            cry(mail, places, group.rank)
            mail.close(None)
            raise
        parts = mail.close(results)
    if None in parts:
        failed = places[parts.index(None)]
        raise RingBrokenError(f"ring {failed} of the trial failed, and a trial needs all its folds")
    return parts


def early_ending(results: list[Result], config: Config, directory: str) -> Outcome | None:
    """Return how a trial ended before its time, in the study's words; None when all folds are done.

    The advice to prune concerns the whole trial, so one pruned fold is enough. A trial that had to stop at once goes on
    from its last periodic checkpoints.

    Args:
        results: How each fold ended that was begun, in the order of folds.
        config: The trial's configuration.
        directory: Where the trial's checkpoints are.
    """
    endings = {result.ending for result in results}
    if "pruned" in endings:
        return Pruned(_step(results, config))
    return Preempted(directory) if endings != {"done"} else None


def _step(results: list[Result], config: Config) -> int:
    """Return the last place on its curve that a trial has reached; see `curve`."""
    if count_rings(config) > 1:
        return min(result.position.epoch for result in results)
    fold = len(results) - 1
    return config.training.epochs + fold - 1 if fold else results[0].position.epoch


def conclude(results: list[Result], objectives: list[str]) -> Done:
    """Return the values of a trial, each the mean over its folds, and what is kept beside them.

    Args:
        results: How each fold ended, in the order of folds.
        objectives: Names of the values.
    """
    told = [summarise(result) for result in results]
    first, *others = [FoldValues(tuple(values[name] for values in told)) for name in objectives]
    details: dict[str, Any] = {"folds": list(first.values), "spread": first.spread}
    details |= {f"folds_{name}": list(values.values) for name, values in zip(objectives[1:], others, strict=True)}
    details["best_epochs"] = [result.position.best_epoch for result in results]
    details["events_per_second"] = [round(result.timing.events_per_second, 1) for result in results]
    return Done(tuple(values.mean for values in (first, *others)), details)


def _word(result: Result) -> int:
    """Return an ending as the control word that caused it; 0 for a training that is done."""
    return next((bit for bit, ending in ENDINGS.items() if ending == result.ending), 0)
