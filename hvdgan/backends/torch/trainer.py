"""Two networks on tensors and what trains them; see `backends.model.Trainer` for the contract."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from hvdgan.backends.events import CONDITIONS
from hvdgan.backends.interface import NETWORKS, UnfrozenError, metric_names
from hvdgan.backends.model import Events, Loss


class Trainer:
    """A generator and a discriminator with their optimizers; sums up their losses on the device.

    Args:
        networks: The networks by name.
        optimizers: Their optimizers by the same names.
        terms: Names of the loss terms.
        precision: Arithmetic of the networks.
    """

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        optimizers: Mapping[str, Optimizer],
        terms: tuple[str, ...],
        precision: str,
    ) -> None:
        weight = next(networks["generator"].parameters())
        self.networks, self.optimizers, self.terms = networks, optimizers, terms
        self.dtype, self.device, self.precision = weight.dtype, weight.device, precision
        self._sums = torch.zeros((len(NETWORKS), 2 + len(terms)), dtype=self.dtype, device=self.device)
        self._one = torch.ones(1, dtype=self.dtype, device=self.device)

    def make(self, events: Events) -> Tensor:
        """Return the images in GeV, (n, 1, x, y, z), that the generator makes of some noise."""
        with self._autocast():
            images = self.networks["generator"](_pick(events, "noise"))
        return images.to(self.dtype)

    def imagine(self, events: Events) -> Events:
        """Return fakes with their images instead of their noise, made without a thought of gradients."""
        with torch.no_grad():
            images = self.make(events)
        return {"images": images, **_pick(events, "deposited", "label")}

    def judge(self, images: Tensor, events: Events) -> Mapping[str, Tensor]:
        """Return what the discriminator says of images that were made under the conditions of some events, by head."""
        with self._autocast():
            heads = self.networks["discriminator"]({"images": images, **_pick(events)})
        return {name: head.to(self.dtype) for name, head in heads.items()}

    def update(self, name: str, loss: Loss, *events: Events) -> None:
        """Take one step of a network down a loss of some events; the other network is not trained."""
        with self._frozen(name):
            self._refuse_strays(name)
            losses = loss(self, *events)
            self.optimizers[name].zero_grad()
            losses[0].backward()
            self.optimizers[name].step()
        self._sums[NETWORKS.index(name)] += torch.cat((self._one, losses.detach()))

    @torch.no_grad()
    def show(self, network: nn.Module, events: Events) -> Tensor:
        """Return the images in GeV, (n, 1, x, y, z), that a trained generator makes, by its running statistics."""
        network.eval()
        with self._autocast():
            images = network(_pick(events, "noise"))
        network.train()
        return images

    def read(self) -> dict[str, float]:
        """Return the mean losses since the last call, by name; empty when a network had no update."""
        sums = self._sums.cpu().numpy().copy()
        self._sums.zero_()
        counts, losses = sums[:, :1], sums[:, 1:]
        if not counts.all():
            return {}
        return dict(zip(metric_names(self.terms), (losses / counts).ravel().tolist(), strict=True))

    @contextmanager
    def _frozen(self, name: str) -> Iterator[None]:
        """Keep all networks but one out of the backward pass: no gradients, and no all-reduce, of their weights."""
        others = [network for other, network in self.networks.items() if other != name]
        weights = [weight for network in others for weight in network.parameters() if weight.requires_grad]
        try:
            for weight in weights:
                weight.requires_grad_(False)
            yield
        finally:
            for weight in weights:
                weight.requires_grad_(True)

    def _refuse_strays(self, name: str) -> None:
        """Raise unless only one network can be trained."""
        for other, network in self.networks.items():
            if other != name and any(weight.requires_grad for weight in network.parameters()):
                raise UnfrozenError(name, other)

    def _autocast(self) -> AbstractContextManager[None]:
        """Compute in bfloat16 where the spec says so."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16")


def _pick(events: Events, *names: str) -> dict[str, Tensor]:
    """Return the conditions of events, and what else is named."""
    return {name: events[name] for name in (*names, *CONDITIONS) if name in events}
