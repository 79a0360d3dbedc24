"""The generator that is judged and generated with: the latest one, or an average over the last part of the training."""

import copy

import torch
from torch import nn

from hvdgan.backends.torch.state import Tensors, network_tensors


class Latest:
    """The generator as it is.

    Args:
        network: The generator that is trained.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    def update(self) -> None:
        """Do nothing after a step."""

    def tensors(self) -> Tensors:
        """Return what an average remembers: nothing."""
        return {}


class Average:
    """A running mean of a generator's weights and statistics, in which step s weighs as s ** (1 / fraction - 1).

    That is a window of about the last `fraction` of all steps, which grows with them: it needs no horizon that fits the
    length of a training (Karras et al., arXiv:2312.02696, eq. 1).

    Args:
        network: The generator that is trained; before its weights get hooks.
        fraction: Above 0; 1 weighs all steps alike.
    """

    def __init__(self, network: nn.Module, fraction: float) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False)
        self._live, self._own = _floats(network), _floats(self.network)
        self._power = 1 / fraction
        self._updates = torch.zeros((), dtype=self._own[0].dtype)

    @torch.no_grad()
    def update(self) -> None:
        """Take the weights in after a step."""
        self._updates += 1
        kept = (1 - 1 / self._updates.item()) ** self._power
        torch._foreach_lerp_(self._own, self._live, 1 - kept)

    def tensors(self) -> Tensors:
        """Return the live tensors of the average, by canonical name."""
        return network_tensors(self.network, "average") | {"average/updates": self._updates}


def _floats(network: nn.Module) -> list[torch.Tensor]:
    """Return the weights and statistics of a network."""
    tensors = [*network.parameters(), *network.buffers()]
    return [tensor.detach() for tensor in tensors if tensor.is_floating_point()]
