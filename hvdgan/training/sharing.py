"""Sharing: one ring's copy of the networks beside the others' copies: meets the centre, and has files of its own.

Where a ring is alone, there is neither.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np

from hvdgan.backends.interface import Gan, State, is_trained
from hvdgan.parallel.agreement import lead, together
from hvdgan.parallel.exchange import Exchange
from hvdgan.parallel.ring import Ring
from hvdgan.training.checkpoint import Saved, load_step, save_checkpoint
from hvdgan.training.standing import Position, Walk

MEMORY = "exchange/"
"""How the names of what an exchange remembers begin in a replica's checkpoint."""


class Sharing:
    """Ties networks, exchange and files.

    Args:
        gan: This ring's networks.
        ring: Its ranks.
        exchange: With the other rings.
        directory: Folder of all checkpoints of the training.
        keep: How many of the newest checkpoints stay on disk.
    """

    def __init__(self, gan: Gan, ring: Ring, exchange: Exchange, directory: Path, keep: int) -> None:
        self._gan, self._ring, self._exchange, self._keep = gan, ring, exchange, keep
        self._alone = exchange.replicas == 1
        self._directory = directory / f"replica-{exchange.replica}"

    def start(self, position: Position, steps: int) -> Walk:
        """Open the exchange at the networks' weights, go on with this replica's own; return how far it has walked.

        Args:
            position: Of the training.
            steps: Of an epoch.
        """
        alike = Walk(position.epoch, position.step, position.steps)
        if self._alone:
            return alike
        weights = self._weights()
        self._exchange.start(weights, set(filter(is_trained, weights)), steps, position.epoch * steps + position.step)
        saved = together(self._ring, lambda: self._load(position.steps))
        walk = lead(self._ring, lambda: saved and saved.manifest["walk"])
        if walk is None:
            return alike
        state = self._ring.broadcast(saved.state if saved else {})
        self._gan.restore({name: array for name, array in state.items() if not name.startswith(MEMORY)})
        memory = {name.removeprefix(MEMORY): array for name, array in state.items() if name.startswith(MEMORY)}
        self._exchange.recall(memory)
        return Walk(**walk)

    def swap(self, steps: int) -> None:
        """Meet the centre, if it is time for it after so many steps of this ring."""
        if self._exchange.due(steps):
            self._gan.take(self._exchange.swap(self._weights()))

    def store(self, walk: Walk, number: int) -> None:
        """Store this replica.

        Args:
            walk: How far it is.
            number: Steps behind the checkpoint of the whole training that it belongs to.
        """
        if self._alone:
            return
        memory = {MEMORY + name: array for name, array in self._exchange.memory().items()}
        state = {**self._gan.state(), **memory}
        lead(self._ring, lambda: self._save(walk, number, state))
        self._exchange.stored()

    @contextmanager
    def at_centre(self) -> Iterator[None]:
        """Let the networks have the centre's weights in the block, and their own again afterwards."""
        centre = self._exchange.centre()
        own = self._weights() if centre else {}
        self._gan.take(centre)
        yield
        self._gan.take(own)

    def _weights(self) -> State:
        """Return what replicas exchange: real numbers; counters of layers stay their own."""
        return {name: array for name, array in self._gan.weights().items() if np.issubdtype(array.dtype, np.floating)}

    def _load(self, number: int) -> Saved | None:
        """Return this replica's checkpoint, on rank 0, if there is one; else it begins at the centre."""
        return load_step(self._directory, number) if self._ring.rank == 0 else None

    def _save(self, walk: Walk, number: int, state: State) -> str:
        """Store it; one more is kept than of the training, whose latest may be the one before."""
        path = save_checkpoint(self._directory, number, state, {"walk": asdict(walk)}, best=False, keep=self._keep + 1)
        return str(path)
