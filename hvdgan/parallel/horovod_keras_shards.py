"""Shards of Keras processes over a Horovod process set; see `shards`."""

from typing import Any

from tensorflow import Tensor

from hvdgan.parallel.horovod_shards import ProcessSets
from hvdgan.parallel.shards import Shards, SoloShards


def open_shards(hvd: Any, sets: ProcessSets) -> Shards:
    """Return the shards of this process's model; Horovod has been initialised with the sets."""
    return KerasShards(hvd, sets.model(hvd.rank()), sets.shards) if sets.shards > 1 else SoloShards()


class KerasShards:
    """Collective calls on tensors, inside of graphs only: TensorFlow tells their names apart there.

    Args:
        hvd: The module `horovod.tensorflow`.
        members: The process set of the model.
        count: Its shards.
    """

    def __init__(self, hvd: Any, members: Any, count: int) -> None:
        self.index, self.count = hvd.rank() % count, count
        self._hvd, self._members = hvd, members

    def join(self, tensor: Tensor) -> Tensor:
        """Return the tensors of all shards joined along the first axis."""
        return self._hvd.allgather(tensor, name="hvdgan/join", process_set=self._members)

    def total(self, tensor: Tensor) -> Tensor:
        """Return the sum of the tensors of all shards."""
        return self._hvd.allreduce(tensor, name="hvdgan/total", op=self._hvd.Sum, process_set=self._members)

    def scatter(self, tensor: Tensor) -> Tensor:
        """Return this shard's part of the sum; Horovod cuts as `shards.cut` does."""
        return self._hvd.reducescatter(tensor, name="hvdgan/scatter", op=self._hvd.Sum, process_set=self._members)
