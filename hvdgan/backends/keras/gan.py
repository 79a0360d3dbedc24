"""3DGAN's training step in Keras: discriminator on real, discriminator on fake, generator twice.

The whole step is one `tf.function`. Gradients are asked for by name, of one network's weights at a time: the update
of the generator cannot train the discriminator, and nothing has to be frozen for it (frozen layers would also stop
normalising by the batch).

No rank and no Horovod in here: the ring that a Gan is built with wraps both optimizers.
"""

import hashlib
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow import Tensor

from hvdgan.backends.checks import check_response, choose, choose_model
from hvdgan.backends.interface import (
    ENERGY_UNIT,
    Batch,
    Draw,
    GanSpec,
    Rates,
    State,
    is_statistic,
    metric_names,
)
from hvdgan.backends.keras.device import chosen_device
from hvdgan.backends.keras.losses import expected_sum, weigh
from hvdgan.backends.keras.networks import build_3dgan
from hvdgan.backends.keras.optimizers import build_optimizer, set_rate
from hvdgan.backends.keras.state import Tensors, check, copy_in, network_tensors, optimizer_tensors, to_array
from hvdgan.backends.latent import latents
from hvdgan.calo.shower import Conditions
from hvdgan.parallel.ring import Ring

MODELS: dict[str, Callable[..., tuple[keras.Model, keras.Model]]] = {"3dgan": build_3dgan}
"""Built-in models: builders of (generator, discriminator) from (image_shape, latent_size, **model_args)."""

PRECISIONS = {"float32": "float32", "float64": "float64", "bfloat16": "float32"}
"""Type of the weights by precision."""

POLICIES = {"float32": "float32", "float64": "float64", "bfloat16": "mixed_bfloat16"}
"""Keras' name of each precision."""

CELLS_TOGETHER = 2**20
"""Cells of the events that are generated in one go; bounds the memory of `generate`."""

DISCRIMINATOR, GENERATOR = 0, 1

tf.config.optimizer.set_experimental_options({"remapping": False})
"""The remapper of TensorFlow 2.21 fails on this step, says so in an error and does nothing: it would gain 1 %."""


