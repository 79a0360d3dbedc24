"""Canonical names and axes of what Keras networks and optimizers remember, see `backends.interface`."""

from collections.abc import Iterator, Mapping

import keras
import numpy as np
from keras import Optimizer, Variable
from numpy.typing import NDArray

from hvdgan.backends.checks import check_fit

Tensors = dict[str, Variable]
"""The live variables, by canonical name; their axes are those of Keras."""

STATISTICS = {"moving_mean": "mean", "moving_variance": "variance"}
KERNEL = "kernel"
"""How the names of kernels, and of their slots, end: Keras has their axes as (x, y, z, in, out)."""


def name_tensors(network: keras.Model) -> Iterator[tuple[str, Variable]]:
    """Yield the weights and statistics of a network as `<layer>/<weight>` with their variables."""
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            own = name_tensors(layer)
        else:
            own = ((STATISTICS.get(weight.name, weight.name), weight) for weight in layer.weights)
        yield from ((f"{layer.name}/{name}", variable) for name, variable in own)


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
