"""3DGAN with angle: networks that are told theta, and tell it from the slope of a shower, for any grid and width.

At 51 x 51 x 25 cells, width 1 and latent vectors of 254 numbers they are the published networks
(github.com/svalleco/3Dgan, branch Anglegan, AngleArch3dGAN.py) with 1,365,047 and 87,402 parameters. Initial weights
are drawn as those of 3DGAN.
"""

from collections.abc import Sequence
from math import pi, prod

import torch
from torch import Tensor, nn

from hvdgan.backends.angle import (
    FLOOR,
    GENERATOR,
    NORMALISED,
    REPEAT,
    SEED_FILTERS,
    TRUNK_FILTERS,
    TRUNK_KERNEL,
    Pads,
    check_3dgan_angle,
    seed_shape,
    trunk_features,
    trunk_pads,
)
from hvdgan.backends.events import CONDITIONS
from hvdgan.backends.model import Events, Trainer
from hvdgan.backends.published import EPSILON, MOMENTUM, SLOPE, Cells, filters
from hvdgan.backends.torch.cells import CellScale, Cut
from hvdgan.backends.torch.dropout import Dropout
from hvdgan.backends.torch.networks import initialise
from hvdgan.backends.torch.recipe import TwoPass


class AngleGenerator(nn.ModuleDict):
    """Layers in a row, from energy, theta, the particle class where there are several, and noise to images.

    Args:
        layers: From the dense seed to the cut, in order.
        classes: Number of particle classes.
    """

    def __init__(self, layers: dict[str, nn.Module], classes: int) -> None:
        super().__init__(layers)
        self.row, self.told = tuple(layers), classes > 1

    def forward(self, events: Events) -> Tensor:
        """Make images in GeV, (n, 1, x, y, z), of some noise."""
        known = [events["energy"][:, None], events["angle"][:, None], *([events["particle"]] if self.told else [])]
        image = torch.cat((*known, events["noise"]), dim=1)
        for name in self.row:
            image = self[name](image)
        return image


class AngleDiscriminator(nn.ModuleDict):
    """Layers in a row with heads on top.

    Args:
        layers: The trunk, in order; the last one flattens.
        features: Numbers that leave the trunk.
        classes: Number of particle classes; more than one have a head of their own.
        scale: How the trunk measures cells.
        aspect: Width of a cell over the depth of a layer.
    """

    def __init__(
        self, layers: dict[str, nn.Module], features: int, classes: int, scale: CellScale, aspect: float
    ) -> None:
        super().__init__(layers)
        self.row, self.scale, self.aspect = tuple(layers), scale, aspect
        self["generation"] = nn.Linear(features, 1)
        self["auxiliary"] = nn.Linear(features, 1)
        if classes > 1:
            self["particle"] = nn.Linear(features, classes)

    def forward(self, events: Events) -> dict[str, Tensor]:
        """Judge images in GeV, (n, 1, x, y, z).

        Returns:
            The heads of `networks.Discriminator`, and angle: theta in radians by `measure_angle`, (n,).
        """
        image = events["images"]
        features = self.scale.compress(image)
        for name in self.row:
            features = self[name](features)
        heads = {name: self[name](features).flatten() for name in ("generation", "auxiliary")}
        heads |= {"ecal": image.sum(dim=(1, 2, 3, 4)), "angle": measure_angle(image.squeeze(1), self.aspect)}
        return heads | ({"particle": self["particle"](features)} if "particle" in self else {})


class Paired:
    """A step of 3DGAN with fakes under the very conditions, and with the sums of cells and slopes, of the real batch.

    `measure_angle` is some degrees off theta where the window cuts showers; fakes that measure what real showers do
    have their slope all the same.

    Args:
        recipe: The step.
        aspect: Width of a cell over the depth of a layer.
    """

    def __init__(self, recipe: TwoPass, aspect: float) -> None:
        self._recipe, self._aspect = recipe, aspect
        self.terms, self.heads, self.passes = recipe.terms, recipe.heads, recipe.passes

    def train(self, trainer: Trainer, real: Events, fakes: Sequence[Events]) -> None:
        """Do one step; the generator learns on fresh noise."""
        real = {**real, "slope": measure_angle(real["images"].squeeze(1), self._aspect)}
        same = {name: real[name] for name in ("deposited", "slope", *CONDITIONS) if name in real}
        self._recipe.train(trainer, real, [{**fake, **same} for fake in fakes])


def build_3dgan_angle(
    image_shape: Cells,
    classes: int,
    latent_size: int,
    *,
    angles: bool = False,
    width: float = 1.0,
    dropout: float = 0.2,
    batch_norm: bool = True,
    cell_unit: float = 1.0,
    cell_power: float = 0.85,
    aspect: float = 1.0,
    one_pass: bool = False,
) -> tuple[AngleGenerator, AngleDiscriminator]:
    """Build the networks of 3DGAN with angle for a grid.

    Args:
        image_shape: Cells along x, y, z.
        classes: Number of particle classes; the published networks know one.
        latent_size: Length of the latent vector, behind the energy and theta.
        angles: Whether events have an angle.
        width: Scales the published numbers of filters, dense seed included; at least one is left.
        dropout: Fraction of the discriminator's activations that is dropped in training.
        batch_norm: Normalise batches between the convolutions.
        cell_unit: Energy in GeV that counts as 1 inside the networks.
        cell_power: The networks see (cell / cell_unit) ** cell_power.
        aspect: Width of a cell over the depth of a layer, in which the slope of a shower is measured; 1 as published.
        one_pass: Of the recipe, which is `recipe.OnePass` then; the networks are the same.

    Returns:
        The generator and the discriminator.

    Raises:
        ConfigError: The grid is smaller than the kernels, a number is out of its range, or the angle does not vary.
    """
    check_3dgan_angle(image_shape, width, dropout, cell_unit, cell_power, aspect, angles)
    scale = CellScale(cell_unit, cell_power, FLOOR)
    generator = build_angle_generator(image_shape, classes, latent_size, width, batch_norm, scale)
    return generator, build_angle_discriminator(image_shape, classes, width, dropout, batch_norm, scale, aspect)


