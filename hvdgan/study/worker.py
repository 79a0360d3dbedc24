"""The group's side of a study: run trials, whatever they do, and tell each one's single outcome.

Every rank of a group serves. Rank 0 of the group, its leader, speaks with the coordinator; a trial that raises on any
rank ends as a failure, and the group lives on.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from hvdgan.parallel.world import World
from hvdgan.study import failures
from hvdgan.study.failures import Ending
from hvdgan.study.messages import Assignment, Control, Done, Outcome, Report, Stop, Verdict


class Objective(Protocol):
    """What a trial runs; called on every rank of a group with the same assignment."""

    def __call__(self, assignment: Assignment, group: World, control: Control) -> Outcome:
        """Run one trial.

        Args:
            assignment: The trial.
            group: The group's world; all its collective calls are the objective's own.
            control: Reports intermediate values.

        Returns:
            How the trial ended; details must be plain (numbers, texts, lists, mappings). Where ranks disagree the
            group's rank 0 speaks, unless one failed.

        Raises:
            Exception: Any exception on any rank ends the trial as a failure. The other ranks must come to an end too:
                whoever leaves a ring early breaks it, and the peers raise RingBrokenError.
        """


@dataclass(frozen=True)
class Line:
    """The line from one rank of a group to the coordinator; only the leader's reports travel.

    Args:
        number: The trial.
        send: Posts a report to the coordinator.
        leader: Whether this rank speaks for the group.
    """

    number: int
    send: Callable[[Report], None]
    leader: bool

    def report(self, step: int, values: dict[str, float]) -> Verdict:
        """Tell intermediate values; the coordinator lets every trial go on."""
        if self.leader:
            plain = {name: value if isinstance(value, int) else float(value) for name, value in values.items()}
            self.send(Report(self.number, step, plain))
        return "go"


def serve(world: World, group: World, objective: Objective, coordinator: int = 0) -> None:
    """Run the trials the coordinator sends until it says stop. Collective over the group.

    Args:
        world: All processes.
        group: The processes that run a trial together.
        objective: Runs one trial.
        coordinator: World rank of the coordinator.
    """
    place = f"rank {world.rank} on {world.hosts[world.rank]}"
    leader = group.rank == 0
    with group.split(0) as private:
        while isinstance(assignment := _share(world, private), Assignment):
            line = Line(assignment.number, lambda report: world.send(report, coordinator), leader)
            outcome = failures.merge(private.gather(_attempt(objective, assignment, group, line, place)))
            if leader:
                world.send(outcome, coordinator)


def run_alone(objective: Objective, assignment: Assignment, group: World, send: Callable[[Report], None]) -> Outcome:
    """Run one trial on a group of one.

    Args:
        objective: Runs one trial.
        assignment: The trial.
        group: A world of one.
        send: Takes the reports.
    """
    place = f"rank {group.rank} on {group.hosts[group.rank]}"
    line = Line(assignment.number, send, leader=True)
    return failures.merge(group.gather(_attempt(objective, assignment, group, line, place)))


def _share(world: World, group: World) -> Assignment | Stop:
    """Return the coordinator's next word on every rank of the group; waiting costs nothing, unlike in a collective."""
    if group.rank:
        return _wait(group)
    message = _wait(world)
    for rank in range(1, group.size):
        group.send(message, rank)
    return message


def _wait(world: World) -> Any:
    """Return the next message, however long it takes."""
    while (received := world.receive()) is None:
        continue
    return received[1]


def _attempt(objective: Objective, assignment: Assignment, group: World, control: Control, place: str) -> Ending:
    """Run this rank's part of a trial; an exception becomes an ending like any other."""
    try:
        outcome = objective(assignment, group, control)
        return Ending(_insist_on_plain(outcome), place, time.time())
    except Exception as error:
        return failures.describe(error, place)


def _insist_on_plain(outcome: Outcome) -> Outcome:
    """Return an outcome that can travel and be stored.

    Raises:
        TypeError: It is none of the four outcomes, a value is no number, or the details are not plain.
    """
    if not isinstance(outcome, Outcome):
        raise TypeError(f"an objective returns Done, Pruned, Failed or Preempted, not {type(outcome).__name__}")
    json.dumps(outcome.details)
    if isinstance(outcome, Done):
        return Done(tuple(float(value) for value in outcome.values), outcome.details)
    return outcome
