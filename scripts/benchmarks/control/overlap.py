"""Orders of a step: where it waits for gradients that are on their way. One rank; see scripts/benchmarks/knobs."""

import argparse
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager

import numpy as np
import torch
from torch import Tensor

from hvdgan.backends.interface import NETWORKS, Batch, GanSpec, Rates
from hvdgan.backends.model import Events, Loss
from hvdgan.backends.torch import Gan
from hvdgan.backends.torch.trainer import Trainer
from hvdgan.errors import HvdganError
from hvdgan.parallel.horovod_torch import open_ring
from hvdgan.parallel.ring import Ring
from hvdgan.parallel.world import World
from hvdgan.training.draws import draw

ORDERS = {
    "waits at once": (),
    "the same again": (),
    "discriminator's overlap": ("discriminator",),
    "generator's, too": ("discriminator", "generator"),
}
"""Networks whose new weights are waited for where they are needed, not at the end of the backward pass. The second row
shows how far two equal ones lie from each other."""

WARM, EVENTS, RATES = 3, 8, Rates(1e-4, 1e-4)


class Late(Trainer):
    """A trainer that takes the step of some networks when their new weights are needed.

    Args:
        trainer: What it takes the place of.
        late: Names of these networks.
    """

    def __init__(self, trainer: Trainer, late: tuple[str, ...]) -> None:
        super().__init__(trainer.networks, trainer.optimizers, trainer.terms, trainer.precision)
        self._late, self._due = late, set()

    def make(self, events: Events) -> Tensor:
        """Make images, with new weights."""
        self.settle("generator")
        return super().make(events)

    def judge(self, images: Tensor, events: Events) -> Mapping[str, Tensor]:
        """Judge images, with new weights."""
        self.settle("discriminator")
        return super().judge(images, events)

    def update(self, name: str, loss: Loss, *events: Events) -> None:
        """Send the gradients of a network on their way, and let those of the other arrive."""
        with self._frozen(name):
            self._refuse_strays(name)
            losses = loss(self, *events)
            self.settle(*self._due)
            self.optimizers[name].zero_grad()
            losses[0].backward()
        self._due.add(name)
        if name not in self._late:
            self.settle(name)
        self._sums[NETWORKS.index(name)] += torch.cat((self._one, losses.detach()))

    def settle(self, *names: str) -> None:
        """Take the steps of networks that are due."""
        for name in self._due.intersection(names):
            self.optimizers[name].step()
            self._due.remove(name)


def measure(world: World, options: argparse.Namespace) -> dict[str, dict[str, list[float]]]:
    """Return the seconds of a step for every order and repeat, by the networks that take it.

    Raises:
        HvdganError: An order changes a loss or a weight.
    """
    sizes = dict(zip(NETWORKS, options.sizes or (), strict=False))
    models = {
        f"A step of networks that sleep {options.compute:g} s": GanSpec(
            (2, 2, 2), 4, model="control.asleep:build", model_args={"compute": options.compute, **sizes}
        ),
        "A step of 3dgan, 8 x 8 x 8 cells, width 0.25": GanSpec((8, 8, 8), 16, model_args={"width": 0.25}),
    }
    with open_ring(world) as ring:
        return {title: compare(spec, ring, options.steps, options.repeats) for title, spec in models.items()}


def compare(spec: GanSpec, ring: Ring, steps: int, repeats: int) -> dict[str, list[float]]:
    """Return the seconds of a step for every order and repeat.

    Raises:
        HvdganError: An order changes a loss or a weight.
    """
    found: dict[str, list[float]] = {order: [] for order in ORDERS}
    with gans(spec, ring) as ordered:
        for gan in ordered.values():
            run(gan, ring, 0, WARM)
        for repeat in range(repeats):
            for order in np.random.default_rng(repeat).permutation(list(ORDERS)):
                found[order].append(run(ordered[order], ring, WARM + repeat * steps, steps))
        confirm(ordered)
    return found


@contextmanager
def gans(spec: GanSpec, ring: Ring) -> Iterator[dict[str, Gan]]:
    """Build a Gan for every order."""
    with ExitStack() as stack:
        ordered = {order: stack.enter_context(closing(Gan(spec, ring))) for order in ORDERS}
        for order, gan in ordered.items():
            gan._trainer = Late(gan._trainer, ORDERS[order])
        yield ordered


def run(gan: Gan, ring: Ring, first: int, steps: int) -> float:
    """Do some steps, and return the seconds of one; the ranks begin together."""
    shape, size = gan.spec.image_shape, gan.spec.latent_size
    sizes = {"passes": gan.passes, "classes": 1, "energies": (10.0, 500.0), "label_flip": 0.05}
    energy, particle = np.full(EVENTS, 100, dtype=np.float32), np.zeros(EVENTS, dtype=np.int64)
    random = np.random.default_rng((first, ring.rank))
    batches = [Batch(random.random((EVENTS, *shape), dtype=np.float32), energy, particle) for _ in range(steps)]
    ring.mean({"start": 0.0})
    start = time.perf_counter()
    for step, batch in enumerate(batches, start=first):
        noise = draw(0, step, ring.rank * EVENTS, EVENTS, size, **sizes)
        gan.train_step(batch, noise, RATES)
        ring.exchange_word(0)
    gan._trainer.settle(*NETWORKS)
    return (time.perf_counter() - start) / steps


def confirm(ordered: Mapping[str, Gan]) -> None:
    """Compare losses and weights of all orders, to the last bit.

    Raises:
        HvdganError: They differ.
    """
    first, *others = [(gan.metrics(), gan.digest()) for gan in ordered.values()]
    for order, found in zip(list(ordered)[1:], others, strict=True):
        if found != first:
            raise HvdganError(f"{order}: losses or weights are not those of {next(iter(ordered))}")
