"""A pair of networks in torch behind the contract of `backends.interface`: arrays in, arrays out.

No rank and no Horovod in here: the ring that a Gan is built with wraps both optimizers.
"""

import hashlib

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hvdgan.backends import heap
from hvdgan.backends.checks import check_response, check_template, choose
from hvdgan.backends.events import IMAGES, Arrays, asked_events, fake_events, real_events
from hvdgan.backends.interface import Batch, Draw, GanSpec, Rates, State, is_statistic
from hvdgan.backends.resolve import is_own
from hvdgan.backends.torch.average import Average, Latest
from hvdgan.backends.torch.device import chosen_device
from hvdgan.backends.torch.examine import examine, unchanged
from hvdgan.backends.torch.models import build_model
from hvdgan.backends.torch.optimizers import build_optimizer, set_rate
from hvdgan.backends.torch.sharding import split_networks
from hvdgan.backends.torch.state import Tensors, check, copy_in, network_tensors, optimizer_tensors, to_array
from hvdgan.backends.torch.trainer import Trainer
from hvdgan.calo.shower import Conditions
from hvdgan.parallel.ring import Ring

PRECISIONS = {"float32": torch.float32, "float64": torch.float64, "bfloat16": torch.float32}
"""Type of the weights by precision."""

CELLS_TOGETHER = 2**18
"""Cells of the events that are generated in one go; bounds the memory of `generate`."""


class Gan:
    """A generator and a discriminator in torch; see `backends.interface.Gan` for the contract.

    Args:
        spec: What to build.
        ring: The processes that train together.

    Raises:
        ConfigError: The spec names something unknown, or the grid is too small for the model.
    """

    def __init__(self, spec: GanSpec, ring: Ring) -> None:
        self.spec, self.ring, self.device = spec, ring, chosen_device()
        self.dtype = choose("gan.precision", spec.precision, PRECISIONS)
        if ring.shards.count == 1:  # models are split to save memory, not time
            heap.keep_freed()
        generator, discriminator, self.recipe = build_model(spec)
        self._networks = {"generator": self._place(generator), "discriminator": self._place(discriminator)}
        if is_own(spec.model):
            examine(spec, self._networks, self.recipe, self._tensors_of)
        with unchanged(spec, self._networks, self._tensors_of, ring.shards.count):
            self._partition = split_networks(self._networks, ring.shards)
            self._networks = {name: self._place(network) for name, network in self._networks.items()}  # lays parts out
        self._shown = Average(generator, spec.averaging) if spec.averaging else Latest(generator)
        self._optimizers = {
            name: ring.wrap(build_optimizer(spec.optimizer, network, **spec.optimizer_args), network, name)
            for name, network in self._networks.items()
        }
        self._trainer = Trainer(self._networks, self._optimizers, self.recipe.terms, spec.precision)
        self._response, self._template = tuple(spec.response), spec.template
        self.passes = self.recipe.passes

    def prepare(self, events: int) -> None:
        """Do nothing: torch has nothing to compile."""

    def train_step(self, batch: Batch, draw: Draw, rates: Rates) -> None:
        """Update both networks, as often and in the order that the model says. Never synchronises with the host."""
        torch.manual_seed(draw.seed)
        set_rate(self._optimizers["generator"], rates.generator)
        set_rate(self._optimizers["discriminator"], rates.discriminator)
        real = self._tensors_of(real_events(batch, draw, len(self._response), self._template))
        fakes = [
            self._tensors_of(fake_events(draw, number, self._response, self._template)) for number in range(self.passes)
        ]
        self.recipe.train(self._trainer, real, fakes)
        self._shown.update()

    def metrics(self) -> dict[str, float]:
        """Return the mean losses of this rank since the last call, by name; empty when there was no step."""
        return self._trainer.read()

    def generate(self, conditions: Conditions, seed: int, first: int = 0) -> NDArray[np.float32]:
        """Return showers in GeV, (n, x, y, z), for the given conditions; event first + i depends on its index alone."""
        images = np.empty((len(conditions), *self.spec.image_shape), dtype=np.float32)
        together = max(1, CELLS_TOGETHER // int(np.prod(self.spec.image_shape)))
        for start in range(0, len(conditions), together):
            part = slice(start, start + together)
            asked = self._ask(conditions[part], seed, first + start)
            shown = self._trainer.show(self._shown.network, self._tensors_of(asked))
            images[part] = shown.squeeze(1).float().cpu().numpy()
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
            name: sum(self._partition.count(key, one.numel()) for key, one in network_tensors(network, name).items())
            for name, network in self._networks.items()
        }

    def close(self) -> None:
        """Give the memory back; the Gan cannot be used afterwards."""
        self.__dict__.clear()
        heap.give_back()
        torch.cuda.empty_cache()

    def _place(self, network: nn.Module) -> nn.Module:
        """Give a network its device, precision and memory layout."""
        layout = torch.channels_last_3d if self.spec.channels_last else torch.contiguous_format
        return network.to(self.device, self.dtype).to(memory_format=layout)

    def _ask(self, conditions: Conditions, seed: int, first: int) -> Arrays:
        """Return events to generate."""
        spec = self.spec
        return asked_events(
            conditions, spec.particles, seed, first, spec.latent_size, self._template, bool(spec.angles)
        )

    def _tensors_of(self, events: Arrays) -> dict[str, Tensor]:
        """Bring events to the device; images get their channel axis."""
        channel = {name: events[name][:, None] for name in IMAGES if name in events}
        return {name: self._tensor(array) for name, array in (events | channel).items()}

    def _tensor(self, array: NDArray) -> Tensor:
        """Bring an array to the device without waiting for it."""
        tensor = torch.from_numpy(np.ascontiguousarray(array)).to(self.dtype)
        pinned = tensor.pin_memory() if self.device.type == "cuda" else tensor
        return pinned.to(self.device, non_blocking=True)

    def _weights(self) -> Tensors:
        """Return the live weights and statistics of both networks, and their average."""
        tensors = self._shown.tensors()
        for name, network in self._networks.items():
            tensors |= network_tensors(network, name)
        return tensors

    def _tensors(self) -> Tensors:
        """Return everything that lives in tensors, by canonical name."""
        tensors = self._weights()
        for name, optimizer in self._optimizers.items():
            tensors |= optimizer_tensors(optimizer, self._networks[name], name)
        return tensors
