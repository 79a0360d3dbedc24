"""What measurements compare with: an update without a network, and a product of matrices."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hvdgan.backends.torch.device import chosen_device
from hvdgan.backends.torch.state import to_array
from hvdgan.parallel.ring import Ring

PRODUCTS = {"float32": torch.float32, "float64": torch.float64, "bfloat16": torch.bfloat16}
"""Type of the numbers that are multiplied, by precision."""


class Gradients:
    """Gradients of some shapes that belong to no network; a ring averages them as it does a network's.

    Every number of rank r is r + 1 before they are averaged.

    Args:
        shapes: Of the float32 tensors.
        ring: The ranks that average.
        name: What the ring calls them.
    """

    def __init__(self, shapes: Sequence[tuple[int, ...]], ring: Ring, name: str) -> None:
        device = chosen_device()
        weights = nn.ParameterList(nn.Parameter(torch.zeros(shape, device=device)) for shape in shapes)
        self._optimizer = ring.wrap(_Idle(weights.parameters()), weights, name)
        for weight in weights:
            weight.grad = torch.full_like(weight, ring.rank + 1.0)
        self._weights = weights

    def average(self) -> None:
        """Replace them by their mean over the ring. Collective; returns at the end."""
        self._optimizer.step()
        _settle(self._weights[0])

    def read(self) -> list[NDArray]:
        """Return copies of them."""
        return [to_array(weight.grad) for weight in self._weights]


class _Idle(torch.optim.Optimizer):
    """Leaves weights as they are."""

    def __init__(self, weights: Iterable[Any]) -> None:
        super().__init__(weights, {})

    def step(self, closure: Callable[[], Any] | None = None) -> None:
        """Do nothing."""


def multiply(size: int, precision: str) -> Callable[[], None]:
    """Return a function that multiplies two square matrices of so many rows, to the end."""
    left, right = torch.randn((2, size, size), device=chosen_device()).to(PRODUCTS[precision])
    return lambda: _settle(left @ right)


def _settle(tensor: Tensor) -> None:
    """Wait until the device has done all it was asked for."""
    if tensor.is_cuda:
        torch.cuda.synchronize(tensor.device)
