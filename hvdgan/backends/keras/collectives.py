"""Collective calls on activations that gradients find their way through, to any order.

What every shard holds alike and what a shard holds of its own meet in pairs of calls that are each other's backward:
keep (forward) and total, join and part, join and scatter.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
from tensorflow import Tensor

from hvdgan.backends.partition import Split, split
from hvdgan.parallel.shards import Shards

Call = Callable[..., Tensor]


@dataclass(frozen=True)
class Collectives:
    """The calls on one axis of activations.

    Args:
        shards: The processes of the model.
        axis: Where the channels are.
        channels: How many, of all shards.
    """

    shards: Shards
    axis: int
    channels: int

    def enter(self, whole: Tensor) -> Tensor:
        """Return activations that all shards have alike to this shard's filters; adds up the gradients of all."""
        return _pair(tf.identity, self._total)(whole)

    def leave(self, part: Tensor) -> Tensor:
        """Return the joined channels of all shards, for layers that are the same on all of them."""
        return _pair(self._join, self.part)(part)

    def feed(self, part: Tensor, run: Call) -> Tensor:
        """Give the joined channels of all shards to this shard's filters; they are joined again in the backward pass.

        Args:
            part: This shard's channels; all that is remembered.
            run: The work of the layer, on whole activations and the values of `run.weights`.
        """
        join, scatter = _pair(self._join, self._scatter), _pair(self._scatter, self._join)

        @tf.custom_gradient
        def call(part: Tensor, *values: Tensor) -> tuple[Tensor, Any]:
            def back(upstream: Tensor) -> list[Tensor]:
                with tf.control_dependencies([upstream]):
                    again = tf.identity(part)
                whole = join(again)
                with tf.GradientTape(watch_accessed_variables=False) as tape:
                    tape.watch([whole, *values])
                    made = run(whole, values)
                gradient, *gradients = tape.gradient(made, [whole, *values], upstream)
                return [scatter(gradient), *gradients]

            return run(self._join(part), values), back

        return call(part, *[tf.convert_to_tensor(weight.value) for weight in run.weights])

    def part(self, whole: Tensor) -> Tensor:
        """Return this shard's channels of activations that all have alike."""
        own = self._own.part
        return tf.gather(whole, tf.range(own.start, own.stop), axis=self.axis)

    def ones(self, part: Tensor) -> Tensor:
        """Return ones for the channels of all shards, where a part holds this shard's."""
        return tf.ones(self.widen(tf.unstack(tf.shape(part))), part.dtype)

    def widen(self, shape: Sequence[int]) -> list[int]:
        """Return the shape that the channels of all shards have, where this shard's have one."""
        sizes = list(shape)
        sizes[self.axis] = self.channels
        return sizes

    @property
    def _own(self) -> Split:
        """Where this shard's channels are."""
        return split(0, self.channels, self.shards.index, self.shards.count)

    def _join(self, part: Tensor) -> Tensor:
        """Join the channels of all shards."""
        return self._along(self.shards.join, part, self.channels)

    def _scatter(self, whole: Tensor) -> Tensor:
        """Add the tensors of all shards up and return this shard's channels."""
        return self._along(self.shards.scatter, whole, self._own.size)

    def _total(self, whole: Tensor) -> Tensor:
        """Add the tensors of all shards up."""
        return _sent(self.shards.total, whole)

    def _along(self, call: Call, tensor: Tensor, channels: int) -> Tensor:
        """Make a call along the axis, which gives so many channels."""
        axes = list(range(len(tensor.shape)))
        order = [axes.pop(self.axis), *axes]
        sent = tf.transpose(tensor, order)
        made = tf.ensure_shape(_sent(call, sent), (channels, *sent.shape[1:]))
        return tf.transpose(made, [order.index(axis) for axis in range(len(order))])


def _pair(there: Call, back: Call) -> Call:
    """Return a call whose gradients are taken back by another one, which has a gradient of its own."""

    @tf.custom_gradient
    def call(tensor: Tensor) -> tuple[Tensor, Call]:
        return there(tensor), _pair(back, there)

    return call


def _sent(call: Call, tensor: Tensor) -> Tensor:
    """Make a call in a type that Horovod knows."""
    if tensor.dtype != tf.bfloat16:
        return call(tensor)
    return tf.cast(call(tf.cast(tensor, tf.float32)), tensor.dtype)
