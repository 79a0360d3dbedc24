"""3DGAN's training step in torch: discriminator on real, discriminator on fake, generator twice.

No rank and no Horovod in here: the ring that a Gan is built with wraps both optimizers.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hvdgan.backends.checks import check_response, choose, choose_model
from hvdgan.backends.interface import (
    ENERGY_UNIT,
    Batch,
    Draw,
    GanSpec,
    Rates,
    State,
    UnfrozenDiscriminatorError,
    is_statistic,
    metric_names,
)
from hvdgan.backends.latent import latents
from hvdgan.backends.torch.device import chosen_device
from hvdgan.backends.torch.losses import expected_sum, weigh
from hvdgan.backends.torch.networks import build_3dgan
from hvdgan.backends.torch.optimizers import build_optimizer, set_rate
from hvdgan.backends.torch.state import Tensors, check, copy_in, network_tensors, optimizer_tensors, to_array
from hvdgan.calo.shower import Conditions
from hvdgan.parallel.ring import Ring

MODELS: dict[str, Callable[..., tuple[nn.Module, nn.Module]]] = {"3dgan": build_3dgan}
"""Built-in models: builders of (generator, discriminator) from (image_shape, latent_size, **model_args)."""

PRECISIONS = {"float32": torch.float32, "float64": torch.float64, "bfloat16": torch.float32}
"""Type of the weights by precision."""

CELLS_TOGETHER = 2**20
"""Cells of the events that are generated in one go; bounds the memory of `generate`."""

DISCRIMINATOR, GENERATOR = 0, 1


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
        self.generator, self.discriminator = (self._place(network) for network in build_networks(spec))
        self._networks = {"generator": self.generator, "discriminator": self.discriminator}
        self._optimizers = {
            name: ring.wrap(build_optimizer(spec.optimizer, network), network, name)
            for name, network in self._networks.items()
        }
        self._response = tuple(spec.response)
        self._losses = torch.zeros((2, 4), dtype=self.dtype, device=self.device)
        self._updates = np.zeros(2, dtype=int)

    def prepare(self, events: int) -> None:
        """Do nothing: torch has nothing to compile."""

    def train_step(self, batch: Batch, draw: Draw, rates: Rates) -> None:
        """Update both networks once: D(real), D(fake), then the generator twice. Never synchronises with the host."""
        torch.manual_seed(draw.seed)
        set_rate(self._optimizers["generator"], rates.generator)
        set_rate(self._optimizers["discriminator"], rates.discriminator)
        real, energy = self._tensor(batch.images).unsqueeze(1), self._tensor(batch.energy / ENERGY_UNIT)
        labels = self._tensor(~draw.flip[0]), self._tensor(draw.flip[1])
        self._train_discriminator(real, labels[0], energy, real.sum(dim=(1, 2, 3, 4)))
        with torch.no_grad():
            fake, energy = self._imagine(draw, 0)
        self._train_discriminator(fake, labels[1], energy, expected_sum(self._response, energy))
        for number in range(1, len(draw.latent)):
            self._train_generator(draw, number)

    def metrics(self) -> dict[str, float]:
        """Return the mean losses of this rank since the last call, by name; empty when there was no step."""
        if not self._updates.all():
            return {}
        means = self._losses.cpu().numpy() / self._updates[:, None]
        self._losses.zero_()
        self._updates[:] = 0
        return dict(zip(metric_names(), means.ravel().tolist(), strict=True))

    def generate(self, conditions: Conditions, seed: int, first: int = 0) -> NDArray[np.float32]:
        """Return showers in GeV, (n, x, y, z), for the given conditions; event first + i depends on its index alone."""
        images = np.empty((len(conditions), *self.spec.image_shape), dtype=np.float32)
        together = max(1, CELLS_TOGETHER // int(np.prod(self.spec.image_shape)))
        self.generator.eval()
        with torch.no_grad(), self._autocast():
            for start in range(0, len(conditions), together):
                energy = conditions.energy[start : start + together] / ENERGY_UNIT
                noise = latents(seed, first + start, len(energy), self.spec.latent_size) * energy[:, None]
                images[start : start + together] = self.generator(self._tensor(noise)).squeeze(1).float().cpu().numpy()
        self.generator.train()
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
            name: sum(tensor.numel() for tensor in network_tensors(network, name).values())
            for name, network in self._networks.items()
        }

    def close(self) -> None:
        """Give the memory back; the Gan cannot be used afterwards."""
        self.__dict__.clear()
        torch.cuda.empty_cache()

    def _train_discriminator(self, images: Tensor, labels: Tensor, energy: Tensor, deposited: Tensor) -> None:
        """Update the discriminator on images in GeV, (n, 1, x, y, z); see `losses.weigh` for the truths."""
        self._update(DISCRIMINATOR, self._judge(images, labels, energy, deposited))

    def _train_generator(self, draw: Draw, number: int) -> None:
        """Update the generator on one pass of a draw: fakes should be taken for real."""
        with self._frozen():
            if any(weight.requires_grad for weight in self.discriminator.parameters()):
                raise UnfrozenDiscriminatorError
            images, energy = self._imagine(draw, number)
            labels = torch.ones_like(energy)
            self._update(GENERATOR, self._judge(images, labels, energy, expected_sum(self._response, energy)))

    def _judge(self, images: Tensor, labels: Tensor, energy: Tensor, deposited: Tensor) -> Tensor:
        """Return the weighted loss of some images and its terms, (4,)."""
        with self._autocast():
            verdict = self.discriminator(images)
        generation, auxiliary, total = (head.to(self.dtype) for head in verdict)
        return weigh((generation, auxiliary, total), labels, energy, deposited, self.spec.weights)

    def _imagine(self, draw: Draw, number: int) -> tuple[Tensor, Tensor]:
        """Return the fakes of one pass of a draw, (n, 1, x, y, z) in GeV, and their energy / 100 GeV, (n,)."""
        energy = draw.energy[number] / ENERGY_UNIT
        with self._autocast():
            images = self.generator(self._tensor(draw.latent[number] * energy[:, None]))
        return images.to(self.dtype), self._tensor(energy)

    def _update(self, which: int, loss: Tensor) -> None:
        """Take one step of an optimizer down its loss (the first entry), and note all entries."""
        optimizer = self._optimizers["generator" if which == GENERATOR else "discriminator"]
        optimizer.zero_grad()
        loss[0].backward()
        optimizer.step()
        self._losses[which] += loss.detach()
        self._updates[which] += 1

    @contextmanager
    def _frozen(self) -> Iterator[None]:
        """Keep the discriminator out of the backward pass: no gradients, and no all-reduce, of its weights."""
        self.discriminator.requires_grad_(False)
        try:
            yield
        finally:
            self.discriminator.requires_grad_(True)

    def _autocast(self) -> AbstractContextManager[None]:
        """Compute in bfloat16 where the spec says so."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.spec.precision == "bfloat16")

    def _place(self, network: nn.Module) -> nn.Module:
        """Give a network its device, precision and memory layout."""
        layout = torch.channels_last_3d if self.spec.channels_last else torch.contiguous_format
        return network.to(self.device, self.dtype).to(memory_format=layout)

    def _tensor(self, array: NDArray) -> Tensor:
        """Bring an array to the device without waiting for it."""
        tensor = torch.from_numpy(np.ascontiguousarray(array)).to(self.dtype)
        pinned = tensor.pin_memory() if self.device.type == "cuda" else tensor
        return pinned.to(self.device, non_blocking=True)

    def _weights(self) -> Tensors:
        """Return the live weights and statistics of both networks."""
        return {
            key: tensor
            for name, network in self._networks.items()
            for key, tensor in network_tensors(network, name).items()
        }

    def _tensors(self) -> Tensors:
        """Return everything that lives in tensors, by canonical name."""
        tensors = self._weights()
        for name, optimizer in self._optimizers.items():
            tensors |= optimizer_tensors(optimizer, self._networks[name], name)
        return tensors


def build_networks(spec: GanSpec) -> tuple[nn.Module, nn.Module]:
    """Build the networks of a spec; its seed alone decides their initial weights.

    Raises:
        ConfigError: The model or one of its arguments is unknown, or the model refuses the grid.
    """
    build = choose_model(spec, MODELS)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.seed)
        return build(spec.image_shape, spec.latent_size, **spec.model_args)
