"""Shards of torch processes over a Horovod process set; see `shards`."""

from typing import Any

from torch import Tensor

from hvdgan.parallel.horovod_shards import ProcessSets
from hvdgan.parallel.horovod_start import broken_told
from hvdgan.parallel.shards import Shards, SoloShards


def open_shards(hvd: Any, sets: ProcessSets) -> Shards:
    """Return the shards of this process's model; Horovod has been initialised with the sets."""
    return TorchShards(hvd, sets.model(hvd.rank()), sets.shards) if sets.shards > 1 else SoloShards()


class TorchShards:
    """Collective calls on tensors whose shape is told in their name: Horovod remembers calls by name and shape.

    Args:
        hvd: The module `horovod.torch`.
        members: The process set of the model.
        count: Its shards.
    """

    def __init__(self, hvd: Any, members: Any, count: int) -> None:
        self.index, self.count = hvd.rank() % count, count
        self._hvd, self._members = hvd, members

    def __deepcopy__(self, memory: Any) -> "TorchShards":
        """Return itself: a copy of a network is on the same processes."""
        return self

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
        """Make a collective call on the values of a tensor."""
        shape = tensor.shape[1:] if word == "join" else tensor.shape
        name = f"hvdgan/{word}/{'x'.join(map(str, shape))}"
        with broken_told():
            return function(tensor.detach().contiguous(), name=name, process_set=self._members, **settings)