class Gan:
    """A generator and a discriminator in Keras; see `backends.interface.Gan` for the contract.

    Args:
        spec: What to build.
        ring: The processes that train together.

    Raises:
        ConfigError: The spec names something unknown, or the grid is too small for the model.
    """

    def __init__(self, spec: GanSpec, ring: Ring) -> None:
        self.spec, self.ring, self.device = spec, ring, chosen_device()
        self.dtype = choose("gan.precision", spec.precision, PRECISIONS)
        with tf.device(self.device), _precision(self.dtype, POLICIES[spec.precision]):
            self.generator, self.discriminator = build_networks(spec)
            self._networks = {"generator": self.generator, "discriminator": self.discriminator}
            self._optimizers = {
                name: ring.wrap(build_optimizer(spec.optimizer, network), network, name)
                for name, network in self._networks.items()
            }
            self._losses = tf.Variable(tf.zeros((2, 4), dtype=self.dtype))
        self._response = tuple(spec.response)
        self._updates = np.zeros(2, dtype=int)
        self._noises = list(_find_noises(self.generator)) + list(_find_noises(self.discriminator))
        self._compile()

    def prepare(self, events: int) -> None:
        """Compile the step, by taking one on empty events, and put everything back."""
        state, latent = self.state(), np.zeros((3, events, self.spec.latent_size))
        images = np.zeros((events, *self.spec.image_shape), dtype=np.float32)
        batch = Batch(images, np.full(events, ENERGY_UNIT, dtype=np.float32))
        draw = Draw(latent, np.full(latent.shape[:2], ENERGY_UNIT), np.zeros((2, events), dtype=bool), seed=0)
        self.train_step(batch, draw, Rates(0.0, 0.0))
        self.metrics()
        self.restore(state)

    def train_step(self, batch: Batch, draw: Draw, rates: Rates) -> None:
        """Update both networks once: D(real), D(fake), then the generator twice. Never synchronises with the host."""
        energy = draw.energy / ENERGY_UNIT
        with tf.device(self.device), self.ring.guarded():
            for number, noise in enumerate(self._noises):
                noise.state.assign([draw.seed, number << 32])
            set_rate(self._optimizers["generator"], rates.generator)
            set_rate(self._optimizers["discriminator"], rates.discriminator)
            self._step(
                self._tensor(batch.images[..., None]),
                self._tensor(batch.energy / ENERGY_UNIT),
                self._tensor(np.stack((~draw.flip[0], draw.flip[1]))),
                self._tensor(draw.latent * energy[:, :, None]),
                self._tensor(energy),
                expected_sum(self._response, self._tensor(energy)),
            )
        self._updates += (2, len(energy) - 1)

    def metrics(self) -> dict[str, float]:
        """Return the mean losses of this rank since the last call, by name; empty when there was no step."""
        if not self._updates.all():
            return {}
        means = self._losses.numpy() / self._updates[:, None]
        self._losses.assign(tf.zeros_like(self._losses))
        self._updates[:] = 0
        return dict(zip(metric_names(), means.ravel().tolist(), strict=True))

    def generate(self, conditions: Conditions, seed: int, first: int = 0) -> NDArray[np.float32]:
        """Return showers in GeV, (n, x, y, z), for the given conditions; event first + i depends on its index alone."""
        images = np.empty((len(conditions), *self.spec.image_shape), dtype=np.float32)
        together = max(1, CELLS_TOGETHER // int(np.prod(self.spec.image_shape)))
        with tf.device(self.device):
            for start in range(0, len(conditions), together):
                energy = conditions.energy[start : start + together] / ENERGY_UNIT
                noise = latents(seed, first + start, len(energy), self.spec.latent_size) * energy[:, None]
                images[start : start + together] = self._shower(self._tensor(noise)).numpy()
        return images

    def state(self) -> State:
        """Return a copy of all weights, batch-norm statistics and optimizer slots, by canonical name."""
        arrays = {name: to_array(tensor) for name, tensor in self._tensors().items()}
        return arrays | {"response": np.array(self._response, dtype=np.float64)}

    def restore(self, state: State) -> None:
        """Take over a state.

        Raises:
            DataError: A name is missing or unknown, or an array has another shape; says which and what is needed.
        """
        arrays, tensors = dict(state), self._tensors()
        response = check_response(arrays.pop("response", None))
        check(arrays, tensors)
        copy_in(arrays, tensors)
        self._response = response

    def average_statistics(self) -> None:
        """Replace the batch-norm statistics of every rank by their mean over the ring. Collective."""
        tensors = {name: tensor for name, tensor in self._weights().items() if is_statistic(name)}
        copy_in(self.ring.mean({name: to_array(tensor) for name, tensor in tensors.items()}), tensors)

    def digest(self) -> str:
        """Return a hash of all trained weights and optimizer slots: equal on replicas, statistics left out."""
        content = hashlib.sha256()
        for name, tensor in sorted(self._tensors().items()):
            if not is_statistic(name):
                content.update(name.encode() + b"\0" + to_array(tensor).tobytes())
        return content.hexdigest()

    def parameters(self) -> dict[str, int]:
        """Return the number of parameters by network, batch-norm statistics included."""
        return {
            name: sum(int(np.prod(tensor.shape)) for tensor in network_tensors(network, name).values())
            for name, network in self._networks.items()
        }

    def close(self) -> None:
        """Give the memory back; the Gan cannot be used afterwards."""
        self.__dict__.clear()
        keras.utils.clear_session()

    def _compile(self) -> None:
        """Make graphs of the step and of the generator; an update that a step makes twice is compiled once."""
        once = {"_noinline": True}
        self._train_discriminator = _graph(self._train_discriminator, experimental_attributes=once)
        self._train_generator = _graph(self._train_generator, experimental_attributes=once)
        self._step = _graph(self._train_both)
        noise = tf.TensorSpec((None, self.spec.latent_size), self.dtype)
        self._shower = _graph(self._make_showers, input_signature=[noise])

    def _make_showers(self, noise: Tensor) -> Tensor:
        """Return images in GeV, (n, x, y, z), by the running statistics."""
        return self.generator(noise, training=False)[..., 0]

    def _train_both(
        self, real: Tensor, energy: Tensor, labels: Tensor, noise: Tensor, asked: Tensor, expected: Tensor
    ) -> None:
        """Do what `train_step` does, on tensors.

        Args:
            real: Images in GeV, (n, x, y, z, 1).
            energy: Their incident energy / 100 GeV, (n,).
            labels: What the discriminator is told of the real and of the fake events, (2, n).
            noise: Inputs of the generator's passes, (3, n, latent_size).
            asked: Incident energy / 100 GeV of each pass, (3, n).
            expected: Expected sum of cells in GeV of each pass, (3, n).
        """
        self._train_discriminator(real, labels[0], energy, tf.reduce_sum(real, axis=(1, 2, 3, 4)))
        self._train_discriminator(self.generator(noise[0], training=True), labels[1], asked[0], expected[0])
        for number in range(1, noise.shape[0]):
            self._train_generator(noise[number], asked[number], expected[number])

    def _train_discriminator(self, images: Tensor, labels: Tensor, energy: Tensor, deposited: Tensor) -> None:
        """Update the discriminator on images in GeV, (n, x, y, z, 1); see `losses.weigh` for the truths."""
        with tf.GradientTape() as tape:
            loss = self._judge(images, labels, energy, deposited)
            total = loss[0]
        self._update(DISCRIMINATOR, tape.gradient(total, self.discriminator.trainable_variables), loss)

    def _train_generator(self, noise: Tensor, energy: Tensor, deposited: Tensor) -> None:
        """Update the generator on one pass of a draw: fakes should be taken for real."""
        with tf.GradientTape() as tape:
            images = self.generator(noise, training=True)
            loss = self._judge(images, tf.ones_like(energy), energy, deposited)
            total = loss[0]
        self._update(GENERATOR, tape.gradient(total, self.generator.trainable_variables), loss)

    def _judge(self, images: Tensor, labels: Tensor, energy: Tensor, deposited: Tensor) -> Tensor:
        """Return the weighted loss of some images and its terms, (4,)."""
        verdict = self.discriminator(images, training=True)
        generation, auxiliary, total = (tf.cast(head, self.dtype) for head in verdict)
        return weigh((generation, auxiliary, total), labels, energy, deposited, self.spec.weights)

    def _update(self, which: int, gradients: list[Tensor], loss: Tensor) -> None:
        """Take one step of an optimizer down its gradients, and note its loss and the terms."""
        name = "generator" if which == GENERATOR else "discriminator"
        self._optimizers[name].apply(gradients, self._networks[name].trainable_variables)
        self._losses[which].assign(self._losses[which] + loss)

    def _tensor(self, array: NDArray) -> Tensor:
        """Bring an array to the device without waiting for it."""
        return tf.convert_to_tensor(np.ascontiguousarray(array, dtype=self.dtype))

    def _weights(self) -> Tensors:
        """Return the live weights and statistics of both networks."""
        return {
            key: tensor
            for name, network in self._networks.items()
            for key, tensor in network_tensors(network, name).items()
        }

    def _tensors(self) -> Tensors:
        """Return everything that lives in variables, by canonical name."""
        tensors = self._weights()
        for name, optimizer in self._optimizers.items():
            tensors |= optimizer_tensors(optimizer, self._networks[name], name)
        return tensors


def build_networks(spec: GanSpec) -> tuple[keras.Model, keras.Model]:
    """Build the networks of a spec; its seed alone decides their initial weights.

    Raises:
        ConfigError: The model or one of its arguments is unknown, or the model refuses the grid.
    """
    build = choose_model(spec, MODELS)
    before = random.getstate()
    random.seed(spec.seed)  # Keras seeds its initialisers with Python's numbers
    try:
        return build(spec.image_shape, spec.latent_size, **spec.model_args)
    finally:
        random.setstate(before)


def _graph(function: Callable[..., Any], **settings: Any) -> Any:
    """Return a function as a graph; wrapped, so that TensorFlow does not count the traces of all Gans as one's."""
    return tf.function(partial(function), autograph=False, **settings)


def _find_noises(network: keras.Model) -> Iterator[keras.random.SeedGenerator]:
    """Yield the counters of a network's random layers, such as dropout, in the order of layers."""
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from _find_noises(layer)
        elif isinstance(getattr(layer, "seed_generator", None), keras.random.SeedGenerator):
            yield layer.seed_generator


@contextmanager
def _precision(weights: str, policy: str) -> Iterator[None]:
    """Let Keras build layers of a policy, and optimizers of the weights' type, in the block."""
    before = keras.config.floatx(), keras.config.dtype_policy()
    try:
        keras.config.set_floatx(weights)
        keras.config.set_dtype_policy(policy)
        yield
    finally:
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])
