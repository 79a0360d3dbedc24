"""Split the layers of networks over shards; see `backends.partition`.

A layer that is split stays the object it was, under its name: it gets fewer filters and a class derived from its own.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import Variable, layers
from tensorflow import Tensor

from hvdgan.backends.keras.collectives import Collectives
from hvdgan.backends.keras.dropout import Dropout
from hvdgan.backends.keras.networks import Leaky, PairMean
from hvdgan.backends.keras.state import KERNEL, name_tensors
from hvdgan.backends.keras.trainer import make_graph
from hvdgan.backends.partition import Duty, Kind, Partition, Split, plan_row, split
from hvdgan.parallel.shards import Shards, mark_part

TRANSPOSED = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)
FILTERS = (layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.Dense, *TRANSPOSED)
NOISES = (layers.Dropout, layers.SpatialDropout1D, layers.SpatialDropout2D, layers.SpatialDropout3D)
CELLWISE = (layers.LeakyReLU, layers.ReLU, layers.ELU, layers.Activation, layers.Identity, Leaky)
SPATIAL = (layers.UpSampling3D, layers.ZeroPadding3D, layers.Cropping3D, layers.AveragePooling3D, layers.MaxPooling3D)
SPATIAL += (PairMean,)
"""Layers that look at every channel alone: at each cell, and at its neighbours."""

ACTIVATIONS = ("linear", "relu", "leaky_relu", "elu", "gelu", "selu", "sigmoid", "silu", "softplus", "tanh")
"""Activations that look at every cell alone."""

LENGTHS = ("filters", "units")
"""What layers call the number of their channels."""

LAST = -1
"""The axis of channels."""


def split_networks(networks: Mapping[str, keras.Model], shards: Shards) -> Partition:
    """Split the layers of networks over the shards of their model; nothing is moved, and nobody is waited for.

    Args:
        networks: The networks by name; whole, and the same on all shards.
        shards: Those of the model.

    Returns:
        What of their states belongs to this shard.
    """
    splits: dict[int, Split] = {}
    for network in networks.values() if shards.count > 1 else ():
        for layer, duty in _plan(network, shards.count):
            splits |= {id(variable): own for variable, own in _convert(layer, duty, shards)}
    named = [(f"{name}/{key}", variable) for name, one in networks.items() for key, variable in name_tensors(one)]
    found = {name: splits[id(variable)] for name, variable in named if id(variable) in splits}
    rows = tf.TensorSpec((None, None), keras.config.floatx())  # one graph for all, whatever a shard's part is like
    join = make_graph(shards.join, input_signature=[rows])
    return Partition(found, lambda array: join(array.reshape(len(array), -1)).numpy().reshape(-1, *array.shape[1:]))


def list_whole(networks: Mapping[str, keras.Model], count: int) -> list[tuple[str, str]]:
    """Return the layers with weights that would not be split over so many shards, and why."""
    found = []
    for name, network in networks.items():
        split_ones = {id(layer) for layer, _ in _plan(network, count)}
        names = {id(variable): key.rpartition("/")[0] for key, variable in name_tensors(network)}
        uses = _count_uses(network)
        for layer in _list_layers(network):
            own = _list_own(layer)
            if own and id(layer) not in split_ones:
                reason = _kind(layer, count, uses).reason or "gets whole activations"
                found.append((f"{name}/{names[id(own[0])]}".rstrip("/"), reason))
    return found


class _Filtering:
    """A layer with some of its filters."""

    def call(self, given: Tensor, *others: Any, **settings: Any) -> Tensor:
        """Get whole activations, do the layer's work, and join what was made where that is wanted."""
        work = super().call
        run = _Work(self.weights, self.compute_dtype, lambda whole: work(whole, *others, **settings))
        takes = self.duty.takes
        made = self.entrance.feed(given, run) if takes == "parts" else run.work(self.entrance.enter(given))
        return self.exit.leave(made) if self.duty.joins else made


class _Work:
    """The work of a layer as a function of its weights.

    Args:
        weights: Of the layer.
        dtype: It computes in.
        work: What it does, on whole activations.
    """

    def __init__(self, weights: Sequence[Variable], dtype: str, work: Any) -> None:
        self.weights, self.dtype, self.work = list(weights), dtype, work

    def __call__(self, whole: Tensor, values: Sequence[Tensor]) -> Tensor:
        """Work with some values of the weights, cast as Keras casts them in the forward pass alone."""
        with keras.StatelessScope() as scope:
            for weight, value in zip(self.weights, values, strict=True):
                scope.add_update((weight, tf.cast(value, self.dtype)))
            return self.work(whole)


class _Apart:
    """A layer that works on a shard's own channels."""

    def call(self, given: Tensor, *others: Any, **settings: Any) -> Tensor:
        """Do the layer's work, and join what was made where that is wanted."""
        made = super().call(given, *others, **settings)
        return self.exit.leave(made) if self.duty.joins else made


class _Noisy:
    """A layer whose random numbers are those that one process would draw for all channels."""

    def call(self, given: Tensor, training: bool = False) -> Tensor:
        """Draw for all channels, and use this shard's."""
        made = given
        if training:
            made = given * self.exit.part(super().call(self.exit.ones(given), training=True))
        return self.exit.leave(made) if self.duty.joins else made


class _Choosing(_Apart):
    """A dropout of ours, whose choices are those that one process would make for all channels."""

    def _choose(self, shape: Tensor) -> Tensor:
        """Choose for all channels, and return this shard's choices."""
        return self.exit.part(super()._choose(self.exit.widen(tf.unstack(shape))))


