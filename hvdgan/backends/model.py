"""The contract between a Gan and its model, in words that both frameworks share.

A model is a function of (image_shape, classes, latent_size, **its own hyper-parameters) that returns a generator and a
discriminator, and a recipe where it is not trained as 3DGAN is. Both networks take one dictionary of tensors, see
`backends.events`: the generator `noise`, the discriminator `images`, and both `energy`, `particle` and, where it varies
in the data, `angle`; a builder with a keyword `angles` is told whether it does. The generator returns images in GeV,
the discriminator a dictionary of what it says of each event, by head. MODELS.md tells users the same, with examples;
`backends.contract` holds their models to it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

Tensor = Any
"""A tensor of either framework."""

Events = Mapping[str, Tensor]
"""Tensors by name, see `backends.events`; images have a channel axis, where the framework wants it."""

Loss = Callable[..., Tensor]
"""From a trainer and events to the total loss and its terms in a row, (1 + terms,)."""


class Trainer(Protocol):
    """Two networks on tensors, and what trains them; a recipe is written in these four words."""

    def make(self, events: Events) -> Tensor:
        """Return the images in GeV that the generator makes of some noise."""

    def imagine(self, events: Events) -> Events:
        """Return fakes with their images instead of their noise, made without a thought of gradients."""

    def judge(self, images: Tensor, events: Events) -> Mapping[str, Tensor]:
        """Return what the discriminator says of images that were made under the conditions of some events, by head."""

    def update(self, name: str, loss: Loss, *events: Events) -> None:
        """Take one step of a network down a loss of some events; the other network is not trained.

        Args:
            name: "generator" or "discriminator".
            loss: Called as loss(trainer, *events); each of the recipe's losses is compiled once.
            events: What the loss is of.
        """


class Recipe(Protocol):
    """How a model is trained: the losses and the order of updates of one step.

    Losses are means over the batch, so that gradients average exactly over the ranks of a ring.
    """

    terms: tuple[str, ...]
    """Names of the loss terms, the same for both networks."""
    heads: Mapping[str, int]
    """What the discriminator must say of an event, by name: 1 number, (n,), or more, (n, numbers)."""
    passes: int
    """How often a step runs the generator."""

    def train(self, trainer: Trainer, real: Events, fakes: Sequence[Events]) -> None:
        """Do one step.

        Args:
            trainer: The networks.
            real: A batch of real events.
            fakes: As many fakes for each pass of the generator, not yet made.
        """
