"""How the ranks of a group talk while they train the folds of one trial.

Every ring has a leader, its rank 0. The leader of the first ring, rank 0 of the group, chairs: it alone speaks with the
study, hears from the other leaders how far their folds are, and passes the study's advice on. Nobody waits for a
message: leaders look for one between two steps, and the word they read there reaches their ring through the control
word of the training loop. A rank that fails tells the leaders of all other rings itself.
"""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from hvdgan.parallel.waiting import wait_until
from hvdgan.run.curve import Curve, Values
from hvdgan.run.mail import Beaten, Begun, Left, Mail, Reached, Wish
from hvdgan.study.messages import Control, Verdict
from hvdgan.training.loop import PREEMPT, PRUNE, STOP

WORDS = {"go": 0, "prune": PRUNE, "preempt": PREEMPT, "stop": STOP}
"""The study's advice as control bits of the training loop."""

BEAT_EVERY = 1.0
"""Seconds between two signs of life of a leader to the chair."""


class Voice(Protocol):
    """What one rank says of its ring's folds, and hears of the others."""

    def word(self) -> int:
        """Return for which reasons this rank's ring should leave; cheap enough for every step."""

    def beat(self) -> None:
        """Say that the ring makes progress; cheap enough for every step."""

    def begin(self, fold: int, merits: list[float]) -> None:
        """Say that a fold begins, and the merit of every epoch that an earlier attempt trained."""

    def tell(self, fold: int, epoch: int, values: Values) -> None:
        """Say values between two epochs."""

    def reach(self, fold: int, epoch: int, values: Values) -> None:
        """Say the values of a finished epoch."""

    def end(self, fold: int, values: Values) -> None:
        """Say the values of a finished fold."""

    def leave(self, word: int) -> None:
        """Say that the ring is through, or for which reasons it left early."""


def open_voice(
    mail: Mail, places: Sequence[int], rank: int, curve: Curve, control: Control, wanted: Callable[[], int]
) -> Voice:
    """Return the voice of one rank.

    Args:
        mail: The group's mailbox.
        places: The ring of every rank of the group.
        rank: This rank in the group.
        curve: What the folds mean to the study; used by the chair.
        control: The line to the coordinator; used by the chair.
        wanted: Asks for this process' own reasons to leave, as control bits.
    """
    ring = places[rank]
    if rank == 0:
        return Chair(mail, leaders(places), curve, control, wanted)
    return Leader(mail, ring, wanted) if rank == places.index(ring) else Member(wanted)


def leaders(places: Sequence[int]) -> list[int]:
    """Return the group rank that leads each ring.

    >>> leaders([0, 1, 1, 0])
    [0, 1]
    """
    return [places.index(ring) for ring in range(max(places) + 1)]


def cry(mail: Mail, places: Sequence[int], rank: int) -> None:
    """Tell the leaders of all other rings that this rank failed: they should stop."""
    for ring, leader in enumerate(leaders(places)):
        if ring != places[rank]:
            mail.send(Wish(STOP), leader)


class Member:
    """A rank that does not lead its ring: it has its own wishes, and its leader speaks for it."""

    def __init__(self, wanted: Callable[[], int]) -> None:
        """Remember whom to ask for this process' own wishes."""
        self._wanted = wanted

    def word(self) -> int:
        """Return this process' own wishes."""
        return self._wanted()

    def beat(self) -> None:
        """Leave it to the leader."""

    def begin(self, fold: int, merits: list[float]) -> None:
        """Leave it to the leader."""

    def tell(self, fold: int, epoch: int, values: Values) -> None:
        """Leave it to the leader."""

    def reach(self, fold: int, epoch: int, values: Values) -> None:
        """Leave it to the leader."""

    def end(self, fold: int, values: Values) -> None:
        """Leave it to the leader."""

    def leave(self, word: int) -> None:
        """Leave it to the leader."""


