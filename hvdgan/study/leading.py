"""Leading: drive a coordinator over the groups of a job, or alone.

    with open_coordinator(config, directory, resume=False, listen=print, ahead=True) as coordinator:
        lead(world, coordinator, groups=[(1, 2), (3, 4)])

The other ranks `worker.serve`.
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from hvdgan.config import Config
from hvdgan.parallel.world import World, end_here
from hvdgan.study import events, history, lock, points, samplers, space, storage
from hvdgan.study.coordinator import Coordinator
from hvdgan.study.ending import Ending
from hvdgan.study.ledger import Ledger
from hvdgan.study.messages import Advice, Alive, Stop, Verdict
from hvdgan.study.proposer import AskAhead, AskNow, Proposer
from hvdgan.study.pruning import Judge, curve_of
from hvdgan.study.shadow import Shadow
from hvdgan.study.silence import DEFAULT, Silence
from hvdgan.study.supply import Supply
from hvdgan.study.worker import Objective, run_alone

LOOK_AROUND = 0.05
"""Seconds after which a coordinator that heard nothing looks at its stock, its idle groups and the clock again."""


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
        if not study.get_trials(deepcopy=False):
            for point in given:
                study.enqueue_trial(point)
        ledger = Ledger(study, config.study, directory)
        with contextlib.closing(_open_proposer(config, ledger, ahead)) as proposer:
            supply = Supply(ledger, proposer, config.study, clock)
            ending = Ending(config.study, leaving, clock)
            judge = _brief_judge(config, ledger)
            try:
                yield Coordinator(ledger, supply, judge, ending, config.study.trials, listen, clock)
            finally:
                history.write_csv(history.rows(study), directory / "trials.csv")


def lead(world: World, coordinator: Coordinator, groups: Sequence[Sequence[int]], silence: Silence = DEFAULT) -> None:
    """Serve the groups until the study is through, or all have fallen silent; then send them home.

    Args:
        world: All processes; this one is their coordinator.
        coordinator: The open study.
        groups: The world ranks of every group, its leader first; groups are numbered from 1 in this order.
        silence: How long to wait for a group.
    """
    ranks = {number: members[0] for number, members in enumerate(groups, start=1)}
    alive = {rank: group for group, rank in ranks.items()}
    signs = _SignsOfLife(world, ranks.values(), silence.interval)
    coordinator.begin(len(groups))
    told = False
    while alive and not coordinator.through:
        _assign_idle(world, coordinator, alive)
        coordinator.prepare(len(alive))
        received = world.receive(LOOK_AROUND)
        if received is not None and received[0] in alive:
            _answer(world, coordinator, alive[received[0]], *received)
        for group in coordinator.fall_silent(silence.limit):
            del alive[ranks[group]]
        signs.give()
        if coordinator.reason() == "preempted" and not told:
            told = _tell_all(world, coordinator, ranks, "preempt")
    coordinator.end()
    lost = tuple(rank for group in coordinator.given_up for rank in groups[group - 1])
    for rank in ranks.values():
        world.send(Stop(coordinator.reason() or "lost", lost), rank)
    end_here(world, lost)


def work_alone(coordinator: Coordinator, objective: Objective, group: World) -> None:
    """Run the trials one after the other in this process: the coordinator and its only group, number 1.

    Args:
        coordinator: The open study.
        objective: Runs one trial.
        group: A world of one.
    """
    coordinator.begin(1)
    while (assignment := coordinator.next_assignment(1)) is not None:
        coordinator.handle(1, run_alone(objective, assignment, group, lambda message: coordinator.handle(1, message)))
    coordinator.end()


class _SignsOfLife:
    """Tells the groups now and then that the coordinator is alive."""

    def __init__(self, world: World, leaders: Iterable[int], interval: float) -> None:
        """Start the first interval."""
        self._world, self._leaders, self._interval = world, tuple(leaders), interval
        self._given = time.monotonic()

    def give(self) -> None:
        """Post a sign of life to every group, when it is time for one."""
        if time.monotonic() - self._given >= self._interval:
            self._given = time.monotonic()
            for rank in self._leaders:
                self._world.send(Alive(), rank)


def _assign_idle(world: World, coordinator: Coordinator, groups: dict[int, int]) -> None:
    """Give every idle group its next trial, if there is one."""
    for rank, group in groups.items():
        if group not in coordinator.running and (assignment := coordinator.next_assignment(group)) is not None:
            world.send(assignment, rank)


def _answer(world: World, coordinator: Coordinator, group: int, rank: int, message: object) -> None:
    """Let the coordinator handle a group's message, and send its answer.

    A group that was idle has nothing to say: what comes then is left over from a trial that is closed.
    """
    if group in coordinator.running:
        advice = coordinator.handle(group, message)
        if advice is not None:
            world.send(advice, rank)


def _tell_all(world: World, coordinator: Coordinator, ranks: Mapping[int, int], verdict: Verdict) -> bool:
    """Advise every group that runs a trial, for those whose ranks did not get the signal themselves."""
    for group, assignment in coordinator.running.items():
        world.send(Advice(assignment.number, verdict), ranks[group])
    return True


def _open_proposer(config: Config, ledger: Ledger, ahead: bool) -> Proposer:
    """Start the sampler over the trials so far."""
    past = [trial for trial in ledger.trials if trial.state.is_finished()]
    return AskAhead(lambda: Shadow(config.study, past)) if ahead else AskNow(Shadow(config.study, past))


def _brief_judge(config: Config, ledger: Ledger) -> Judge:
    """Give the pruner the curves of the trials so far."""
    folds = config.study.folds if config.study.fold_mode == "sequential" else 1
    judge = Judge(config.study, config.training.epochs + folds - 1)
    for trial in ledger.trials:
        if trial.state.name in ("COMPLETE", "PRUNED"):
            judge.remember(curve_of(trial), trial.state.name == "PRUNED")
    return judge