def build_angle_generator(
    image_shape: Cells, classes: int, latent_size: int, width: float, batch_norm: bool, scale: CellScale
) -> AngleGenerator:
    """Build the generator, see `build_3dgan_angle`."""
    seed, channels = seed_shape(image_shape), filters(SEED_FILTERS, width)
    inputs = latent_size + 2 + (classes if classes > 1 else 0)
    layers: dict[str, nn.Module] = {
        "seed": nn.Linear(inputs, channels * prod(seed)),
        "unflatten": nn.Unflatten(1, (channels, *seed)),
        "up": nn.Upsample(scale_factor=REPEAT),
    }
    for number, (published, kernel, zeros) in enumerate(GENERATOR, start=1):
        wanted = 1 if number == len(GENERATOR) else filters(published, width)
        layers[f"pad{number}"] = _pad(tuple((one, one) for one in zeros))
        layers[f"conv{number}"] = nn.Conv3d(channels, wanted, kernel)
        layers[f"relu{number}"] = nn.ReLU()
        layers[f"norm{number}"] = _normalise(wanted, batch_norm and number <= NORMALISED)
        channels = wanted
    generator = AngleGenerator({**layers, "cut": Cut(image_shape, scale)}, classes)
    last = f"conv{len(GENERATOR)}"
    initialise(generator, he={name for name in layers if name.startswith("conv")} - {last}, normal={last})
    return generator


def build_angle_discriminator(
    image_shape: Cells,
    classes: int,
    width: float,
    dropout: float,
    batch_norm: bool,
    scale: CellScale,
    aspect: float,
) -> AngleDiscriminator:
    """Build the discriminator, see `build_3dgan_angle`."""
    channels = [1, *(filters(number, width) for number in TRUNK_FILTERS)]
    layers: dict[str, nn.Module] = {}
    for number, pads in enumerate(trunk_pads(image_shape), start=1):
        layers[f"pad{number}"] = _pad(pads)
        layers[f"conv{number}"] = nn.Conv3d(channels[number - 1], channels[number], TRUNK_KERNEL)
        layers[f"leaky{number}"] = nn.LeakyReLU(SLOPE)
        layers[f"norm{number}"] = _normalise(channels[number], batch_norm and number > 1)
        layers[f"dropout{number}"] = Dropout(dropout)
    layers |= {"pool": nn.AvgPool3d(2), "flatten": nn.Flatten()}
    features = channels[-1] * prod(trunk_features(image_shape))
    discriminator = AngleDiscriminator(layers, features, classes, scale, aspect)
    initialise(discriminator)
    return discriminator


def measure_angle(cells: Tensor, aspect: float) -> Tensor:
    """Tell theta from the slopes between the barycentre of a shower and those of its layers; deep ones count more.

    The published measure (Anglegan, ecal_angle): in each layer the slope of y over the distance in x and z; its angle
    from the perpendicular is weighted by the layer's number. A shower without energy has angle 0.

    Args:
        cells: Deposits in GeV, (n, x, y, z).
        aspect: Width of a cell over the depth of a layer.

    Returns:
        Theta in radians, (n,); pi / 2 is perpendicular.
    """
    x, y, z = (torch.arange(count, dtype=cells.dtype, device=cells.device) + 0.5 for count in cells.shape[1:])
    layers = cells.sum(dim=(1, 2))
    total = layers.sum(dim=1, keepdim=True)
    whole, filled = torch.where(total > FLOOR, total, 1.0), layers > FLOOR
    parts = torch.where(filled, layers, 1.0)
    along_x, along_y = aspect * torch.einsum("nxyz,x->nz", cells, x), aspect * torch.einsum("nxyz,y->nz", cells, y)
    offset_x = along_x / parts - along_x.sum(dim=1, keepdim=True) / whole
    offset_y = along_y / parts - along_y.sum(dim=1, keepdim=True) / whole
    offset_z = z - (layers * z).sum(dim=1, keepdim=True) / whole
    reach = (offset_x**2 + offset_z**2).clamp(min=FLOOR).sqrt()
    angles = 0.5 * pi - torch.atan(offset_y / reach * torch.where(offset_z < 0, -1.0, 1.0))
    weights = torch.where(filled, z, 0.0)
    return (angles * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=FLOOR)


def _normalise(channels: int, wanted: bool) -> nn.Module:
    """Return a batch normalisation with Keras' defaults, or a layer that does nothing."""
    return nn.BatchNorm3d(channels, EPSILON, 1 - MOMENTUM) if wanted else nn.Identity()


def _pad(pads: Pads) -> nn.Module:
    """Return a layer that adds zeros before and after each axis."""
    x, y, z = pads
    return nn.ConstantPad3d((*z, *y, *x), 0.0)