class Leader:
    """Leads a ring beside the chair's: tells the chair, and does what it says."""

    def __init__(self, mail: Mail, ring: int, wanted: Callable[[], int]) -> None:
        """Start before the ring's first fold."""
        self._mail, self._ring, self._wanted = mail, ring, wanted
        self._wish, self._beaten = 0, 0.0

    def word(self) -> int:
        """Return what the chair, a failed ring and this process wish."""
        while (message := self._mail.receive()) is not None:
            self._wish |= message.word
        return self._wish | self._wanted()

    def beat(self) -> None:
        """Tell the chair, now and then."""
        if time.monotonic() - self._beaten > BEAT_EVERY:
            self._beaten = time.monotonic()
            self._mail.send(Beaten(self._ring), 0)

    def begin(self, fold: int, merits: list[float]) -> None:
        """Tell the chair."""
        self._mail.send(Begun(fold, merits), 0)

    def tell(self, fold: int, epoch: int, values: Values) -> None:
        """Keep it: between two epochs the chair's own fold speaks for the trial."""

    def reach(self, fold: int, epoch: int, values: Values) -> None:
        """Tell the chair."""
        self._mail.send(Reached(fold, epoch, values), 0)

    def end(self, fold: int, values: Values) -> None:
        """Keep it: the last epoch has said it."""

    def leave(self, word: int) -> None:
        """Tell the chair."""
        self._mail.send(Left(self._ring, word), 0)


class Chair:
    """Leads the first ring, speaks with the study, and keeps the rings together."""

    def __init__(
        self, mail: Mail, leading: Sequence[int], curve: Curve, control: Control, wanted: Callable[[], int]
    ) -> None:
        """Start before any fold.

        Args:
            mail: The group's mailbox.
            leading: The group rank that leads each ring.
            curve: What the folds mean to the study.
            control: The line to the coordinator.
            wanted: Asks for this process' own reasons to leave, as control bits.
        """
        self._mail, self._curve, self._control, self._wanted = mail, curve, control, wanted
        self._running = dict(enumerate(leading))
        self._silent = set(self._running)
        self._wish = 0

    def word(self) -> int:
        """Hear everybody, pass wishes on, and return them."""
        self._listen()
        self._advise(self._wanted() | WORDS[self._control.advice()])
        return self._wish

    def beat(self) -> None:
        """Hear the other leaders too: validation has no steps to do it between."""
        self._listen()
        self._hear_beat(0)

    def begin(self, fold: int, merits: list[float]) -> None:
        """Begin this fold's part of the curve."""
        self._heed(self._curve.begin(fold, merits))

    def tell(self, fold: int, epoch: int, values: Values) -> None:
        """Report values of the first ring."""
        self._heed(self._curve.tell(fold, epoch, values))

    def reach(self, fold: int, epoch: int, values: Values) -> None:
        """Report what the epoch completes."""
        self._heed(self._curve.reach(fold, epoch, values))

    def end(self, fold: int, values: Values) -> None:
        """Report what the fold completes."""
        self._heed(self._curve.end(fold, values))

    def leave(self, word: int) -> None:
        """Go on hearing the rings that still train, until all are through or one failed."""
        self._hear_left(0, word)
        wait_until(self._all_through)

    def _all_through(self) -> bool:
        """Look once; tell whether there is nobody left to wait for."""
        word = self.word()
        return not self._running or bool(word & STOP)

    def _listen(self) -> None:
        """Hear every message that has arrived."""
        while (message := self._mail.receive()) is not None:
            match message:
                case Begun(fold, merits):
                    self.begin(fold, merits)
                case Reached(fold, epoch, values):
                    self.reach(fold, epoch, values)
                case Beaten(ring):
                    self._hear_beat(ring)
                case Left(ring, word):
                    self._hear_left(ring, word)
                case Wish(word):
                    self._wish |= word

    def _hear_beat(self, ring: int) -> None:
        """Tell the study that the trial makes progress, once all rings that still train have made some."""
        self._silent.discard(ring)
        if not self._silent:
            self._control.beat()
            self._silent = set(self._running)

    def _hear_left(self, ring: int, word: int) -> None:
        """Expect nothing more of a ring; why it left early concerns all."""
        self._running.pop(ring, None)
        self._silent.discard(ring)
        self._advise(word)

    def _heed(self, verdict: Verdict) -> None:
        """Pass the study's verdict on."""
        self._advise(WORDS[verdict])

    def _advise(self, word: int) -> None:
        """Wish something of all rings that still train; what was wished before is not said again."""
        if word & ~self._wish:
            self._wish |= word
            for ring, leader in self._running.items():
                if ring:
                    self._mail.send(Wish(word), leader)
