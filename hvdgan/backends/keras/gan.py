"""A pair of networks in Keras behind the contract of `backends.interface`: arrays in, arrays out.

The whole step is one `tf.function`.

No rank and no Horovod in here: the ring that a Gan is built with wraps both optimizers.
"""

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow import Tensor

from hvdgan.backends.checks import check_response, check_template, choose
from hvdgan.backends.events import IMAGES, Arrays, asked_events, fake_events, real_events
from hvdgan.backends.interface import ENERGY_UNIT, Batch, Draw, GanSpec, Rates, State, is_statistic
from hvdgan.backends.keras.average import Average, Latest
from hvdgan.backends.keras.device import chosen_device
from hvdgan.backends.keras.examine import examine, unchanged
from hvdgan.backends.keras.models import build_model
from hvdgan.backends.keras.optimizers import build_optimizer, set_rate
from hvdgan.backends.keras.sharding import split_networks
from hvdgan.backends.keras.state import Tensors, check, copy_in, network_tensors, optimizer_tensors, to_array
from hvdgan.backends.keras.trainer import Trainer, make_graph
from hvdgan.backends.model import Events
from hvdgan.backends.resolve import is_own
from hvdgan.calo.shower import Conditions
from hvdgan.parallel.ring import Ring

PRECISIONS = {"float32": "float32", "float64": "float64", "bfloat16": "float32"}
"""Type of the weights by precision."""

POLICIES = {"float32": "float32", "float64": "float64", "bfloat16": "mixed_bfloat16"}
"""Keras' name of each precision."""

