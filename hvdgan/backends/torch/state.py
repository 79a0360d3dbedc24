"""Canonical names of what torch networks and optimizers remember, see `backends.interface`."""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from hvdgan.backends.checks import check_fit

Tensors = dict[str, Tensor]
"""The live tensors, by canonical name."""

KERNELS = {"weight": "kernel"}
STATISTICS = {"weight": "gamma", "bias": "beta", "running_mean": "mean", "running_var": "variance"}
COUNTER = "num_batches_tracked"
"""torch's count of batches; nothing depends on it while the momentum is given."""


def name_tensors(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield the weights and statistics of a network as `<layer>/<weight>` with their tensors, tied ones once."""
    seen: set[int] = set()
    for path, layer in network.named_modules():
        names = STATISTICS if hasattr(layer, "running_mean") else KERNELS
        own = [*layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False)]
        for name, tensor in own:
            if id(tensor) not in seen and (name != COUNTER or layer.momentum is None):
                seen.add(id(tensor))
                yield "/".join([*filter(None, path.split(".")), names.get(name, name)]), tensor


def network_tensors(network: nn.Module, prefix: str) -> Tensors:
    """Return the tensors of a network as `<prefix>/<layer>/<weight>`."""
    return {f"{prefix}/{name}": tensor for name, tensor in name_tensors(network)}


def optimizer_tensors(optimizer: Optimizer, network: nn.Module, prefix: str) -> Tensors:
    """Return the slots of an optimizer as `optimizer/<prefix>/<slot>/<layer>/<weight>`."""
    return {
        f"optimizer/{prefix}/{slot}/{name}": value
        for name, weight in name_tensors(network)
        for slot, value in optimizer.state.get(weight, {}).items()
        if isinstance(value, Tensor)
    }


def to_array(tensor: Tensor) -> NDArray:
    """Return a contiguous copy of a tensor on the host."""
    return np.array(tensor.detach().cpu().numpy(), order="C")


def check(state: Mapping[str, NDArray], tensors: Tensors) -> None:
    """Check that a state has exactly the names, shapes and kinds of numbers of some tensors.

    Raises:
        DataError: It has not; says which and what is needed.
    """
    check_fit(
        state,
        {
            name: (tuple(tensor.shape), np.dtype(str(tensor.dtype).removeprefix("torch.")))
            for name, tensor in tensors.items()
        },
    )


@torch.no_grad()
def copy_in(state: Mapping[str, NDArray], tensors: Tensors) -> None:
    """Copy arrays into the tensors of the same names."""
    for name, array in state.items():
        tensors[name].copy_(torch.from_numpy(np.array(array)))
