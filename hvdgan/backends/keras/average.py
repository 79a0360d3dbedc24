"""The generator that is judged and generated with: the latest one, or an average over the last part of the training."""

import keras
import tensorflow as tf
from tensorflow import Tensor

from hvdgan.backends.keras.state import Tensors, network_tensors
from hvdgan.backends.model import Events


class Latest:
    """The generator as it is.

    Args:
        network: The generator that is trained.
    """

    def __init__(self, network: keras.Model) -> None:
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
        network: The generator that is trained.
        fraction: Above 0; 1 weighs all steps alike.
    """

    def __init__(self, network: keras.Model, fraction: float) -> None:
        self._live = network_tensors(network, "average")
        self._own = {name: _copy(variable) for name, variable in self._live.items()}
        self._power, self._trained, self.network = 1 / fraction, network, self._make
        self._updates = keras.Variable(0.0, dtype=network.weights[0].dtype, trainable=False, name="updates")

    def update(self) -> None:
        """Take the weights in after a step."""
        self._updates.assign_add(1)
        kept = (1 - 1 / self._updates) ** self._power
        for name, variable in self._own.items():
            variable.assign(kept * variable + (1 - kept) * self._live[name])

    def tensors(self) -> Tensors:
        """Return the live variables of the average, by canonical name."""
        return self._own | {"average/updates": self._updates}

    def _make(self, events: Events, training: bool = False) -> Tensor:
        """Return the images that the averaged generator makes of some noise."""
        own = {id(self._live[name]): variable for name, variable in self._own.items()}
        trained = self._trained.trainable_variables, self._trained.non_trainable_variables
        values = [[own.get(id(variable), variable).value for variable in variables] for variables in trained]
        return self._trained.stateless_call(*values, events, training=training)[0]


def _copy(variable: keras.Variable) -> keras.Variable:
    """Return a variable of the same name and value."""
    return keras.Variable(tf.identity(variable.value), dtype=variable.dtype, trainable=False, name=variable.name)