def _plan(network: keras.Model, count: int) -> list[tuple[keras.Layer, Duty]]:
    """Return the layers of a network that have duties, with these."""
    uses, rows = _count_uses(network), list(_rows(network))
    steps = Counter(id(layer) for row in rows for layer in row)
    duties: dict[int, tuple[keras.Layer, Duty]] = {}
    for row in rows:
        kinds = [_kind(layer, count, uses) if steps[id(layer)] == 1 else Kind() for layer in row]
        planned = zip(row, plan_row(kinds), strict=True)
        duties |= {id(layer): (layer, duty) for layer, duty in planned if duty}
    for layer in _list_layers(network):
        if id(layer) not in duties and (alone := plan_row([_kind(layer, count, uses)])[0]):
            duties[id(layer)] = layer, alone
    return list(duties.values())


def _rows(network: keras.Model) -> Iterator[list[keras.Layer]]:
    """Yield layers that are applied in a row: those of a Sequential, and those that a network names in its `row`."""
    for layer in _list_layers(network):
        if isinstance(layer, keras.Sequential):
            yield list(layer.layers)
        elif isinstance(getattr(layer, "row", None), list):
            yield list(layer.row)


def _list_layers(network: keras.Model) -> list[keras.Layer]:
    """Return a network and all layers in it, each once."""
    return list({id(layer): layer for layer in network._flatten_layers()}.values())


def _list_own(layer: keras.Layer) -> list[Variable]:
    """Return the weights and statistics of a layer that are not those of a layer inside it."""
    inner = {id(one) for part in layer._flatten_layers(include_self=False) for one in part.weights}
    return [variable for variable in layer.weights if id(variable) not in inner]


def _count_uses(network: keras.Model) -> Counter[int]:
    """Return how many layers hold each weight; what a layer wraps is held twice."""
    uses = Counter(id(variable) for layer in _list_layers(network) for variable in _list_own(layer))
    wrappers = [layer for layer in _list_layers(network) if isinstance(layer, layers.Wrapper)]
    return uses + Counter(id(variable) for wrapper in wrappers for variable in wrapper.layer.weights)


def _kind(layer: keras.Layer, count: int, uses: Counter[int]) -> Kind:
    """Return what a layer does with channels."""
    if any(uses[id(variable)] > 1 for variable in _list_own(layer)):
        return Kind(reason="shares its weights with another layer")
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        return Kind(reason="has its channels first")
    if isinstance(layer, FILTERS):
        return _filters(layer, count)
    if isinstance(layer, layers.BatchNormalization):
        last = layer.axis in (LAST, 4) and not layer.synchronized
        return Kind("norm", LAST, layer.moving_mean.shape[0]) if last else Kind(reason="has its channels first")
    if isinstance(layer, NOISES):
        return Kind("noise")
    if isinstance(layer, CELLWISE + SPATIAL) and _is_cellwise(layer):
        return Kind("apart", LAST if isinstance(layer, SPATIAL) else None)
    return Kind(reason="is of a kind that is not split")


def _filters(layer: keras.Layer, count: int) -> Kind:
    """Return what a layer with filters does with channels."""
    channels = layer.units if isinstance(layer, layers.Dense) else layer.filters
    if not _is_cellwise(layer):
        return Kind(reason="has an activation that is not known to look at every channel alone")
    if getattr(layer, "lora_enabled", False) or getattr(layer, "quantization_mode", None):
        return Kind(reason="computes its kernel from other weights")
    if layer.kernel_constraint or layer.bias_constraint:
        return Kind(reason="has weights under a constraint")
    if getattr(layer, "groups", 1) > 1:
        return Kind(reason="has groups of channels")
    if channels < count:
        return Kind(reason=f"has {channels} {'filter' if channels == 1 else 'filters'} for {count} shards")
    return Kind("filters", LAST, channels)


def _is_cellwise(layer: keras.Layer) -> bool:
    """Tell whether the activation of a layer, if it has one, looks at every cell alone."""
    activation = getattr(layer, "activation", None)
    return activation is None or getattr(activation, "__name__", "") in ACTIVATIONS


def _convert(layer: keras.Layer, duty: Duty, shards: Shards) -> Iterator[tuple[Variable, Split]]:
    """Give a layer its duty; yield the weights that are a part now, with their canonical axes."""
    noisy = _Choosing if isinstance(layer, Dropout) else _Noisy
    mixin = {"filters": _Filtering, "noise": noisy}.get(duty.kind.word, _Apart)
    layer.__class__ = type(type(layer).__name__, (mixin, type(layer)), {})
    layer.duty, layer.input_spec = duty, None
    layer.entrance, layer.exit = (Collectives(shards, duty.axis, number) for number in (duty.given, duty.channels))
    if duty.kind.word not in ("filters", "norm"):
        return
    for variable in layer.weights:
        kernel = variable.name.endswith(KERNEL)
        transposed = kernel and isinstance(layer, TRANSPOSED)
        axis = len(variable.shape) - (2 if transposed else 1)
        _shrink(variable, split(axis, duty.channels, shards.index, shards.count))
        yield variable, split(int(transposed), duty.channels, shards.index, shards.count)
    for name in LENGTHS:
        if hasattr(layer, name):
            setattr(layer, name, split(0, duty.channels, shards.index, shards.count).size)


def _shrink(variable: Variable, own: Split) -> None:
    """Leave of a variable this shard's part of its value."""
    part = own.take(variable.numpy())
    variable._shape = part.shape
    variable._initialize(part)
    mark_part(variable)
