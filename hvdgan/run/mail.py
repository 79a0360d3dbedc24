"""What the leaders of a group's rings write to each other, and the mailbox it goes through."""

from dataclasses import dataclass
from typing import Any

from hvdgan.parallel.world import World
from hvdgan.run.curve import Values


@dataclass(frozen=True)
class Begun:
    """A fold begins; with the merit of every epoch that an earlier attempt trained."""

    fold: int
    merits: list[float]


@dataclass(frozen=True)
class Reached:
    """A fold has finished an epoch."""

    fold: int
    epoch: int
    values: Values


@dataclass(frozen=True)
class Beaten:
    """A ring makes progress."""

    ring: int


@dataclass(frozen=True)
class Left:
    """A ring is through; the word is 0, or says why it left early."""

    ring: int
    word: int


@dataclass(frozen=True)
class Wish:
    """A ring should leave, for the reasons in the word."""

    word: int


class Mail:
    """The mailbox of a group during one trial: counts letters, so that none is left for the next trial."""

    def __init__(self, group: World) -> None:
        """Start with nothing sent; the group's mailbox is empty."""
        self._group = group
        self._sent = [0] * group.size
        self._received = 0

    def send(self, message: Any, to: int) -> None:
        """Post a message to a rank of the group."""
        self._sent[to] += 1
        self._group.send(message, to)

    def receive(self) -> Any | None:
        """Return the next message, or None when there is none yet."""
        arrived = self._group.receive(0)
        if arrived is None:
            return None
        self._received += 1
        return arrived[1]

    def close(self, value: Any) -> list[Any]:
        """Come together, empty the mailbox, and return every rank's value. Collective."""
        told = self._group.gather((self._sent, value))
        due = sum(sent[self._group.rank] for sent, _ in told)
        for _ in range(due - self._received):
            self._group.receive()
        return [value for _, value in told]
