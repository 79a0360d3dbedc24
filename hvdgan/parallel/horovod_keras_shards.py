"""Shards of Keras processes over a Horovod process set; see `shards`."""

from typing import Any

import tensorflow as tf
from tensorflow import Tensor

from hvdgan.parallel.horovod_shards import ProcessSets
from hvdgan.parallel.shards import Shards, SoloShards


def open_shards(hvd: Any, sets: ProcessSets) -> Shards:
    """Return the shards of this process's model; Horovod has been initialised with the sets."""
    return KerasShards(hvd, sets.model(hvd.rank()), sets.shards) if sets.shards > 1 else SoloShards()


class KerasShards:
    """Collective calls on tensors, inside of graphs only: TensorFlow gives names there.

    The names count the calls that went into graphs, and leave out the layers around them: what Keras calls a layer
    depends on what a process did before.

    Args:
        hvd: The module `horovod.tensorflow`.
        members: The process set of the model.
        count: Its shards.
    """

    def __init__(self, hvd: Any, members: Any, count: int) -> None:
        self.index, self.count = hvd.rank() % count, count
        self._hvd, self._members, self._calls = hvd, members, 0

    def join(self, tensor: Tensor) -> Tensor:
        """Return the tensors of all shards joined along the first axis."""
        return self._call(self._hvd.allgather, "join", tensor)

    def total(self, tensor: Tensor) -> Tensor:
        """Return the sum of the tensors of all shards."""
        return self._call(self._hvd.allreduce, "total", tensor, op=self._hvd.Sum)

    def scatter(self, tensor: Tensor) -> Tensor:
        """Return this shard's part of the sum; Horovod cuts as `shards.cut` does."""
        return self._call(self._hvd.reducescatter, "scatter", tensor, op=self._hvd.Sum)

    def _call(self, function: Any, word: str, tensor: Tensor, **settings: Any) -> Tensor:
        """Put a collective call into the graph, under a name of its own."""
        self._calls += 1
        with tf.name_scope(f"hvdgan/{self._calls}/"):
            return function(tensor, name=word, process_set=self._members, **settings)
