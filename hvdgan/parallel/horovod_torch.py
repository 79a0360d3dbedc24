"""Rings of torch processes over Horovod; `open_ring` is the way in.

Gradients are averaged by `hvd.DistributedOptimizer`: the all-reduce of a weight's gradient starts as soon as the
backward pass has it, and `step` waits for all of them.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from types import MethodType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hvdgan.errors import HvdganError
from hvdgan.parallel.horovod_ring import HorovodRing
from hvdgan.parallel.horovod_shards import ProcessSets
from hvdgan.parallel.horovod_start import broken_told, count_ranks, load_horovod, started
from hvdgan.parallel.horovod_torch_shards import open_shards
from hvdgan.parallel.ring import Ring, SoloRing
from hvdgan.parallel.shards import is_part
from hvdgan.parallel.topology import Nesting, ring_size
from hvdgan.parallel.world import World


@contextmanager
def open_ring(world: World, stall_timeout: float = 300.0, compression: str = "none", shards: int = 1) -> Iterator[Ring]:
    """Open the ring over all processes of a world; every rank leaves it at the end of the block. Collective.

    Args:
        world: An MPI world, or a world of one: alone, or one process of `horovodrun --gloo`.
        stall_timeout: Seconds without a step after which the peers of a rank are freed.
        compression: Of gradients on their way: "none" or "fp16".
        shards: Ranks that hold one model together, see `shards`.

    Raises:
        UsageError: The models leave ranks over.
        RingBrokenError: Another rank left while this one was in the block.
        MissingDependencyError: Several processes, but no Horovod built for torch.
    """
    ranks = count_ranks(world)
    ring_size(ranks, Nesting(shards=shards))
    if ranks == 1:
        yield SoloRing()
        return
    sets = ProcessSets(load_horovod("torch"), ranks, shards)
    with started("torch", world, stall_timeout, sets.static()) as hvd:
        channel = TorchChannel(hvd, getattr(hvd.Compression, compression), sets)
        with closing(HorovodRing(channel, open_shards(hvd, sets))) as ring:
            yield ring


class TorchChannel:
    """Horovod's collective calls for torch; arrays in, arrays out."""

    def __init__(self, hvd: Any, compression: Any, sets: ProcessSets) -> None:
        """Take over `horovod.torch`, started with the process sets, and one of its compressions for gradients."""
        self._hvd, self._compression = hvd, compression
        self.rank, self.size = hvd.rank(), hvd.size()
        self._averaging = {True: sets.peers(self.rank), False: sets.everyone}
        self._optimizers: dict[str, Any] = {}

    def wrap(self, optimizer: torch.optim.Optimizer, network: torch.nn.Module, name: str) -> torch.optim.Optimizer:
        """Return an optimizer of the same class that averages the gradients of the network before each step.

        Raises:
            HvdganError: A weight of the optimizer is frozen: its gradient would never be averaged.
        """
        named = [(f"{name}/{key}", weight) for key, weight in network.named_parameters()]
        frozen = {id(weight): key for key, weight in named if not weight.requires_grad}
        caught = [frozen[id(w)] for group in optimizer.param_groups for w in group["params"] if id(w) in frozen]
        if caught:
            raise HvdganError(
                f"{caught[0]} is frozen while its optimizer is wrapped, and would never be averaged over the ring; "
                "call ring.wrap before freezing, or leave it out of the optimizer"
            )
        wrapped = self._hvd.DistributedOptimizer(optimizer, named_parameters=named, compression=self._compression)
        self._guard(wrapped, name)
        self._optimizers[name] = wrapped
        return wrapped

    def guarded(self) -> AbstractContextManager[None]:
        """Return a block in which Horovod's error for a lost rank becomes ours."""
        return broken_told()

    def sum(self, name: str, array: NDArray) -> NDArray:
        """Return the sum over the ranks."""
        with broken_told():
            return self._hvd.allreduce(_tensor(array), name=name, op=self._hvd.Sum).numpy()

    def broadcast(self, name: str, array: NDArray) -> NDArray:
        """Return rank 0's array."""
        with broken_told():
            return self._hvd.broadcast(_tensor(array), 0, name=name).numpy()

    def gather(self, name: str, array: NDArray) -> NDArray:
        """Return the one-dimensional arrays of all ranks in a row."""
        with broken_told():
            return self._hvd.allgather(_tensor(array), name=name).numpy()

    def post_maximum(self, name: str, array: NDArray) -> Any:
        """Post an array for an elementwise maximum."""
        with broken_told():
            return self._hvd.allreduce_async(_tensor(array), name=name, op=self._hvd.Max)

    def wait(self, ticket: Any) -> NDArray:
        """Return the result of what was posted."""
        with broken_told():
            return self._hvd.synchronize(ticket).numpy()

    def shutdown(self) -> None:
        """Leave."""
        self._optimizers.clear()
        self._hvd.shutdown()

    def _guard(self, wrapped: Any, name: str) -> None:
        """Let a lost rank, and a stray gradient, leave the optimizer as errors of ours.

        `_allreduce_grad_async` is what Horovod's hooks call in the backward pass.
        """
        step, post = wrapped.step, wrapped._allreduce_grad_async

        def guarded_step(_: Any, closure: Callable[[], Any] | None = None) -> Any:
            self._refuse_strays(name)
            with broken_told():
                return step(closure)

        def guarded_post(_: Any, weight: torch.Tensor) -> Any:
            if weight.grad is not None:
                weight.grad = weight.grad.contiguous()  # Horovod refuses the gradients of channels-last weights
            wrapped.process_set = self._averaging[is_part(weight)]
            with broken_told():
                return post(weight)

        wrapped.step = MethodType(guarded_step, wrapped)
        wrapped._allreduce_grad_async = MethodType(guarded_post, wrapped)

    def _refuse_strays(self, stepping: str) -> None:
        """Refuse a step while the gradients of another network are under way.

        Raises:
            HvdganError: They are: that network was not frozen.
        """
        for name, optimizer in self._optimizers.items():
            if name != stepping and optimizer._handles:
                raise HvdganError(
                    f"the step of the {stepping} also computed gradients of the {name}, and the ring began to average "
                    f"them; freeze the {name} around this step (requires_grad_(False)), and unfreeze it afterwards"
                )


def _tensor(array: NDArray) -> torch.Tensor:
    """Return a tensor with a copy of the array."""
    return torch.from_numpy(np.array(array, order="C"))
