"""A Wasserstein GAN with gradient penalty, conditional on incident energy, class and angle, for small grids.

Gulrajani et al., arXiv:1704.00028. The critic sees cells relative to what is typical of the incident energy, as a root,
and the profiles of the shower along the axes; the generator's cells are scaled by the incident energy, or multiply the
template, where `gan.template` gives one.
"""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional

from hvdgan.backends.model import Events, Trainer
from hvdgan.backends.published import SLOPE, Cells, filters
from hvdgan.backends.torch.cells import CellScale, Cut
from hvdgan.backends.torch.networks import initialise
from hvdgan.backends.wasserstein import (
    CRITIC_FILTERS,
    CRITIC_UNITS,
    GENERATOR_FILTERS,
    GENTLE,
    HEAD_START,
    SAMPLED,
    check_wgan_gp,
    seed_shape,
)


class Shaper(nn.ModuleDict):
    """The generator: noise and conditions to cells in their measure, and those to GeV.

    Args:
        image_shape: Cells along x, y, z.
        inputs: Numbers of an event: noise, energy, classes, angle.
        width: Scales the numbers of filters.
        scale: How cells are measured, for an incident energy of 100 GeV.
    """

    def __init__(self, image_shape: Cells, inputs: int, width: float, scale: CellScale) -> None:
        seed, (first, wide, narrow) = seed_shape(image_shape), (filters(one, width) for one in GENERATOR_FILTERS)
        super().__init__(
            {
                "seed": nn.Linear(inputs, first * prod(seed)),
                "conv1": nn.Conv3d(first, wide, 3, padding=1),
                "conv2": nn.Conv3d(wide, narrow, 3, padding=1),
                "conv3": nn.Conv3d(narrow, 1, 3, padding=1),
            }
        )
        self.seed_shape, self.scale = (first, *seed), scale
        self.window = Cut(image_shape, CellScale(1.0, 1.0))
        initialise(self)
        nn.init.xavier_uniform_(self["conv3"].weight, gain=GENTLE)

    def forward(self, events: Events) -> Tensor:
        """Make images in GeV, (n, 1, x, y, z), of some noise."""
        features = torch.cat((events["noise"], describe(events)), dim=1)
        features = functional.leaky_relu(self["seed"](features), SLOPE).unflatten(1, self.seed_shape)
        for name in ("conv1", "conv2"):
            doubled = functional.interpolate(features, scale_factor=2)
            features = functional.leaky_relu(self[name](doubled), SLOPE)
        cells = torch.relu(self.window(self["conv3"](features)) + HEAD_START["template" in events])
        unit = events["template"] if "template" in events else _spread(events["energy"]) * self.scale.unit
        return cells ** (1 / self.scale.power) * unit


class Critic(nn.ModuleDict):
    """The critic: how real a shower looks for its energy and class.

    Args:
        image_shape: Cells along x, y, z.
        conditions: Numbers that tell an event's conditions, see `describe`.
        width: Scales the numbers of filters.
        scale: How cells are measured, for an incident energy of 100 GeV.
    """

    def __init__(self, image_shape: Cells, conditions: int, width: float, scale: CellScale) -> None:
        first, second = (filters(one, width) for one in CRITIC_FILTERS)
        units, features = filters(CRITIC_UNITS, width), second * prod(seed_shape(image_shape))
        super().__init__(
            {
                "conv1": nn.Conv3d(1, first, 3, stride=2, padding=1),
                "conv2": nn.Conv3d(first, second, 3, stride=2, padding=1),
                "meet": nn.Linear(features + sum(image_shape) + conditions, units),
                "verdict": nn.Linear(units, 1),
            }
        )
        self.scale = scale
        initialise(self)

    def forward(self, events: Events) -> dict[str, Tensor]:
        """Judge images in GeV, (n, 1, x, y, z); the higher the score, (n,), the more real."""
        return {"score": self.score(self.measure(events["images"], events), events)}

    def measure(self, images: Tensor, events: Events) -> Tensor:
        """Bring cells from GeV to the critic's measure, in which its slope is looked at."""
        return CellScale(1.0, self.scale.power).compress(images / self._unit(events))

    def score(self, cells: Tensor, events: Events) -> Tensor:
        """Judge cells in the critic's measure."""
        features = cells
        for name in ("conv1", "conv2"):
            features = functional.leaky_relu(self[name](features), SLOPE)
        images = CellScale(1.0, self.scale.power).restore(cells) * self._unit(events) / _spread(events["energy"])
        profiles = [images.sum(dim=[axis for axis in (1, 2, 3, 4) if axis != kept]) for kept in (2, 3, 4)]
        profiles = [profile * (profile.shape[1] / SAMPLED) for profile in profiles]
        known = functional.leaky_relu(
            self["meet"](torch.cat((features.flatten(1), *profiles, describe(events)), 1)), SLOPE
        )
        return self["verdict"](known).flatten()

    def _unit(self, events: Events) -> Tensor:
        """Return what counts as 1 in each cell, in GeV; the template keeps a floor under faint cells."""
        floor = _spread(events["energy"]) * self.scale.unit
        return floor + events["template"] if "template" in events else floor


