"""The leader of a replica: rank 0 of its ring, which alone meets the leaders of the others."""

from collections.abc import Collection

import numpy as np

from hvdgan.config import Exchange as Settings
from hvdgan.errors import NotFiniteError, RingBrokenError
from hvdgan.parallel.board import MEET, READ, START, STORED, Board
from hvdgan.parallel.centre import Centre, count_numbers
from hvdgan.parallel.exchange import BROKEN, DONE, EPOCH, State
from hvdgan.parallel.packing import flatten, unflatten
from hvdgan.parallel.rules import Rule, choose_rule, follow_rule
from hvdgan.parallel.windows import Window, open_window
from hvdgan.parallel.world import World

AHEAD = 2
"""Steps that a ring has claimed before it needs them: a control word is read one step late."""

TRAINED, FOLLOWED = "trained", "followed"
"""The two parts of the centre: what gradients train, and what follows the mean of the replicas."""


class Member:
    """A rank that does not lead its ring: what its leader alone does, it leaves to it."""

    moved = 0

    def word(self) -> int:
        """Wish nothing."""
        return 0

    def count(self, steps: int) -> int:
        """Return the steps as they are."""
        return steps

    def tell(self, word: int) -> None:
        """Leave it to the leader."""

    def beat(self) -> None:
        """Leave it to the leader."""

    def give_up(self) -> None:
        """Leave it to the leader."""

    def close(self) -> None:
        """Leave it to the leader."""


class Leader:
    """One leader among those of all replicas.

    Args:
        world: The leaders, in the order of replicas.
        board: Where they keep together.
        settings: Section `training.exchange` of the configuration.
        window: The board's memory.
    """

    def __init__(self, world: World, board: Board, settings: Settings, window: Window) -> None:
        self._world, self._board, self._settings, self._window = world, board, settings, window
        self._centres: dict[str, Centre] = {}
        self._windows: list[Window] = []
        self._held = self._counted = self._limit = self._before = 0

    def start(self, weights: State, trained: Collection[str], steps: int, done: int) -> None:
        """Wait for the others, open the centre with them, and set this replica's piece of it."""
        board, self._share = self._board, steps * self._board.replicas
        self._like = {
            TRAINED: {name: array for name, array in weights.items() if name in trained},
            FOLLOWED: {name: array for name, array in weights.items() if name not in trained},
        }
        board.restart(done * board.replicas if board.replica == 0 else None)
        board.arrive(START)
        rules = {TRAINED: choose_rule(self._settings, board.replicas), FOLLOWED: follow_rule(board.replicas)}
        for number, (part, rule) in enumerate(rules.items()):
            self._centres[part] = self._open(self._like[part], rule, number * board.replicas)
        board.arrive(START)
        self._held, self._counted = 0, board.claimed()

    def recall(self, memory: State) -> None:
        """Give the centres what they remember."""
        for part, centre in self._centres.items():
            own = {name.removeprefix(f"{part}/"): array for name, array in memory.items() if name.startswith(part)}
            centre.remember(own)

    def memory(self) -> State:
        """Ask the centres what they remember."""
        told = {part: centre.memory() for part, centre in self._centres.items()}
        return {f"{part}/{name}": vector for part, vectors in told.items() for name, vector in vectors.items()}

    def claim(self, epoch: int) -> int:
        """Claim the first steps of an epoch."""
        self._limit = (epoch + 1) * self._share
        self._held = self._board.claim(AHEAD, self._limit)
        return self._held

    def word(self) -> int:
        """Hear the others, and claim the step after the next one."""
        try:
            told = self._board.hear()
        except RingBrokenError:
            return BROKEN
        granted = self._board.claim(1, self._limit)
        self._held += granted - 1
        return told if granted else told | EPOCH

    def swap(self, weights: State) -> State:
        """Meet the centre with finite weights."""
        bad = [name for name, array in weights.items() if not np.isfinite(array).all()]
        if bad:
            raise NotFiniteError(f"{bad[0]} of replica {self._board.replica} holds NaN or infinity; lower the rates")
        self._meet(FOLLOWED, weights)
        return self._meet(TRAINED, weights)

    def meet(self, word: int) -> dict[str, int]:
        """Give steps back that were not done, come together, and return what all should know of it."""
        board = self._board
        board.release(self._held)
        self._held = 0
        if word & ~BROKEN:
            board.tell(word & ~BROKEN)
        board.arrive(MEET, DONE)
        chief = min(set(range(board.replicas)).difference(board.missing()))
        told = {"word": board.hear(), "done": board.claimed() // board.replicas, "chief": chief}
        if not told["word"] & DONE:
            board.arrive(READ, DONE)
        return told

    def centre(self) -> State:
        """Read both parts."""
        return {
            name: array
            for part, centre in self._centres.items()
            for name, array in unflatten(centre.read(), self._like[part]).items()
        }

    def count(self, steps: int) -> int:
        """Look at what was claimed."""
        before, self._counted = self._counted, self._board.claimed()
        return self._counted - before

    def tell(self, word: int) -> None:
        """Write it on the board."""
        self._board.tell(word)

    def stored(self) -> None:
        """Write it on the board."""
        self._board.come(STORED)

    def await_stored(self) -> None:
        """Look at the board."""
        self._board.await_others(STORED)

    def beat(self) -> None:
        """Write it on the board."""
        self._board.beat()

    def finish(self) -> None:
        """Come together, and close the centre."""
        self._centres, self._before = {}, self.moved
        self._part(self._windows)

    def give_up(self) -> None:
        """Write it on the board."""
        self._board.give_up()

    def close(self) -> None:
        """End a training that did not come to its own end, and leave the board together, unless the others go on."""
        if self._settings.tolerate_loss and self._board.replica in self.missing():
            return
        if self._windows:
            self.finish()
        self._part([self._window])

    def lost(self) -> list[int]:
        """Look at the board."""
        return self._board.lost()

    def missing(self) -> list[int]:
        """Look at the board."""
        return self._board.missing()

    @property
    def moved(self) -> int:
        """Bytes that went to and from the centre, in all trainings."""
        return self._before + sum(window.moved for window in self._windows)

    def _open(self, weights: State, rule: Rule, first_lock: int) -> Centre:
        """Open one part of the centre."""
        vector, board = flatten(weights), self._board
        if all(np.asarray(array).dtype.itemsize <= np.dtype(np.float32).itemsize for array in weights.values()):
            vector = vector.astype(np.float32)
        count = count_numbers(len(vector), rule, board.replica, board.replicas)
        self._windows.append(open_window(self._world, count, vector.dtype))
        return Centre(self._windows[-1], board, rule, vector, first_lock)

    def _meet(self, part: str, weights: State) -> State:
        """Meet one part of the centre."""
        like = self._like[part]
        vector = flatten({name: weights[name] for name in like})
        return unflatten(self._centres[part].exchange(vector), like)

    def _part(self, windows: list[Window]) -> None:
        """Come together, and close windows if everybody does; else they last as long as the process."""
        if self._board.part():
            for window in windows:
                window.close()
        windows.clear()
