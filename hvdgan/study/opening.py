"""Opening a study: its lock, its storage, its sampler and its pruner, put together as a coordinator."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hvdgan.config import Config
from hvdgan.errors import HvdganError
from hvdgan.study import events, history
from hvdgan.study.coordinator import Coordinator
from hvdgan.study.ending import Ending
from hvdgan.study.ledger import Ledger
from hvdgan.study.proposer import AskAhead, AskNow, Proposer
from hvdgan.study.pruning import Judge, curve_of
from hvdgan.study.search import points, samplers, space
from hvdgan.study.shadow import Shadow, rehearse
from hvdgan.study.store import lock, storage
from hvdgan.study.supply import Supply


@contextlib.contextmanager
def open_coordinator(
    config: Config,
    directory: Path,
    resume: bool,
    listen: events.Listener,
    leaving: Callable[[], bool] = lambda: False,
    force: bool = False,
    *,
    ahead: bool,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Coordinator]:
    """Open the study of a run directory for this process alone, and write `trials.csv` at the end.

    Args:
        config: The resolved configuration.
        directory: The run directory; holds the lock, by default the storage, and the folders of the trials.
        resume: Whether a study with trials is to be continued.
        listen: Is told every event.
        leaving: Whether somebody asked the job to leave; then no trial starts any more.
        force: Go on with a stored study whose space, data or settings differ.
        ahead: Whether points are made in a thread, ahead of need.
        clock: Seconds, growing.

    Raises:
        UsageError: Another coordinator is at work, or the stored study is not this one.
        ConfigError: The search space, or the sampler over it, is not legal.
        HvdganError: The storage failed in the block, or there is no room to write.
    """
    space.check(config.study.space)
    samplers.check(config.study)
    given = points.resolve_points(config)
    held = lock.hold(directory / "coordinator.lock")
    with held, storage.hold_study(config, directory, resume, force) as study:
        ledger = Ledger(study, config.study, directory)
        if not ledger.trials:
            ledger.enqueue(given)
        with contextlib.closing(_open_proposer(config, ledger, ahead)) as proposer:
            supply = Supply(ledger, proposer, config.study, clock)
            ending = Ending(config.study, leaving, clock)
            judge = _brief_judge(config, ledger)
            with _leave_table(config, study, directory):
                yield Coordinator(ledger, supply, judge, ending, config.study, listen, clock)


@contextlib.contextmanager
def _leave_table(config: Config, study: Any, directory: Path) -> Iterator[None]:
    """Write `trials.csv` at the end of a block; what made the block fail matters more than a table without room."""
    path, objectives = directory / "trials.csv", config.study.objective
    try:
        yield
    except BaseException:
        with contextlib.suppress(HvdganError):
            history.write_csv(history.rows(study), path, objectives)
        raise
    history.write_csv(history.rows(study), path, objectives)


def _open_proposer(config: Config, ledger: Ledger, ahead: bool) -> Proposer:
    """Start the sampler over the trials so far."""
    past = [trial for trial in ledger.trials if trial.state.is_finished()]
    if not ahead:
        return AskNow(Shadow(config.study, past))
    return AskAhead(lambda: Shadow(config.study, past), lambda: rehearse(config.study))


def _brief_judge(config: Config, ledger: Ledger) -> Judge:
    """Give the pruner the curves of the trials so far."""
    folds = config.study.folds if config.study.fold_mode == "sequential" else 1
    judge = Judge(config.study, config.training.epochs + folds - 1)
    for trial in ledger.trials:
        if trial.state.name in ("COMPLETE", "PRUNED"):
            judge.remember(curve_of(trial), trial.state.name == "PRUNED")
    return judge
