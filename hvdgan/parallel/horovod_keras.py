"""Rings of Keras processes over Horovod; `open_ring` is the way in.

Horovod 0.28.1 does not know Keras 3, so gradients are averaged in the optimizer's own `apply`: one all-reduce for each
of them, which Horovod fuses. Collective calls run as small graphs: TensorFlow gives Horovod the names that pair the
ranks' calls in graphs only.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import cache
from typing import Any

import keras
import tensorflow as tf
from numpy.typing import NDArray

from hvdgan.parallel.horovod_keras_shards import open_shards
from hvdgan.parallel.horovod_ring import HorovodRing
from hvdgan.parallel.horovod_shards import ProcessSets
from hvdgan.parallel.horovod_start import SHUT, broken_told, count_ranks, load_horovod, started
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
        MissingDependencyError: Several processes, but no Horovod built for TensorFlow.
    """
    ranks = count_ranks(world)
    ring_size(ranks, Nesting(shards=shards))
    if ranks == 1:
        yield SoloRing()
        return
    sets = ProcessSets(load_horovod("tensorflow"), ranks, shards)
    with started("tensorflow", world, stall_timeout, sets.static()) as hvd:
        channel = KerasChannel(hvd, getattr(hvd.Compression, compression), sets)
        with closing(HorovodRing(channel, open_shards(hvd, sets))) as ring:
            yield ring


class KerasChannel:
    """Horovod's collective calls for TensorFlow; arrays in, arrays out."""

    def __init__(self, hvd: Any, compression: Any, sets: ProcessSets) -> None:
        """Take over `horovod.tensorflow`, started with the process sets, and one of its compressions for gradients."""
        self._hvd, self._compression = hvd, compression
        self.rank, self.size = hvd.rank(), hvd.size()
        self._averaging = {True: sets.peers(self.rank), False: sets.everyone}

    def wrap(self, optimizer: keras.Optimizer, network: keras.Model, name: str) -> keras.Optimizer:
        """Return an optimizer of the same class that averages the gradients of the network before each step.

        It asks for gradients of the weights that can be trained now; Keras itself refuses those of any other.
        """
        kind, hvd, compression = type(optimizer), self._hvd, self._compression
        members = [self._averaging[is_part(weight)] for weight in network.trainable_variables]

        def apply(self: keras.Optimizer, grads: list[Any], trainable_variables: list[Any] | None = None) -> None:
            means = [
                None
                if gradient is None
                else hvd.allreduce(
                    gradient,
                    op=hvd.Average,
                    name=f"{name}/{number}",
                    compression=compression,
                    process_set=members[number],
                )
                for number, gradient in enumerate(grads)
            ]
            kind.apply(self, means, trainable_variables)

        averaging = type(kind.__name__, (kind,), {"apply": apply})
        wrapped = averaging.from_config(optimizer.get_config())
        wrapped.build(network.trainable_variables)
        return wrapped

    def guarded(self) -> AbstractContextManager[None]:
        """Return a block in which TensorFlow's error for a lost rank becomes ours."""
        return _told()

    def sum(self, name: str, array: NDArray) -> NDArray:
        """Return the sum over the ranks."""
        return self._call(name, "sum", array)

    def broadcast(self, name: str, array: NDArray) -> NDArray:
        """Return rank 0's array."""
        return self._call(name, "broadcast", array)

    def gather(self, name: str, array: NDArray) -> NDArray:
        """Return the one-dimensional arrays of all ranks in a row."""
        return self._call(name, "gather", array)

    def post_maximum(self, name: str, array: NDArray) -> Any:
        """Keep an array for an elementwise maximum until somebody waits for it.

        TensorFlow has no calls that return before their end, and one in a thread that Horovod leaves behind at its
        shutdown never ends. The ranks meet in every step anyway.
        """
        return name, array

    def wait(self, ticket: Any) -> NDArray:
        """Return the maximum of what was posted."""
        name, array = ticket
        return self._call(name, "maximum", array)

    def shutdown(self) -> None:
        """Leave."""
        self._hvd.shutdown()

    def _call(self, name: str, operation: str, array: NDArray) -> NDArray:
        """Make a collective call on a copy of an array."""
        with _told(), tf.device("/CPU:0"):
            return _graph(name, operation, array.dtype.name, array.ndim)(tf.constant(array)).numpy()


@cache
def _graph(name: str, operation: str, dtype: str, axes: int) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return the graph of a collective call, kept for all rings of the process."""
    import horovod.tensorflow as hvd

    calls = {
        "sum": lambda tensor: hvd.allreduce(tensor, name=name, op=hvd.Sum),
        "maximum": lambda tensor: hvd.allreduce(tensor, name=name, op=hvd.Max),
        "broadcast": lambda tensor: hvd.broadcast(tensor, 0, name=name),
        "gather": lambda tensor: hvd.allgather(tensor, name=name),
    }
    signature = [tf.TensorSpec([None] * axes, tf.as_dtype(dtype))]
    return tf.function(calls[operation], input_signature=signature, autograph=False)


@contextmanager
def _told() -> Iterator[None]:
    """Turn TensorFlow's error for a lost rank into Horovod's, and that into ours."""
    from horovod.common.exceptions import HorovodInternalError

    with broken_told():
        try:
            yield
        except tf.errors.UnknownError as error:
            _, found, reason = error.message.partition(SHUT)
            if not found and "Horovod" not in error.message:
                raise
            raise HorovodInternalError(found + reason if found else error.message) from error
