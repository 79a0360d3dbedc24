"""Replicas: several rings that train copies of the networks and share what they learn; an Exchange of several.

The first rank of each ring, its leader, meets the centre; the ring is then brought in step. Nobody else talks to
another ring.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from itertools import repeat
from typing import Any

import numpy as np

from hvdgan.config import Training
from hvdgan.parallel.agreement import lead, together
from hvdgan.parallel.board import SILENCE, Board, board_size
from hvdgan.parallel.exchange import ENDLESS, EPOCH, State
from hvdgan.parallel.leader import AHEAD, Leader, Member
from hvdgan.parallel.ring import Ring
from hvdgan.parallel.windows import open_window
from hvdgan.parallel.world import World

LOCKS = 2
"""Of each piece: the centre has two parts, see `leader`."""


class Replicas:
    """One rank's view of several replicas; see `exchange.Exchange` for the contract.

    Args:
        ring: The ranks of this replica.
        replica: Its number.
        settings: Section `training` of the configuration.
        leader: What this rank does if it leads its ring.
    """

    def __init__(self, ring: Ring, replica: int, settings: Training, leader: Leader | Member) -> None:
        self.replica, self.replicas, self.leads = replica, settings.replicas, replica == 0
        self._ring, self._leader, self._every = ring, leader, settings.exchange.every
        self._done = self.shared = 0

    @property
    def moved(self) -> int:
        """Bytes that the leader moved."""
        return self._leader.moved

    def start(self, weights: State, trained: Collection[str], steps: int, done: int) -> None:
        """Let the leaders open the centre."""
        self._done = done
        self._lead(lambda: self._leader.start(weights, trained, steps, done))

    def recall(self, memory: State) -> None:
        """Let the leader remember."""
        self._lead(lambda: self._leader.recall(memory) if memory else None)

    def memory(self) -> State:
        """Ask the leader."""
        return together(self._ring, lambda: self._leader.memory() if self._ring.rank == 0 else {})

    def laps(self) -> Iterable[None]:
        """Walk through the events again and again: others may be slower."""
        return repeat(None)

    def claim(self, epoch: int) -> int:
        """Claim the first steps; where the epoch is nearly over these are all."""
        granted = self._lead(lambda: self._leader.claim(epoch))
        return ENDLESS if granted == AHEAD else granted

    def word(self) -> int:
        """Hear the leader's word, or nothing."""
        return self._leader.word()

    def due(self, steps: int) -> bool:
        """Meet the centre every so many steps."""
        return steps % self._every == 0

    def swap(self, weights: State) -> State:
        """Let the leader meet the centre, and take over what it brings back."""
        return self._share(lambda: self._leader.swap(weights))

    def meet(self, word: int) -> int:
        """Take the last word from the ring, and let the leaders meet."""
        word = (word | self._ring.exchange_word(0)) & ~EPOCH
        told = self._lead(lambda: self._leader.meet(word))
        self.leads, self._done = told["chief"] == self.replica, told["done"]
        return told["word"]

    def progress(self, steps: int) -> int:
        """Return what the last meeting found."""
        return self._done

    def count(self, steps: int) -> int:
        """Ask the leader."""
        return self._leader.count(steps)

    def centre(self) -> State:
        """Let the leader read it."""
        return self._share(lambda: self._leader.centre())

    def tell(self, word: int) -> None:
        """Let the leader tell it."""
        self._leader.tell(word)

    def stored(self) -> None:
        """Let the leader say it."""
        self._lead(lambda: self._leader.stored())

    def await_stored(self) -> None:
        """Let the leader wait."""
        self._lead(lambda: self._leader.await_stored())

    def beat(self) -> None:
        """Let the leader do it."""
        self._leader.beat()

    def finish(self) -> None:
        """Let the leaders come together."""
        self._lead(lambda: self._leader.finish())

    def missing(self) -> list[int]:
        """Ask the leader."""
        return self._lead(lambda: self._leader.missing())

    def lost(self) -> list[int]:
        """Ask the leader."""
        return self._lead(lambda: self._leader.lost())

    def _lead(self, compute: Any) -> Any:
        """Compute on the leader; return its value or raise its error on every rank of the ring."""
        return lead(self._ring, compute)

    def _share(self, compute: Any) -> State:
        """Compute arrays on the leader and return them on every rank of the ring."""
        state = self._ring.broadcast(together(self._ring, lambda: compute() if self._ring.rank == 0 else {}))
        self.shared += sum(array.nbytes for array in state.values()) if self._ring.rank else 0
        return state


@contextmanager
def open_replicas(ring: Ring, replica: int, leaders: World | None, settings: Training) -> Iterator[Replicas]:
    """Let a ring take part in the exchange of several; a failure in the block is told to the others. Collective.

    Args:
        ring: The ranks of this replica.
        replica: Its number.
        leaders: The leaders of all replicas, in their order; None on a rank that does not lead its ring.
        settings: Section `training` of the configuration.
    """
    leader = together(ring, lambda: _open_leader(leaders, settings))
    try:
        yield Replicas(ring, replica, settings, leader)
    except Exception:
        leader.give_up()
        raise
    finally:
        leader.close()


def _open_leader(leaders: World | None, settings: Training) -> Leader | Member:
    """Return what this rank does."""
    if leaders is None:
        return Member()
    own = settings.exchange
    size = board_size(leaders.size, LOCKS * leaders.size)
    window = open_window(leaders, size if leaders.rank == 0 else 0, np.int64)
    silence = SILENCE * settings.stall_timeout
    return Leader(leaders, Board(window, leaders.rank, leaders.size, silence, own.tolerate_loss), own, window)
