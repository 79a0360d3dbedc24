"""Two networks on tensors and what trains them; see `backends.model.Trainer` for the contract."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras
import tensorflow as tf
from keras import Optimizer
from tensorflow import Tensor

from hvdgan.backends.events import CONDITIONS
from hvdgan.backends.interface import NETWORKS, metric_names
from hvdgan.backends.model import Events, Loss


class Trainer:
    """A generator and a discriminator with their optimizers; sums up their losses on the device.

    Gradients are asked for by name, of one network's weights at a time: an update cannot train the other network, and
    nothing has to be frozen for it (frozen layers would also stop normalising by the batch).

    Args:
        networks: The networks by name.
        optimizers: Their optimizers by the same names.
        terms: Names of the loss terms.
        precision: Type of the weights.
    """

    def __init__(
        self,
        networks: Mapping[str, keras.Model],
        optimizers: Mapping[str, Optimizer],
        terms: tuple[str, ...],
        precision: str,
    ) -> None:
        self.networks, self.optimizers, self.terms, self.dtype = networks, optimizers, terms, precision
        self._sums = tf.Variable(tf.zeros((len(NETWORKS), 2 + len(terms)), dtype=precision))
        self._graphs: dict[tuple[str, Loss], Any] = {}

    def make(self, events: Events) -> Tensor:
        """Return the images in GeV, (n, x, y, z, 1), that the generator makes of some noise."""
        return tf.cast(self.networks["generator"](_pick(events, "noise"), training=True), self.dtype)

    def imagine(self, events: Events) -> Events:
        """Return fakes with their images instead of their noise, made without a thought of gradients."""
        return {"images": self.make(events), **_pick(events, "deposited", "label")}

    def judge(self, images: Tensor, events: Events) -> Mapping[str, Tensor]:
        """Return what the discriminator says of images that were made under the conditions of some events, by head."""
        heads = self.networks["discriminator"]({"images": images, **_pick(events)}, training=True)
        return {name: tf.cast(head, self.dtype) for name, head in heads.items()}

    def update(self, name: str, loss: Loss, *events: Events) -> None:
        """Take one step of a network down a loss of some events; the other network is not trained."""
        key = name, loss
        if key not in self._graphs:
            self._graphs[key] = make_graph(partial(self._update, *key), experimental_attributes={"_noinline": True})
        self._graphs[key](*events)

    def show(self, network: keras.Model, events: Events) -> Tensor:
        """Return the images in GeV, (n, x, y, z, 1), that a trained generator makes, by its running statistics."""
        return network(_pick(events, "noise"), training=False)

    def read(self) -> dict[str, float]:
        """Return the mean losses since the last call, by name; empty when a network had no update."""
        sums = self._sums.numpy().copy()
        self._sums.assign(tf.zeros_like(self._sums))
        counts, losses = sums[:, :1], sums[:, 1:]
        if not counts.all():
            return {}
        return dict(zip(metric_names(self.terms), (losses / counts).ravel().tolist(), strict=True))

    def _update(self, name: str, loss: Loss, *events: Events) -> None:
        """Do what `update` does; compiled once for all the updates of a loss."""
        weights = self.networks[name].trainable_variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([weight.value for weight in weights])
            losses = loss(self, *events)
            total = losses[0]
        gradients = tape.gradient(total, [weight.value for weight in weights])
        self.optimizers[name].apply(gradients, weights)
        sums = self._sums[NETWORKS.index(name)]
        sums.assign(sums + tf.concat((tf.ones(1, dtype=self.dtype), losses), axis=0))


def make_graph(function: Callable[..., Any], **settings: Any) -> Any:
    """Return a function as a graph; wrapped, so that TensorFlow does not count the traces of all Gans as one's."""
    return tf.function(partial(function), autograph=False, **settings)


def _pick(events: Events, *names: str) -> dict[str, Tensor]:
    """Return the conditions of events, and what else is named."""
    return {name: events[name] for name in (*names, *CONDITIONS) if name in events}