class Wasserstein:
    """Some updates of the critic, each on fresh fakes at the real events' conditions, then one of the generator.

    Args:
        critic: The critic.
        critic_steps: Its updates in one step.
        penalty: Weight of the mean square distance of the critic's slope from 1, between real events and fakes.
    """

    terms = ("score", "penalty")

    def __init__(self, critic: Critic, critic_steps: int, penalty: float) -> None:
        self.critic, self.penalty, self.passes = critic, penalty, critic_steps + 1
        self.heads = {"score": 1}

    def train(self, trainer: Trainer, real: Events, fakes: Sequence[Events]) -> None:
        """Do one step."""
        for fake in fakes[:-1]:
            trainer.update("discriminator", self.criticise, real, fake)
        trainer.update("generator", self.please, fakes[-1])

    def criticise(self, trainer: Trainer, real: Events, fake: Events) -> Tensor:
        """Return the critic's loss and its terms: how much better it likes fakes, and how far its slope is from 1."""
        images = trainer.make({**real, "noise": fake["noise"]})
        scores = [trainer.judge(one, real)["score"].mean() for one in (images, real["images"])]
        penalty = self._penalise(images, real, fake["mix"])
        return torch.stack((scores[0] - scores[1] + self.penalty * penalty, scores[0] - scores[1], penalty))

    def please(self, trainer: Trainer, fakes: Events) -> Tensor:
        """Return the generator's loss and its terms: how little the critic likes its showers."""
        dislike = -trainer.judge(trainer.make(fakes), fakes)["score"].mean()
        return torch.stack((dislike, dislike, torch.zeros_like(dislike)))

    def _penalise(self, images: Tensor, real: Events, mix: Tensor) -> Tensor:
        """Return the mean square distance of the slope from 1, between real events and fakes of the same conditions."""
        made, seen = (self.critic.measure(one, real).detach() for one in (images, real["images"]))
        cells = (made + _spread(mix) * (seen - made)).requires_grad_()
        (slopes,) = torch.autograd.grad(self.critic.score(cells, real).sum(), cells, create_graph=True)
        return ((slopes.flatten(1).norm(dim=1) - 1) ** 2).mean()


def build_wgan_gp(
    image_shape: Cells,
    classes: int,
    latent_size: int,
    *,
    angles: bool = False,
    width: float = 1.0,
    critic_steps: int = 3,
    penalty: float = 10.0,
    cell_unit: float = 1e-3,
    cell_power: float = 0.5,
) -> tuple[Shaper, Critic, Wasserstein]:
    """Build a Wasserstein GAN for a grid.

    Args:
        image_shape: Cells along x, y, z.
        classes: Number of particle classes.
        latent_size: Length of the latent vector.
        angles: Whether events have an angle.
        width: Scales the numbers of filters; at least one is left.
        critic_steps: Updates of the critic for each one of the generator.
        penalty: Weight of the gradient penalty.
        cell_unit: Energy in GeV that counts as 1 in a cell, for an incident energy of 100 GeV; it grows with that.
        cell_power: The critic sees (cell / unit) ** cell_power; 0.5 brings faint and bright cells nearer to each other.

    Returns:
        The generator, the critic and how they are trained.

    Raises:
        ConfigError: The grid is too small, or a number is out of its range.
    """
    check_wgan_gp(image_shape, width, critic_steps, penalty, cell_unit, cell_power)
    scale = CellScale(cell_unit, cell_power)
    conditions = 1 + classes + angles
    critic = Critic(image_shape, conditions, width, scale)
    return (
        Shaper(image_shape, latent_size + conditions, width, scale),
        critic,
        Wasserstein(critic, critic_steps, penalty),
    )


def describe(events: Events) -> Tensor:
    """Return the conditions of events as numbers near 1, (n, 1 + classes), with theta (n, 2 + classes)."""
    angle = [events["angle"][:, None]] if "angle" in events else []
    return torch.cat((events["energy"].log()[:, None], events["particle"], *angle), dim=1)


def _spread(numbers: Tensor) -> Tensor:
    """Return one number for each event, (n,), in the shape of images, (n, 1, 1, 1, 1)."""
    return numbers[:, None, None, None, None]
