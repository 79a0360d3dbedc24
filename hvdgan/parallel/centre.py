"""The centre variable: one vector that all replicas move, held in equal pieces by their leaders.

No process does nothing but hold it, and no link carries all of it. A piece is got, moved and put back under its lock;
each replica begins with its own piece, so that they rarely wait for each other.
"""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from hvdgan.parallel.board import Board
from hvdgan.parallel.rules import Meeting, Rule, Vector, Vectors, cut
from hvdgan.parallel.windows import Window


def pieces(length: int, replicas: int) -> list[slice]:
    """Return the part of the vector that each replica holds.

    >>> pieces(5, 2)
    [slice(0, 2, None), slice(2, 5, None)]
    """
    ends = [length * number // replicas for number in range(replicas + 1)]
    return [slice(*pair) for pair in pairwise(ends)]


def count_numbers(length: int, rule: Rule, replica: int, replicas: int) -> int:
    """Return how many numbers a replica holds: its piece, and what the rule keeps beside it."""
    piece = pieces(length, replicas)[replica]
    return (1 + len(rule.shared)) * (piece.stop - piece.start)


class Centre:
    """The centre as one replica sees it.

    Args:
        window: Memory of all leaders; each has room for `count_numbers`.
        board: Keeps the locks.
        rule: How replica and centre move.
        weights: Where all begin, (length,).
        first_lock: Number on the board of the first piece's lock.
    """

    def __init__(self, window: Window, board: Board, rule: Rule, weights: Vector, first_lock: int) -> None:
        self._window, self._board, self._rule, self._first_lock = window, board, rule, first_lock
        self._pieces = pieces(len(weights), board.replicas)
        self._dtype = weights.dtype
        begun = rule.begin(weights)
        self._own = begun.own
        self._put(board.replica, begun.centre[self._mine], cut(begun.shared, self._mine))

    def exchange(self, local: Vector) -> Vector:
        """Let replica and centre meet, piece by piece; return the replica's new weights.

        Raises:
            RingBrokenError: Another replica failed or fell silent.
        """
        local = local.astype(self._dtype)
        for turn in range(self._board.replicas):
            number = (self._board.replica + turn) % self._board.replicas
            part = self._pieces[number]
            with self._board.locked(self._first_lock + number):
                centre, shared = self._get(number)
                parted = self._rule.move(Meeting(local[part], centre, cut(self._own, part), shared))
                self._put(number, parted.centre, parted.shared)
            local[part] = parted.local
            for name, vector in parted.own.items():
                self._own[name][part] = vector
        return local

    def read(self) -> Vector:
        """Return the centre; no piece of it is half moved."""
        vector = np.empty(self._pieces[-1].stop, dtype=self._dtype)
        for number, part in enumerate(self._pieces):
            with self._board.locked(self._first_lock + number):
                vector[part] = self._window.read(number, part.stop - part.start)
        return vector

    def memory(self) -> Vectors:
        """Return what this replica remembers, and what is kept beside its own piece of the centre."""
        _, shared = self._get(self._board.replica)
        return {**self._own, **{f"shared/{name}": vector for name, vector in shared.items()}}

    def remember(self, memory: Mapping[str, Vector]) -> None:
        """Take over what `memory` returned."""
        self._own = {name: memory[name].astype(self._dtype) for name in self._own}
        centre, shared = self._get(self._board.replica)
        self._put(self._board.replica, centre, {name: memory[f"shared/{name}"] for name in shared})

    @property
    def _mine(self) -> slice:
        """The piece that this replica holds."""
        return self._pieces[self._board.replica]

    def _get(self, number: int) -> tuple[Vector, Vectors]:
        """Return a piece of the centre, and what is kept beside it."""
        length, count = self._pieces[number].stop - self._pieces[number].start, 1 + len(self._rule.shared)
        rows = self._window.read(number, count * length).reshape(count, length)
        return rows[0], dict(zip(self._rule.shared, rows[1:], strict=True))

    def _put(self, number: int, centre: Vector, shared: Mapping[str, Vector]) -> None:
        """Set a piece of the centre, and what is kept beside it."""
        self._window.write(number, np.concatenate([centre, *(shared[name] for name in self._rule.shared)]))
