"""Collective calls on activations that gradients find their way through, to any order.

What every shard holds alike and what a shard holds of its own meet in pairs of calls that are each other's backward:
keep (forward) and total, join and part, join and scatter.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.utils.checkpoint import checkpoint

from hvdgan.backends.partition import split
from hvdgan.parallel.shards import Shards

Call = Callable[[Tensor], Tensor]

ROOM = 2**21
"""Bytes of joined channels that are there at a time: a layer is fed some events after others."""

PLANE = 20480
"""Numbers of an event in a plane, up to which torch convolves it, where it is alone, with many times the memory."""


class _Pair(Function):
    """A call, and the one that takes its gradients back."""

    @staticmethod
    def forward(context: Any, tensor: Tensor, there: Call, back: Call) -> Tensor:
        """Make the call."""
        context.calls = there, back
        return there(tensor)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """Make the other call, which has a gradient of its own."""
        there, back = context.calls
        return _Pair.apply(gradient, back, there), None, None


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
        return _Pair.apply(whole, _keep, self._total)

    def leave(self, part: Tensor) -> Tensor:
        """Return the joined channels of all shards, for layers that are the same on all of them."""
        return _Pair.apply(part, self._join, self.part)

    def feed(self, part: Tensor, run: Call) -> Tensor:
        """Give the joined channels of all shards to this shard's filters; they are joined again in the backward pass.

        Some events at a time, so that joined channels take little. torch stops to compute again as soon as it has what
        it needs, which is before the convolution itself.

        Args:
            part: This shard's channels; all that is remembered.
            run: The work of the layer.
        """

        def work(part: Tensor) -> Tensor:
            return run(_Pair.apply(part, self._join, self._scatter))

        slices = part.tensor_split(max(1, len(part) // self._together(part)))
        return torch.cat([checkpoint(work, some, use_reentrant=False, preserve_rng_state=False) for some in slices])

    def part(self, whole: Tensor) -> Tensor:
        """Return this shard's channels of activations that all have alike."""
        own = split(0, self.channels, self.shards.index, self.shards.count).part
        return whole.narrow(self.axis, own.start, own.stop - own.start)

    def ones(self, part: Tensor) -> Tensor:
        """Return ones for the channels of all shards, where a part holds this shard's."""
        ones = part.new_ones(()).expand(self.widen(part.shape))
        return ones.contiguous(memory_format=_layout(part))

    def widen(self, shape: Sequence[int]) -> list[int]:
        """Return the shape that the channels of all shards have, where this shard's have one."""
        sizes = list(shape)
        sizes[self.axis] = self.channels
        return sizes

    def _together(self, part: Tensor) -> int:
        """Return how many events may be joined at a time."""
        event = part.numel() // part.shape[self.axis] * self.channels / len(part)
        least = 1 if event > PLANE * part.shape[-1] else 2
        return max(least, int(ROOM / (event * part.element_size())))

    def _join(self, part: Tensor) -> Tensor:
        """Join the channels of all shards."""
        return self._along(self.shards.join, part)

    def _scatter(self, whole: Tensor) -> Tensor:
        """Add the tensors of all shards up and return this shard's channels."""
        return self._along(self.shards.scatter, whole)

    def _total(self, whole: Tensor) -> Tensor:
        """Add the tensors of all shards up."""
        return _sent(self.shards.total, whole)

    def _along(self, call: Call, tensor: Tensor) -> Tensor:
        """Make a call along the axis; the result lies in memory as the tensor does."""
        made = _sent(call, tensor.movedim(self.axis, 0)).movedim(0, self.axis)
        return made.contiguous(memory_format=_layout(tensor))


def _layout(tensor: Tensor) -> torch.memory_format:
    """Return how a tensor lies in memory; told by the channels' stride, which also tells of a single channel."""
    last = tensor.dim() == 5 and tensor.stride(1) == 1
    return torch.channels_last_3d if last else torch.contiguous_format


def _keep(tensor: Tensor) -> Tensor:
    """Return a tensor as it is."""
    return tensor.view_as(tensor)


def _sent(call: Call, tensor: Tensor) -> Tensor:
    """Make a call in a type that Horovod knows."""
    if tensor.dtype != torch.bfloat16:
        return call(tensor)
    return call(tensor.float()).to(tensor.dtype)
