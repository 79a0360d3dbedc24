"""Split the layers of networks over shards; see `backends.partition`.

A layer that is split stays the object it was, under its name: it gets fewer filters and a class derived from its own.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from hvdgan.backends.partition import Duty, Kind, Partition, Split, plan_row, split
from hvdgan.backends.torch.collectives import Collectives
from hvdgan.backends.torch.dropout import Dropout
from hvdgan.backends.torch.state import name_tensors, to_array
from hvdgan.parallel.shards import Shards, mark_part

FILTERS = {nn.Conv1d: 1, nn.Conv2d: 1, nn.Conv3d: 1, nn.Linear: -1}
FILTERS |= {nn.ConvTranspose1d: 1, nn.ConvTranspose2d: 1, nn.ConvTranspose3d: 1}
"""Layers with filters, and where their channels are."""

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
NOISES = {nn.Dropout: None, nn.Dropout1d: 1, nn.Dropout2d: 1, nn.Dropout3d: 1}
CELLWISE = (nn.LeakyReLU, nn.ReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Sigmoid, nn.Softplus, nn.Tanh, nn.Identity)
SPATIAL = (nn.Upsample, nn.ConstantPad3d, nn.ZeroPad3d, nn.ReplicationPad3d, nn.ReflectionPad3d, nn.AvgPool3d)
SPATIAL += (nn.MaxPool3d, nn.AdaptiveAvgPool3d)
"""Layers that look at every channel alone: at each cell, and at its neighbours."""

TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
LENGTHS = ("out_channels", "out_features", "num_features")
"""What layers call the number of their channels."""


def split_networks(networks: Mapping[str, nn.Module], shards: Shards) -> Partition:
    """Split the layers of networks over the shards of their model; nothing is moved, and nobody is waited for.

    Args:
        networks: The networks by name; whole, and the same on all shards.
        shards: Those of the model.

    Returns:
        What of their states belongs to this shard.
    """
    splits: dict[str, Split] = {}
    for network in networks.values() if shards.count > 1 else ():
        for layer, duty in _plan(network, shards.count).items():
            splits |= {id(tensor): own for tensor, own in _convert(layer, duty, shards)}
    named = [(f"{name}/{key}", tensor) for name, one in networks.items() for key, tensor in name_tensors(one)]
    found = {name: splits[id(tensor)] for name, tensor in named if id(tensor) in splits}
    return Partition(found, lambda array: to_array(shards.join(torch.from_numpy(array.copy()))))


def list_whole(networks: Mapping[str, nn.Module], count: int) -> list[tuple[str, str]]:
    """Return the layers with weights that would not be split over so many shards, and why."""
    found = []
    for name, network in networks.items():
        duties = _plan(network, count)
        tied = _count_uses(network)
        for path, layer in network.named_modules():
            if layer not in duties and next(layer.parameters(recurse=False), None) is not None:
                reason = _kind(layer, count, tied).reason or "gets whole activations"
                found.append((f"{name}/{path.replace('.', '/')}".rstrip("/"), reason))
    return found


class _Filtering:
    """A layer with some of its filters."""

    def forward(self, given: Tensor, *others: Any, **settings: Any) -> Tensor:
        """Get whole activations, do the layer's work, and join what was made where that is wanted."""

        def run(whole: Tensor) -> Tensor:
            return super(_Filtering, self).forward(whole, *others, **settings)

        takes = self.duty.takes
        made = self.entrance.feed(given, run) if takes == "parts" else run(self.entrance.enter(given))
        return self.exit.leave(made) if self.duty.joins else made


class _Apart:
    """A layer that works on a shard's own channels."""

    def forward(self, given: Tensor) -> Tensor:
        """Do the layer's work, and join what was made where that is wanted."""
        made = super().forward(given)
        return self.exit.leave(made) if self.duty.joins else made


class _Noisy:
    """A layer whose random numbers are those that one process would draw for all channels."""

    def forward(self, given: Tensor) -> Tensor:
        """Draw for all channels, and keep this shard's."""
        made = given * self.exit.part(super().forward(self.exit.ones(given))).clone() if self.training else given
        return self.exit.leave(made) if self.duty.joins else made


class _Choosing(_Apart):
    """A dropout of ours, whose choices are those that one process would make for all channels."""

    def _choose(self, shape: Sequence[int], device: torch.device) -> Tensor:
        """Choose for all channels, and return this shard's choices."""
        return self.exit.part(super()._choose(self.exit.widen(shape), device))


