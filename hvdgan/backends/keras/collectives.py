"""Collective calls on activations that gradients find their way through, to any order.

What every shard holds alike and what a shard holds of its own meet in pairs of calls that are each other's backward:
keep (forward) and total, join and part, join and scatter.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import tensorflow as tf
from tensorflow import Tensor, TensorShape

from hvdgan.backends.partition import Split, split
from hvdgan.parallel.shards import Shards

Call = Callable[..., Tensor]
Turn = Callable[..., tuple[Tensor, Sequence[Tensor]]]

ROOM = 2**22
"""Bytes of joined channels that are there at a time: a layer is fed some events after others."""


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

        Some events at a time, so that joined channels take little.

        Args:
            part: This shard's channels; all that is remembered.
            run: The work of the layer, on whole activations and the values of `run.weights`.
        """
        together = self._together(part)

        @tf.custom_gradient
        def call(part: Tensor, *values: Tensor) -> tuple[Tensor, Any]:
            def back(upstream: Tensor) -> list[Tensor]:
                zeros = [tf.zeros_like(value) for value in values]
                turn = partial(self._turn_back, run, values)
                gradient, gradients = _take_turns(turn, together, [part, upstream], zeros)
                return [gradient, *gradients]

            return _take_turns(lambda some: (run(self._join(some), values), []), together, [part])[0], back

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

    def _together(self, part: Tensor) -> int:
        """Return how many events may be joined at a time."""
        cells = prod(part.shape[1:]) // part.shape[self.axis]
        return max(1, ROOM // (cells * self.channels * part.dtype.size))

    def _turn_back(
        self, run: Call, values: Sequence[Tensor], part: Tensor, upstream: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        """Join some events' channels again; return the gradients of this shard's and of the weights."""
        whole = _pair(self._join, self._scatter)(part)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([whole, *values])
            made = run(whole, values)
        gradient, *gradients = tape.gradient(made, [whole, *values], upstream)
        return _pair(self._scatter, self._join)(gradient), gradients

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


def _take_turns(
    work: Turn, together: int, events: Sequence[Tensor], sums: Sequence[Tensor] = ()
) -> tuple[Tensor, list[Tensor]]:
    """Work on some events after others, in a loop of the graph: what one turn needs is free before the next begins.

    Args:
        work: Makes a tensor, (n, ...), and terms of sums from n events.
        together: Events of a turn, at least, unless there are fewer; a turn has fewer than twice as many.
        events: What the work gets, (all, ...) each.
        sums: To which the terms are added.

    Returns:
        All that was made, (all, ...), and the sums.
    """
    count = tf.shape(events[0])[0]
    turns = tf.maximum(1, count // together)
    shapes: list[TensorShape] = []

    def turn(number: Tensor, done: tf.TensorArray, *sums: Tensor) -> tuple[Tensor | tf.TensorArray, ...]:
        some = slice(number * count // turns, (number + 1) * count // turns)
        made, terms = work(*(one[some] for one in events))
        shapes.append(made.shape)
        return number + 1, done.write(number, made), *map(tf.add, sums, terms)

    begin = 0, tf.TensorArray(events[0].dtype, size=turns, infer_shape=False), *sums
    _, done, *sums = tf.while_loop(lambda number, *_: number < turns, turn, begin, parallel_iterations=1)
    return tf.ensure_shape(done.concat(), (events[0].shape[0], *shapes[0][1:])), sums


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