CELLS_TOGETHER = 2**18
"""Cells of the events that are generated in one go; bounds the memory of `generate`."""

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
            generator, discriminator, self.recipe = build_model(spec)
            self._networks = {"generator": generator, "discriminator": discriminator}
            if is_own(spec.model):
                examine(spec, self._networks, self.recipe, self._tensors_of)
            with unchanged(spec, self._networks, self._tensors_of, ring.shards.count):
                self._partition = split_networks(self._networks, ring.shards)
            self._optimizers = {
                name: ring.wrap(build_optimizer(spec.optimizer, network, **spec.optimizer_args), network, name)
                for name, network in self._networks.items()
            }
            self._shown = Average(generator, spec.averaging) if spec.averaging else Latest(generator)
            self._trainer = Trainer(self._networks, self._optimizers, self.recipe.terms, self.dtype)
        self._response, self._template = tuple(spec.response), spec.template
        self.passes = self.recipe.passes
        self._noises = list(_find_noises(generator)) + list(_find_noises(discriminator))
        self._step = make_graph(self._train)
        shapes = {"noise": (spec.latent_size,), "energy": (), "particle": (len(spec.particles),)}
        shapes |= {"angle": ()} if spec.angles else {}
        shapes |= {} if spec.template is None else {"template": (*spec.image_shape, 1)}
        asked = {name: tf.TensorSpec((None, *shape), self.dtype) for name, shape in shapes.items()}
        self._shower = make_graph(self._make_showers, input_signature=[asked])

    def prepare(self, events: int) -> None:
        """Compile the step, by taking one on empty events, and put everything back."""
        state, passes = self.state(), (self.passes, events)
        energy, particle = np.full(passes, ENERGY_UNIT), np.zeros(passes, dtype=np.int64)
        images = np.zeros((events, *self.spec.image_shape), dtype=np.float32)
        latent, flip = np.zeros((*passes, self.spec.latent_size)), np.zeros((2, events), dtype=bool)
        angle = np.full(passes, self.spec.angles[0]) if self.spec.angles else None
        batch = Batch(images, energy[0].astype(np.float32), particle[0], None if angle is None else angle[0])
        draw = Draw(latent, energy, particle, np.zeros(passes), flip, seed=0, angle=angle)
        self.train_step(batch, draw, Rates(0.0, 0.0))
        self.metrics()
        self.restore(state)

    def train_step(self, batch: Batch, draw: Draw, rates: Rates) -> None:
        """Update both networks, as often and in the order that the model says. Never synchronises with the host."""
        with tf.device(self.device), self.ring.guarded():
            for number, noise in enumerate(self._noises):
                noise.state.assign([draw.seed, number << 32])
            set_rate(self._optimizers["generator"], rates.generator)
            set_rate(self._optimizers["discriminator"], rates.discriminator)
            real = self._tensors_of(real_events(batch, draw, len(self._response), self._template))
            fakes = [
                self._tensors_of(fake_events(draw, number, self._response, self._template))
                for number in range(self.passes)
            ]
            self._step(real, fakes)

    def metrics(self) -> dict[str, float]:
        """Return the mean losses of this rank since the last call, by name; empty when there was no step."""
        return self._trainer.read()

    def generate(self, conditions: Conditions, seed: int, first: int = 0) -> NDArray[np.float32]:
        """Return showers in GeV, (n, x, y, z), for the given conditions; event first + i depends on its index alone."""
        images = np.empty((len(conditions), *self.spec.image_shape), dtype=np.float32)
        together = max(1, CELLS_TOGETHER // int(np.prod(self.spec.image_shape)))
        with tf.device(self.device):
            for start in range(0, len(conditions), together):
                part = slice(start, start + together)
                asked = self._ask(conditions[part], seed, first + start)
                images[part] = self._shower(self._tensors_of(asked)).numpy()
        return images

    def state(self) -> State:
        """Return a copy of all weights, batch-norm statistics and optimizer slots, by canonical name."""
        arrays = self._partition.whole({name: to_array(tensor) for name, tensor in self._tensors().items()})
        known = {} if self._template is None else {"template": self._template.copy()}
        return arrays | known | {"response": np.array(self._response, dtype=np.float64)}

    def restore(self, state: State) -> None:
        """Take over a state.

        Raises:
            DataError: A name is missing or unknown, or an array has another shape; says which and what is needed.
        """
        arrays, tensors = dict(state), self._tensors()
        response = check_response(arrays.pop("response", None), len(self.spec.particles))
        template = check_template(arrays.pop("template", None), self._template)
        arrays = self._partition.part(arrays)
        check(arrays, tensors)
        copy_in(arrays, tensors)
        self._response, self._template = response, template

    def weights(self) -> State:
        """Return a copy of the weights and statistics of both networks, and their average, by canonical name."""
        return self._partition.whole({name: to_array(tensor) for name, tensor in self._weights().items()})

    def take(self, weights: State) -> None:
        """Take over some of them."""
        copy_in(self._partition.part(weights), self._weights())

    def average_statistics(self) -> None:
        """Replace the batch-norm statistics of every rank by their mean over the ring. Collective."""
        tensors = {name: tensor for name, tensor in self._weights().items() if is_statistic(name)}
        whole = self._partition.whole({name: to_array(tensor) for name, tensor in tensors.items()})
        copy_in(self._partition.part(self.ring.mean(whole)), tensors)

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
            name: sum(
                self._partition.count(key, math.prod(one.shape)) for key, one in network_tensors(network, name).items()
            )
            for name, network in self._networks.items()
        }

    def close(self) -> None:
        """Give the memory back; the Gan cannot be used afterwards."""
        self.__dict__.clear()
        keras.utils.clear_session()

    def _train(self, real: Events, fakes: list[Events]) -> None:
        """Do what `train_step` does, on tensors."""
        self.recipe.train(self._trainer, real, fakes)
        self._shown.update()

    def _make_showers(self, asked: Events) -> Tensor:
        """Return images in GeV, (n, x, y, z), by the running statistics."""
        return self._trainer.show(self._shown.network, asked)[..., 0]

    def _ask(self, conditions: Conditions, seed: int, first: int) -> Arrays:
        """Return events to generate."""
        spec = self.spec
        return asked_events(
            conditions, spec.particles, seed, first, spec.latent_size, self._template, bool(spec.angles)
        )

    def _tensors_of(self, events: Arrays) -> dict[str, Tensor]:
        """Bring events to the device; images get their channel axis."""
        channel = {name: events[name][..., None] for name in IMAGES if name in events}
        return {name: self._tensor(array) for name, array in (events | channel).items()}

    def _tensor(self, array: NDArray) -> Tensor:
        """Bring an array to the device without waiting for it."""
        return tf.convert_to_tensor(np.ascontiguousarray(array, dtype=self.dtype))

    def _weights(self) -> Tensors:
        """Return the live weights and statistics of both networks, and their average."""
        tensors = self._shown.tensors()
        for name, network in self._networks.items():
            tensors |= network_tensors(network, name)
        return tensors

    def _tensors(self) -> Tensors:
        """Return everything that lives in variables, by canonical name."""
        tensors = self._weights()
        for name, optimizer in self._optimizers.items():
            tensors |= optimizer_tensors(optimizer, self._networks[name], name)
        return tensors


def _find_noises(network: keras.Layer) -> Iterator[keras.random.SeedGenerator]:
    """Yield the counters of a network's random layers, such as dropout, in the order of layers."""
    for layer in network._flatten_layers(include_self=False, recursive=False):
        if isinstance(getattr(layer, "seed_generator", None), keras.random.SeedGenerator):
            yield layer.seed_generator
        yield from _find_noises(layer)


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
