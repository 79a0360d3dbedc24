"""Optimizers with the slots of the canonical state, and the arithmetic of `backends.torch.optimizers`."""

from typing import Any

import keras
from keras import Optimizer, Variable, ops

from hvdgan.backends.checks import choose


class _Alone:
    """Part of an optimizer that leaves sums over devices to the ring.

    Keras asks `tf.distribute` for them, which keeps every graph that asked until the process ends (its custom gradient
    goes into a registry): 17 MB for each trial.
    """

    def _all_reduce_sum_gradients(self, grads_and_vars: list[Any]) -> list[Any]:
        """Return the gradients as they are."""
        return grads_and_vars


class RMSprop(_Alone, Optimizer):
    """Divide gradients by their running root mean square, sqrt(v + epsilon).

    The published recipe's epsilon stands inside the root, where it damps gradients below 3e-4 (Tieleman and Hinton,
    2012; Keras 2 and 3).

    Args:
        learning_rate: Learning rate.
        rho: How much of the running mean square stays at each step.
        epsilon: Keeps the denominator from zero.
        settings: Of any Keras optimizer.
    """

    def __init__(self, learning_rate: float = 1e-3, rho: float = 0.9, epsilon: float = 1e-7, **settings: Any) -> None:
        super().__init__(learning_rate, **settings)
        self.rho, self.epsilon = rho, epsilon

    def build(self, variables: list[Variable]) -> None:
        """Add the slots."""
        if not self.built:
            super().build(variables)
            self.slots = {"mean_square": _add_slots(self, variables, "mean_square")}

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update a weight."""
        mean_square = self.slots["mean_square"][self._get_variable_index(variable)]
        self.assign(mean_square, mean_square * self.rho + (1 - self.rho) * gradient * gradient)
        rate = ops.cast(learning_rate, variable.dtype)
        self.assign_sub(variable, rate * gradient / ops.sqrt(mean_square + self.epsilon))

    def get_config(self) -> dict[str, Any]:
        """Return what it can be built from again."""
        return super().get_config() | {"rho": self.rho, "epsilon": self.epsilon}


class Adam(_Alone, Optimizer):
    """Follow running means of gradients over their root mean square (Kingma and Ba, arXiv:1412.6980).

    Args:
        learning_rate: Learning rate.
        beta1: How much of the running mean stays at each step.
        beta2: How much of the running mean square stays at each step.
        epsilon: Keeps the denominator from zero ("epsilon hat" of the paper, as in Keras).
        settings: Of any Keras optimizer.
    """

    def __init__(
        self,
        learning_rate: float = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-7,
        **settings: Any,
    ) -> None:
        super().__init__(learning_rate, **settings)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon

    def build(self, variables: list[Variable]) -> None:
        """Add the slots; every weight counts its own steps."""
        if not self.built:
            super().build(variables)
            self.slots = {name: _add_slots(self, variables, name) for name in ("mean", "mean_square")}
            steps = [self.add_variable((), dtype=variable.dtype, name="steps") for variable in variables]
            self.slots["steps"] = steps

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update a weight."""
        index = self._get_variable_index(variable)
        mean, mean_square, steps = (self.slots[name][index] for name in ("mean", "mean_square", "steps"))
        self.assign_add(steps, 1)
        self.assign_add(mean, (1 - self.beta1) * (gradient - mean))
        self.assign(mean_square, mean_square * self.beta2 + (1 - self.beta2) * gradient * gradient)
        correction = ops.sqrt(1 - self.beta2**steps) / (1 - self.beta1**steps)
        direction = mean / (ops.sqrt(mean_square) + self.epsilon)
        self.assign_sub(variable, direction * (correction * ops.cast(learning_rate, variable.dtype)))

    def get_config(self) -> dict[str, Any]:
        """Return what it can be built from again."""
        return super().get_config() | {"beta1": self.beta1, "beta2": self.beta2, "epsilon": self.epsilon}


class SGD(_Alone, keras.optimizers.SGD):
    """Plain gradient descent."""


OPTIMIZERS: dict[str, type[Optimizer]] = {"rmsprop": RMSprop, "adam": Adam, "sgd": SGD}


def build_optimizer(name: str, network: keras.Model, **settings: float) -> Optimizer:
    """Build an optimizer over a network's weights, with settings of its own.

    Raises:
        ConfigError: There is no optimizer of that name.
    """
    optimizer = choose("training.optimizer", name, OPTIMIZERS)(learning_rate=1e-3, **settings)
    optimizer.build(network.trainable_variables)
    return optimizer


def set_rate(optimizer: Optimizer, rate: float) -> None:
    """Set the learning rate of the next steps."""
    optimizer.learning_rate = rate


def _add_slots(optimizer: Optimizer, variables: list[Variable], name: str) -> list[Variable]:
    """Return a zero slot of every weight's own shape, named so that a kernel's slot is known for one."""
    return [
        optimizer.add_variable(variable.shape, dtype=variable.dtype, name=f"{name}_{variable.name}")
        for variable in variables
    ]
