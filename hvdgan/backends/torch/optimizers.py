"""Optimizers as Keras defines them, so that both frameworks take the same steps.

Slots exist from the start and are tensors, so that a state can be stored before the first step and nothing waits for
the device.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from hvdgan.backends.checks import choose


class RMSprop(Optimizer):
    """Divide gradients by their running root mean square, sqrt(v + epsilon).

    The published recipe's epsilon stands inside the root (torch's own stands outside), where it damps gradients
    below 3e-4 (Tieleman and Hinton, 2012; Keras 2 and 3).

    Args:
        params: The weights, or torch's groups of them.
        lr: Learning rate.
        rho: How much of the running mean square stays at each step.
        epsilon: Keeps the denominator from zero.
    """

    def __init__(self, params: Iterable[Any], lr: float = 1e-3, rho: float = 0.9, epsilon: float = 1e-7) -> None:
        super().__init__(params, {"lr": lr, "rho": rho, "epsilon": epsilon})
        _add_slots(self, "mean_square")

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Update the weights that have a gradient."""
        for group, weight in _weights_with_gradient(self):
            mean_square = self.state[weight]["mean_square"]
            mean_square.mul_(group["rho"]).addcmul_(weight.grad, weight.grad, value=1 - group["rho"])
            weight.addcdiv_(weight.grad, (mean_square + group["epsilon"]).sqrt_(), value=-group["lr"])


class Adam(Optimizer):
    """Follow running means of gradients over their root mean square (Kingma and Ba, arXiv:1412.6980).

    Args:
        params: The weights, or torch's groups of them.
        lr: Learning rate.
        beta1: How much of the running mean stays at each step.
        beta2: How much of the running mean square stays at each step.
        epsilon: Keeps the denominator from zero ("epsilon hat" of the paper, as in Keras).
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-7,
    ) -> None:
        super().__init__(params, {"lr": lr, "beta1": beta1, "beta2": beta2, "epsilon": epsilon})
        _add_slots(self, "mean", "mean_square")
        for group in self.param_groups:
            for weight in group["params"]:
                self.state[weight]["steps"] = torch.zeros((), dtype=weight.dtype, device=weight.device)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Update the weights that have a gradient."""
        for group, weight in _weights_with_gradient(self):
            slots, beta1, beta2 = self.state[weight], group["beta1"], group["beta2"]
            steps = slots["steps"].add_(1)
            slots["mean"].lerp_(weight.grad, 1 - beta1)
            slots["mean_square"].mul_(beta2).addcmul_(weight.grad, weight.grad, value=1 - beta2)
            correction = (1 - beta2**steps).sqrt_() / (1 - beta1**steps)
            direction = slots["mean"] / (slots["mean_square"].sqrt() + group["epsilon"])
            weight.sub_(direction * (correction * group["lr"]))


OPTIMIZERS: dict[str, type[Optimizer]] = {"rmsprop": RMSprop, "adam": Adam, "sgd": torch.optim.SGD}


def build_optimizer(name: str, network: nn.Module, **settings: float) -> Optimizer:
    """Build an optimizer over a network's weights that are not frozen, with settings of its own.

    Raises:
        ConfigError: There is no optimizer of that name.
    """
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    return choose("training.optimizer", name, OPTIMIZERS)(weights, lr=1e-3, **settings)


def set_rate(optimizer: Optimizer, rate: float) -> None:
    """Set the learning rate of the next steps."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def _add_slots(optimizer: Optimizer, *names: str) -> None:
    """Give every weight of an optimizer zero slots of its own shape."""
    for group in optimizer.param_groups:
        for weight in group["params"]:
            for name in names:
                optimizer.state[weight][name] = torch.zeros_like(weight, requires_grad=False)


def _weights_with_gradient(optimizer: Optimizer) -> Iterable[tuple[dict[str, Any], Tensor]]:
    """Yield the weights that have a gradient, each with its group's settings."""
    for group in optimizer.param_groups:
        for weight in group["params"]:
            if weight.grad is not None:
                yield group, weight
