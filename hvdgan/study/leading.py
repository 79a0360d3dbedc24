"""Leading: drive a coordinator over the groups of a job, or alone.

    with open_coordinator(config, directory, resume=False, listen=print, ahead=True) as coordinator:
        lead(world, coordinator, groups=[(1, 2), (3, 4)])

The other ranks `worker.serve`.
"""

import time
from collections.abc import Iterable, Mapping, Sequence

from hvdgan.parallel.world import World
from hvdgan.study.coordinator import Coordinator
from hvdgan.study.messages import Advice, Alive, Stop, Verdict
from hvdgan.study.silence import DEFAULT, Silence
from hvdgan.study.worker import Objective, run_alone

LOOK_AROUND, SOON = 0.05, 0.002
"""Seconds after which a coordinator that heard nothing looks at its stock, its idle groups and the clock again; and
while a group waits for a point, which may be ready any moment."""


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
        hungry = len(coordinator.running) < len(alive) and coordinator.giving
        received = world.receive(SOON if hungry else LOOK_AROUND)
        if received is None:
            for group in coordinator.fall_silent(silence.limit):
                del alive[ranks[group]]
        elif received[0] in alive:
            _answer(world, coordinator, alive[received[0]], *received)
        signs.give()
        if coordinator.reason() == "preempted" and not told:
            told = _tell_all(world, coordinator, ranks, "preempt")
    coordinator.end()
    lost = tuple(rank for group in coordinator.given_up for rank in groups[group - 1])
    for rank in ranks.values():
        world.send(Stop(coordinator.reason() or "lost", lost), rank)
    silence.end_lost(world, lost)


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
