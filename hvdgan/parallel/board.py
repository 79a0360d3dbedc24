"""The board: some numbers that the leaders of all replicas see, through which they keep together without a master.

It lies in the memory of the first replica's leader. On it are the steps that were claimed, the word that concerns
all, who has come where, signs of life, and locks. Nobody waits without a way out: a replica that fails says so here,
and one that says nothing for too long is taken for lost.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from numpy.typing import NDArray

from hvdgan.errors import RingBrokenError, RingShutError, UsageError
from hvdgan.parallel.waiting import wait_until
from hvdgan.parallel.windows import Window

OWNER = 0
"""The leader that holds the board."""

CLAIMS, WORD, LOST, GONE, PARTED, HEADER = range(6)
"""Steps claimed, bits for all, bits of the replicas that fell silent and of those that failed, how all part; and how
many numbers these are."""

START, MEET, READ, STORED, END, BEAT, PLACES = range(7)
"""Where a replica has come, and how often: one number for each replica; and how many of them there are."""

FAILED = 1 << 16
"""Bit of the word beyond those of rings: a replica failed, and none goes on."""

MOST = 62
"""Replicas that fit into the bits of a number."""

SILENCE = 0.5
"""In units of `training.stall_timeout`: so long without a sign of life is a loss; rings wait longer for a leader."""


def board_size(replicas: int, locks: int) -> int:
    """Return how many numbers a board has.

    Raises:
        UsageError: There are too many replicas.
    """
    if replicas > MOST:
        raise UsageError(f"{replicas} replicas are too many; training.replicas is at most {MOST}")
    return HEADER + PLACES * replicas + locks


class Board:
    """One leader's view of the board.

    Args:
        window: Whose first owner's memory is the board.
        replica: This one.
        replicas: How many there are.
        silence: Seconds without a sign of life after which a replica is lost.
        tolerant: Whether the others go on without it; else they fail, too.
    """

    def __init__(self, window: Window, replica: int, replicas: int, silence: float, tolerant: bool) -> None:
        self.replica, self.replicas = replica, replicas
        self._window, self._silence, self._tolerant = window, silence, tolerant
        self._counts = [0] * PLACES
        self._parted = 0
        self._heard: dict[int, tuple[int, float]] = {}

    def claim(self, count: int, limit: int) -> int:
        """Claim some of the steps that are left below a limit, counted over all replicas; return how many there were.

        Args:
            count: At most so many.
            limit: Steps of all replicas until the end of the epoch.
        """
        before = self._window.add(OWNER, CLAIMS, count)
        granted = min(max(limit - before, 0), count)
        if granted < count:
            self.release(count - granted)
        return granted

    def release(self, count: int) -> None:
        """Give claimed steps back that were not done."""
        self._window.add(OWNER, CLAIMS, -count)

    def claimed(self) -> int:
        """Return how many steps all replicas have claimed."""
        return int(self._read()[CLAIMS])

    def tell(self, word: int) -> None:
        """Tell all replicas."""
        self._window.join(OWNER, WORD, word)

    def hear(self) -> int:
        """Return what was told, after a sign of life of this replica.

        Raises:
            RingBrokenError: A replica failed, or this one was taken for lost.
        """
        self.beat()
        return self._heed(self._read())

    def beat(self) -> None:
        """Give a sign of life."""
        self._count(BEAT)

    def give_up(self) -> None:
        """Say that this replica failed."""
        self._window.join(OWNER, GONE, 1 << self.replica)
        if not self._tolerant:
            self.tell(FAILED)

    def lost(self) -> list[int]:
        """Return the replicas that fell silent."""
        return _list(int(self._read()[LOST]))

    def missing(self) -> list[int]:
        """Return the replicas that do not train any more: lost ones and failed ones."""
        board = self._read()
        return _list(int(board[LOST] | board[GONE]))

    def come(self, place: int) -> None:
        """Say that this replica has come to a place once more."""
        self._count(place)

    def arrive(self, place: int, word: int = 0) -> None:
        """Come to a place, and wait for the others.

        Args:
            place: START, MEET or READ.
            word: Bits of the word that end the waiting, too.

        Raises:
            RingBrokenError: A replica failed, or fell silent and that is not tolerated.
        """
        self.come(place)
        self.await_others(place, word)

    def part(self) -> bool:
        """Come to the END, and wait for the others, whatever became of them.

        The first to know decides for all: its number on the board is twice the round, and one more if all have come.

        Returns:
            Whether all have come, so that all can do something together; the same on all of them.
        """
        self.come(END)
        complete: list[bool] = []
        wait_until(lambda: bool(complete.extend(self._look_back()) or complete))
        count, before = self._counts[END], self._parted
        if before // 2 < count:
            found = self._window.swap(OWNER, PARTED, before, 2 * count + complete[0])
            self._parted = 2 * count + complete[0] if found == before else found
        return self._parted == 2 * count + 1

    def await_others(self, place: int, word: int = 0) -> None:
        """Wait until the others have come to a place as often as this replica; see `arrive`."""
        wait_until(lambda: self._all_there(place, word))

    def restart(self, claims: int | None) -> None:
        """Begin anew between END and START, where nobody looks at these numbers.

        Args:
            claims: Steps done by all replicas together; None leaves the common numbers to another replica.
        """
        for place in (MEET, READ, STORED):
            self._counts[place] = 0
            self._window.set(OWNER, self._slot(place), 0)
        if claims is not None:
            self._window.set(OWNER, CLAIMS, claims)
            word = int(self._read()[WORD])
            self._window.swap(OWNER, WORD, word, word & FAILED)

    @contextmanager
    def locked(self, number: int) -> Iterator[None]:
        """Hold a lock in the block; what a lost replica held is taken from it.

        Raises:
            RingBrokenError: The holder fell silent, and that is not tolerated; or a replica failed.
        """
        place = HEADER + PLACES * self.replicas + number
        wait_until(lambda: self._take(place))
        try:
            yield
        finally:
            self._window.swap(OWNER, place, self.replica + 1, 0)

    def _take(self, place: int) -> bool:
        """Try to take a lock; the number of a free one is 0, else that of its holder, counted from 1."""
        holder = self._window.swap(OWNER, place, 0, self.replica + 1)
        if holder == 0:
            return True
        board = self._read()
        self._heed(board)
        self._judge(holder - 1, board)
        if board[LOST] >> (holder - 1) & 1:
            return self._window.swap(OWNER, place, holder, self.replica + 1) == holder
        return False

    def _all_there(self, place: int, word: int) -> bool:
        """Look once; tell whether there is nobody left to wait for."""
        self.beat()
        board = self._read()
        if self._heed(board) & word:
            return True
        waiting = self._behind(place, board, board[LOST] | board[GONE])
        for one in waiting:
            self._judge(one, board)
        return not waiting

    def _look_back(self) -> list[bool]:
        """Look once at who has come to the END: nothing while somebody is to be waited for, else whether all have."""
        self.beat()
        board = self._read()
        absent = int(board[LOST] | (board[GONE] if self._tolerant else 0))
        waiting = [one for one in self._behind(END, board, absent) if not self._is_silent(one, board)]
        return [] if waiting else [not absent and not self._behind(END, board, 0)]

    def _behind(self, place: int, board: NDArray, absent: int) -> list[int]:
        """Return the replicas that have not come to a place as often as this one, but for those that are absent."""
        came = {one: board[self._slot(place, one)] for one in range(self.replicas) if not absent >> one & 1}
        return [one for one, count in came.items() if count < self._counts[place]]

    def _heed(self, board: NDArray) -> int:
        """Return the word of a board that was read."""
        if board[WORD] & FAILED:
            gone = ", ".join(map(str, _list(int(board[GONE]))))
            raise RingBrokenError(f"replica {gone} failed, and the others do not go on without it")
        if board[LOST] >> self.replica & 1:
            raise RingBrokenError(
                f"replica {self.replica} gave no sign of life for {self._silence:g} s, and the others went on without "
                "it; raise training.stall_timeout if its steps take that long"
            )
        return int(board[WORD])

    def _judge(self, replica: int, board: NDArray) -> None:
        """Take a replica for lost that gave no sign of life for too long."""
        if self._is_silent(replica, board):
            if not self._tolerant:
                raise RingShutError(f"replica {replica} gave no sign of life for {self._silence:g} s")
            self._window.join(OWNER, LOST, 1 << replica)

    def _is_silent(self, replica: int, board: NDArray) -> bool:
        """Tell whether a replica gave no sign of life for too long; whoever waits asks again and again."""
        beats, now = int(board[self._slot(BEAT, replica)]), time.monotonic()
        known, since = self._heard.setdefault(replica, (beats, now))
        if known != beats:
            self._heard[replica] = beats, now
        return known == beats and now - since > self._silence

    def _count(self, place: int) -> None:
        """Count this replica's own number up."""
        self._counts[place] += 1
        self._window.set(OWNER, self._slot(place), self._counts[place])

    def _slot(self, place: int, replica: int | None = None) -> int:
        """Return where a number of a replica stands; its own by default."""
        return HEADER + place * self.replicas + (self.replica if replica is None else replica)

    def _read(self) -> NDArray:
        """Return all numbers but the locks."""
        return self._window.read(OWNER, HEADER + PLACES * self.replicas)


def _list(bits: int) -> list[int]:
    """Return the numbers of the bits that are set.

    >>> _list(5)
    [0, 2]
    """
    return [number for number in range(bits.bit_length()) if bits >> number & 1]
