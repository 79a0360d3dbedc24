"""The coordinator: gives trials to groups, takes reports and outcomes, until the study has its total.

`Coordinator` decides and is driven by steps; it neither sends nor waits. `lead` drives it over a world whose other
ranks `worker.serve`, `work_alone` drives it in one process with one group:

    with open_coordinator(config, directory, resume=False, listen=print) as coordinator:
        lead(world, coordinator, leaders=[1, 3])
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from hvdgan.config import Config, Study
from hvdgan.errors import HvdganError
from hvdgan.parallel.world import World
from hvdgan.study import events, history, lock, space, storage
from hvdgan.study.ledger import Ledger
from hvdgan.study.messages import Assignment, Outcome, Report, Stop
from hvdgan.study.worker import Objective, run_alone

LOOK_AROUND = 1.0
"""Seconds after which a coordinator that heard nothing looks at its idle groups and the clock again."""


class Coordinator:
    """The decisions of rank 0: who gets which trial, and when the study is through."""

    def __init__(
        self,
        ledger: Ledger,
        settings: Study,
        listen: events.Listener,
        leaving: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Continue the study of a ledger.

        Args:
            ledger: The open study.
            settings: `trials` is the total, earlier runs included; `timeout` counts from now.
            listen: Is told every event.
            leaving: Whether somebody asked the job to leave; then no trial starts any more.
            clock: Seconds, growing.
        """
        self._ledger, self._listen, self._leaving, self._clock = ledger, listen, leaving, clock
        self.total = settings.trials
        self._deadline = clock() + settings.timeout if settings.timeout else float("inf")
        self._running: dict[int, Assignment] = {}

    @property
    def counted(self) -> int:
        """Trials that have ended and count towards the total."""
        return self._ledger.counted

    @property
    def lost(self) -> list[int]:
        """Trials that an earlier job left running and that are tried again."""
        return self._ledger.lost

    @property
    def busy(self) -> bool:
        """Whether a trial is running."""
        return bool(self._running)

    def next_assignment(self, group: int) -> Assignment | None:
        """Return the next trial for an idle group; None while, or because, nothing is left to give."""
        enough = self.counted + len(self._running) >= self.total
        if enough or self._leaving() or self._clock() >= self._deadline:
            return None
        assignment = self._ledger.ask(group)
        self._running[group] = assignment
        self._listen(events.started(assignment, group, self._ledger.row(assignment.number)["source"]))
        return assignment

    def handle(self, group: int, message: Report | Outcome) -> None:
        """Take what a group says about its trial; an outcome makes it idle."""
        if isinstance(message, Report):
            self._listen(events.reported(message, group))
            return
        row = self._ledger.close(self._running.pop(group).number, message)
        self._listen(events.finished(row, group, self.counted, self.total))

    def reason(self) -> str:
        """Say why nothing is left to give."""
        if self.counted >= self.total:
            return "done"
        return "preempted" if self._leaving() else "timeout"


@contextlib.contextmanager
def open_coordinator(
    config: Config,
    directory: Path,
    resume: bool,
    listen: events.Listener,
    leaving: Callable[[], bool] = lambda: False,
    force: bool = False,
) -> Iterator[Coordinator]:
    """Open the study of a run directory for this process alone, and write `trials.csv` at the end.

    Args:
        config: The resolved configuration.
        directory: The run directory; holds the lock, by default the storage, and the folders of the trials.
        resume: Whether a study with trials is to be continued.
        listen: Is told every event.
        leaving: Whether somebody asked the job to leave; then no trial starts any more.
        force: Go on with a stored study whose space, data or settings differ.

    Raises:
        UsageError: Another coordinator is at work, or the stored study is not this one.
        ConfigError: The search space is not legal.
        HvdganError: The storage failed in the block, or there is no room to write.
    """
    space.check(config.study.space)
    held = lock.hold(directory / "coordinator.lock")
    with held, storage.hold_study(config, directory, resume, force) as study, _leave_table(study, directory):
        yield Coordinator(Ledger(study, config.study, directory), config.study, listen, leaving)


@contextlib.contextmanager
def _leave_table(study: Any, directory: Path) -> Iterator[None]:
    """Write `trials.csv` at the end of a block; what made the block fail matters more than a table without room."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(HvdganError):
            history.write_csv(history.rows(study), directory / "trials.csv")
        raise
    history.write_csv(history.rows(study), directory / "trials.csv")


def lead(world: World, coordinator: Coordinator, leaders: Sequence[int]) -> None:
    """Serve the groups until the study is through, then send them home.

    Args:
        world: All processes; this one is their coordinator.
        coordinator: The open study.
        leaders: The world rank of each group's rank 0; groups are numbered from 1 in this order.
    """
    groups = {rank: number for number, rank in enumerate(leaders, start=1)}
    idle = list(leaders)
    while True:
        idle = [rank for rank in idle if not _assign(world, coordinator, groups[rank], rank)]
        if not coordinator.busy:
            break
        received = world.receive(LOOK_AROUND)
        if received is not None:
            rank, message = received
            coordinator.handle(groups[rank], message)
            idle += [] if isinstance(message, Report) else [rank]
    for rank in leaders:
        world.send(Stop(coordinator.reason()), rank)


def work_alone(coordinator: Coordinator, objective: Objective, group: World) -> None:
    """Run the trials one after the other in this process: the coordinator and its only group, number 1.

    Args:
        coordinator: The open study.
        objective: Runs one trial.
        group: A world of one.
    """
    while (assignment := coordinator.next_assignment(1)) is not None:
        coordinator.handle(1, run_alone(objective, assignment, group, lambda message: coordinator.handle(1, message)))


def _assign(world: World, coordinator: Coordinator, group: int, rank: int) -> bool:
    """Give the next trial to an idle group, if there is one."""
    assignment = coordinator.next_assignment(group)
    if assignment is not None:
        world.send(assignment, rank)
    return assignment is not None
