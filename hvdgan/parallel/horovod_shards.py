"""The process sets of a ring whose models are in shards: the same in every framework.

Horovod wants them before it starts, so they are made of numbers of ranks alone. A set of all ranks is Horovod's own.
"""

from typing import Any

from hvdgan.parallel.shards import list_models, list_peers, ranks_of


class ProcessSets:
    """One set for each model, and one for the ranks that hold the same shard.

    Args:
        hvd: The module `horovod.<framework>`; need not be initialised.
        ranks: Ranks of the ring.
        shards: Shards of a model; they divide the ranks.
    """

    def __init__(self, hvd: Any, ranks: int, shards: int) -> None:
        self.shards, self.everyone = shards, hvd.global_process_set
        self._models, self._peers = list_models(ranks, shards), list_peers(ranks, shards)
        groups = {tuple(group) for group in [*self._models, *self._peers] if len(group) < ranks}
        self._sets = {group: hvd.ProcessSet(list(group)) for group in sorted(groups)}

    def static(self) -> list[Any]:
        """Return what Horovod has to know when it starts."""
        return list(self._sets.values())

    def model(self, rank: int) -> Any:
        """Return the set of the model that a rank belongs to."""
        return self._find(self._models, rank)

    def peers(self, rank: int) -> Any:
        """Return the set of the ranks that hold the same shard as a rank."""
        return self._find(self._peers, rank)

    def _find(self, groups: list[list[int]], rank: int) -> Any:
        """Return the set of the group that a rank is in."""
        return self._sets.get(tuple(ranks_of(groups, rank)), self.everyone)