def _plan(network: nn.Module, count: int) -> dict[nn.Module, Duty]:
    """Return the duties of the layers of a network that have some."""
    places = Counter(layer for _, layer in network.named_modules(remove_duplicate=False))
    tied = _count_uses(network)
    rows = list(_rows(network))
    steps = Counter(layer for row in rows for layer in row)
    duties: dict[nn.Module, Duty] = {}
    for row in rows:
        kinds = [_kind(layer, count, tied) if places[layer] == steps[layer] == 1 else Kind() for layer in row]
        duties |= {layer: duty for layer, duty in zip(row, plan_row(kinds), strict=True) if duty}
    for layer in places:
        if layer not in duties and (alone := plan_row([_kind(layer, count, tied)])[0]):
            duties[layer] = alone
    return duties


def _rows(network: nn.Module) -> Iterator[list[nn.Module]]:
    """Yield layers that are applied in a row: those of a Sequential, and those that a network names in its `row`."""
    for module in network.modules():
        if isinstance(module, nn.Sequential):
            yield list(module)
        elif isinstance(getattr(module, "row", None), tuple):
            yield [module.get_submodule(name) for name in module.row]


def _count_uses(network: nn.Module) -> Counter[int]:
    """Return how many layers hold each weight."""
    return Counter(id(weight) for layer in network.modules() for weight in layer.parameters(recurse=False))


def _kind(layer: nn.Module, count: int, uses: Counter[int]) -> Kind:
    """Return what a layer does with channels."""
    if any(uses[id(weight)] > 1 for weight in layer.parameters(recurse=False)):
        return Kind(reason="shares its weights with another layer")
    if isinstance(layer, tuple(FILTERS)):
        return _filters(layer, count)
    if isinstance(layer, NORMS):
        apart = layer.weight is not None and layer.track_running_stats
        return Kind("norm", 1) if apart else Kind(reason="has no weights of its own")
    for kind, axis in NOISES.items():
        if isinstance(layer, kind):
            return Kind("noise", axis)
    if isinstance(layer, CELLWISE + SPATIAL):
        return Kind("apart", 1 if isinstance(layer, SPATIAL) else None)
    return Kind(reason="is of a kind that is not split")


def _filters(layer: nn.Module, count: int) -> Kind:
    """Return what a layer with filters does with channels."""
    axis = next(axis for kind, axis in FILTERS.items() if isinstance(layer, kind))
    channels = layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels
    if "weight" not in layer._parameters:
        return Kind(reason="computes its kernel from other weights")
    if getattr(layer, "groups", 1) > 1:
        return Kind(reason="has groups of channels")
    if channels < count:
        return Kind(reason=f"has {channels} {'filter' if channels == 1 else 'filters'} for {count} shards")
    return Kind("filters", axis, channels)


def _convert(layer: nn.Module, duty: Duty, shards: Shards) -> Iterator[tuple[Tensor, Split]]:
    """Give a layer its duty; yield the weights that are a part now."""
    noisy = _Choosing if isinstance(layer, Dropout) else _Noisy
    mixin = {"filters": _Filtering, "noise": noisy}.get(duty.kind.word, _Apart)
    layer.__class__ = type(type(layer).__name__, (mixin, type(layer)), {})
    layer.duty = duty
    layer.entrance, layer.exit = (Collectives(shards, duty.axis, number) for number in (duty.given, duty.channels))
    if duty.kind.word not in ("filters", "norm"):
        return
    for name, tensor in [*layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False)]:
        if tensor.dim():
            axis = 1 if isinstance(layer, TRANSPOSED) and name == "weight" else 0
            own = split(axis, duty.channels, shards.index, shards.count)
            yield _shrink(layer, name, own), own
    for name in LENGTHS:
        if hasattr(layer, name):
            setattr(layer, name, split(0, duty.channels, shards.index, shards.count).size)


def _shrink(layer: nn.Module, name: str, own: Split) -> Tensor:
    """Replace a weight or a statistic of a layer by this shard's part of it, and return that."""
    tensor = getattr(layer, name)
    part = own.take(tensor.detach()).clone(memory_format=torch.contiguous_format)
    if isinstance(tensor, nn.Parameter):
        part = nn.Parameter(part, tensor.requires_grad)
        mark_part(part)
    setattr(layer, name, part)
    return part
