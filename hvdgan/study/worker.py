"""The group's side of a study: run trials, whatever they do, and tell each one's single outcome.

Every rank of a group serves. Rank 0 of the group, its leader, speaks with the coordinator; a trial that raises on any
rank ends as a failure, and the group lives on.
"""

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from hvdgan.parallel.watchdog import Watchdog
from hvdgan.parallel.world import World
from hvdgan.study import failures
from hvdgan.study.failures import Ending
from hvdgan.study.messages import Advice, Alive, Assignment, Control, Done, Outcome, Report, Stop, Verdict
from hvdgan.study.silence import DEFAULT, LONGEST_INTERVAL, Silence

LONGEST_ANSWER = 1.0
"""Seconds a trial waits for the judgement of its report; after that it goes on and hears of it at a later step."""

Send = Callable[[Any], None]
Listen = Callable[[float], Any]


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


class Line:
    """The line from one rank of a group to the coordinator; only the leader speaks and listens."""

    def __init__(self, number: int, leader: bool, send: Send, listen: Listen, interval: float) -> None:
        """Open the line for one trial.

        Args:
            number: The trial.
            leader: Whether this rank speaks for the group.
            send: Posts a message to the coordinator.
            listen: Returns the coordinator's next message, or None when none came within some seconds.
            interval: Seconds between two signs of life.
        """
        self._number, self._leader, self._send, self._listen = number, leader, send, listen
        self._interval, self._spoken = interval, time.monotonic()
        self._verdict: Verdict = "go"
        self._answers = 0

    def report(self, step: int, values: dict[str, float], judged: bool = False) -> Verdict:
        """Tell intermediate values; when they are judged, wait a moment for what the judge says."""
        if self._leader:
            plain = {name: value if isinstance(value, int) else float(value) for name, value in values.items()}
            answers, end = self._answers, time.monotonic() + LONGEST_ANSWER
            self._speak(Report(self._number, step, plain, judged))
            while judged and self._answers == answers and (left := end - time.monotonic()) > 0:
                self._hear(self._listen(left))
        return self.advice()

    def advice(self) -> Verdict:
        """Return the latest verdict, after a look at what came in."""
        while self._leader and (message := self._listen(0)) is not None:
            self._hear(message)
        return self._verdict

    def beat(self) -> None:
        """Post a sign of life, when it is time for one."""
        if self._leader and time.monotonic() - self._spoken >= self._interval:
            self._speak(Alive(self._number))

    def _speak(self, message: Report | Alive) -> None:
        """Post a message, which is a sign of life in any case."""
        self._spoken = time.monotonic()
        self._send(message)

    def _hear(self, message: Any) -> None:
        """Note a verdict on this trial; signs of life, and words on an earlier trial, say nothing here."""
        if isinstance(message, Advice) and message.number == self._number:
            self._answers += 1
            self._verdict = message.verdict


def serve(world: World, group: World, objective: Objective, coordinator: int = 0, silence: Silence = DEFAULT) -> Stop:
    """Run the trials the coordinator sends until it says stop. Collective over the group.

    Args:
        world: All processes.
        group: The processes that run a trial together.
        objective: Runs one trial.
        coordinator: World rank of the coordinator.
        silence: How long to wait for others.

    Returns:
        Why nothing is left to do.
    """
    place = f"rank {world.rank} on {world.hosts[world.rank]}"
    leader = group.rank == 0

    def listen(seconds: float) -> Any:
        received = world.receive(seconds)
        return received and received[1]

    with group.split(0) as private:
        while isinstance(order := _share(world, private, silence), Assignment):
            send = partial(world.send, to=coordinator)
            line = Line(order.number, leader, send, listen, silence.interval)
            ending = _attempt(objective, order, group, line, place)
            with silence.awaits_group():
                outcome = failures.merge(private.gather(ending))
            if leader:
                world.send(outcome, coordinator)
    silence.end_lost(world, order.lost)
    return order


def run_alone(objective: Objective, assignment: Assignment, group: World, tell: Callable[[Any], Any]) -> Outcome:
    """Run one trial on a group of one.

    Args:
        objective: Runs one trial.
        assignment: The trial.
        group: A world of one.
        tell: Takes a message to the coordinator; returns its answer, or None.
    """
    place = f"rank {group.rank} on {group.hosts[group.rank]}"
    answers: list[Any] = []
    line = Line(
        assignment.number,
        leader=True,
        send=lambda message: answers.append(tell(message)),
        listen=lambda seconds: answers.pop(0) if answers else None,
        interval=LONGEST_INTERVAL,
    )
    return failures.merge(group.gather(_attempt(objective, assignment, group, line, place)))


def _share(world: World, group: World, silence: Silence) -> Assignment | Stop:
    """Return the coordinator's next order on every rank of the group; waiting costs nothing, unlike in a collective."""
    if group.rank:
        with silence.awaits_group() as watchdog:
            return _next_order(group, watchdog)
    with silence.awaits_coordinator() as watchdog:
        return _next_order(world, watchdog, members=group)


def _next_order(world: World, watchdog: Watchdog, members: World | None = None) -> Assignment | Stop:
    """Return the next assignment or stop; pass it, and signs of life, on to the members of a group."""
    while True:
        received = world.receive()
        watchdog.beat()
        message = received[1] if received else None
        if isinstance(message, Advice | None):
            continue
        for rank in range(1, members.size if members else 1):
            members.send(message, rank)
        if not isinstance(message, Alive):
            return message


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
