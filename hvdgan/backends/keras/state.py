"""Canonical names and axes of what Keras networks and optimizers remember, see `backends.interface`."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
from keras import Optimizer, Variable
from numpy.typing import NDArray

from hvdgan.backends.checks import check_fit

Tensors = dict[str, Variable]
"""The live variables, by canonical name; their axes are those of Keras."""

STATISTICS = {"moving_mean": "mean", "moving_variance": "variance"}
NUMBERED = re.compile(r"_\d+$")
KERNEL = "kernel"
"""How the names of kernels, and of their slots, end: Keras has their axes as (x, y, z, in, out)."""


def name_tensors(network: keras.Model) -> Iterator[tuple[str, Variable]]:
    """Yield the weights and statistics of a network as `<layer>/<weight>` with their variables, shared ones once."""
    seen: set[int] = set()
    for name, variable in _walk(network):
        if id(variable) not in seen:
            seen.add(id(variable))
            yield name, variable


def _walk(network: keras.Layer) -> Iterator[tuple[str, Variable]]:
    """Yield the variables of a network or layer, layer by layer, and then those that are its own."""
    layers = network._flatten_layers(include_self=False, recursive=False)
    inner: set[int] = set()
    for label, layer in _label(layers):
        inner |= {id(variable) for variable in layer.weights}
        yield from ((f"{label}/{name}", variable) for name, variable in _walk(layer))
    own = [variable for variable in network.weights if id(variable) not in inner]
    yield from ((STATISTICS.get(label, label), variable) for label, variable in _label(own))


def _label(things: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Yield layers or variables with their names; those that Keras chose count from 0 in every network.

    Keras counts from the start of the process: the second network that is built would have no `dense`, but a `dense_2`.
    """
    counts: Counter[str] = Counter()
    for thing in things:
        base, _, number = thing.name.rpartition("_") if NUMBERED.search(thing.name) else (thing.name, "", "")
        if base.replace("_", "") == type(thing).__name__.lower().replace("_", ""):
            number, counts[base] = counts[base], counts[base] + 1
            yield f"{base}_{number}" if number else base, thing
        else:
            yield thing.name, thing


def network_tensors(network: keras.Model, prefix: str) -> Tensors:
    """Return the variables of a network as `<prefix>/<layer>/<weight>`."""
    return {f"{prefix}/{name}": variable for name, variable in name_tensors(network)}


def optimizer_tensors(optimizer: Optimizer, network: keras.Model, prefix: str) -> Tensors:
    """Return the slots of an optimizer as `optimizer/<prefix>/<slot>/<layer>/<weight>`."""
    names = {id(variable): name for name, variable in name_tensors(network)}
    return {
        f"optimizer/{prefix}/{slot}/{names[id(variable)]}": value
        for slot, values in getattr(optimizer, "slots", {}).items()
        for variable, value in zip(network.trainable_variables, values, strict=True)
    }


def to_array(tensor: Variable) -> NDArray:
    """Return a contiguous copy of a variable on the host, with canonical axes."""
    array = np.asarray(tensor.numpy())
    return np.array(array.transpose(_axes(tensor)), order="C")


def check(state: Mapping[str, NDArray], tensors: Tensors) -> None:
    """Check that a state has exactly the names, shapes and kinds of numbers of some variables.

    Raises:
        DataError: It has not; says which and what is needed.
    """
    check_fit(
        state,
        {
            name: (tuple(tensor.shape[axis] for axis in _axes(tensor)), np.dtype(tensor.dtype))
            for name, tensor in tensors.items()
        },
    )


def copy_in(state: Mapping[str, NDArray], tensors: Tensors) -> None:
    """Copy arrays into the variables of the same names."""
    for name, array in state.items():
        tensor = tensors[name]
        tensor.assign(np.asarray(array).transpose(np.argsort(_axes(tensor))))


def _axes(tensor: Variable) -> tuple[int, ...]:
    """Return which of a variable's axes comes first, second, ... in the canonical order: out, in, x, y, z."""
    count = len(tensor.shape)
    if count < 2 or not tensor.name.endswith(KERNEL):
        return tuple(range(count))
    return count - 1, count - 2, *range(count - 2)
