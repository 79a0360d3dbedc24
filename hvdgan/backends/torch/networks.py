"""3DGAN: a generator and a discriminator of three-dimensional convolutions, for any grid and width.

At 25 x 25 x 25 cells and width 1 they are the published networks (github.com/svalleco/3Dgan, keras/EcalEnergyGan.py;
EPJ Web Conf. 214 (2019) 06025) with 872,948 and 73,450 parameters. Initial weights are the published ones too, all
biases zero: uniform He in the generator's convolutions, normal Glorot in its last one, uniform Glorot elsewhere.
"""

from collections import OrderedDict
from math import prod

import torch
from torch import Tensor, nn

from hvdgan.backends.model import Events
from hvdgan.backends.published import CLASS_SPREAD, EPSILON, MOMENTUM, SLOPE, Cells, check_3dgan, filters, seed_shape
from hvdgan.backends.torch.cells import CellScale, Cut
from hvdgan.backends.torch.convolution import Grouped, Repeated, Unfolded
from hvdgan.backends.torch.dropout import Dropout
from hvdgan.backends.torch.normalisation import BatchNorm

TRUNCATION = 0.87962566103423978
"""Standard deviation of a normal distribution cut at two standard deviations."""


class Generator(nn.ModuleDict):
    """Layers in a row, from noise to images.

    The incident energy multiplies the noise, as published; so does a row of numbers for each particle class, where
    there are several (the oldest variant of 3DGAN).

    Args:
        layers: From the dense seed to the cut, in order.
        classes: Number of particle classes.
        latent_size: Length of the latent vector.
    """

    def __init__(self, layers: dict[str, nn.Module], classes: int, latent_size: int) -> None:
        super().__init__(layers)
        self.row = tuple(layers)
        if classes > 1:
            self["particle"] = nn.Linear(classes, latent_size, bias=False)

    def forward(self, events: Events) -> Tensor:
        """Make images in GeV, (n, 1, x, y, z), of some noise."""
        image = events["noise"] * events["energy"][:, None]
        if "particle" in self:
            image = image * self["particle"](events["particle"])
        for name in self.row:
            image = self[name](image)
        return image


class Discriminator(nn.ModuleDict):
    """Layers in a row with heads on top.

    Args:
        layers: The trunk, in order; the last one flattens.
        features: Numbers that leave the trunk.
        classes: Number of particle classes; more than one have a head of their own.
        scale: How the trunk measures cells.
    """

    def __init__(self, layers: dict[str, nn.Module], features: int, classes: int, scale: CellScale) -> None:
        super().__init__(layers)
        self.row = tuple(layers)
        self.scale = scale
        self["generation"] = nn.Linear(features, 1)
        self["auxiliary"] = nn.Linear(features, 1)
        if classes > 1:
            self["particle"] = nn.Linear(features, classes)

    def forward(self, events: Events) -> dict[str, Tensor]:
        """Judge images in GeV, (n, 1, x, y, z).

        Returns:
            generation: Logit of being real, (n,).
            auxiliary: Incident energy in units of 100 GeV, (n,).
            ecal: Sum of cells in GeV, (n,).
            particle: Logits of the classes, (n, classes), where there are several.
        """
        image = events["images"]
        features = self.scale.compress(image)
        for name in self.row:
            features = self[name](features)
        heads = {name: self[name](features).flatten() for name in ("generation", "auxiliary")}
        heads["ecal"] = image.sum(dim=(1, 2, 3, 4))
        return heads | ({"particle": self["particle"](features)} if "particle" in self else {})


def build_3dgan(
    image_shape: Cells,
    classes: int,
    latent_size: int,
    *,
    width: float = 1.0,
    dropout: float = 0.2,
    batch_norm: bool = True,
    cell_unit: float = 1.0,
    cell_power: float = 1.0,
) -> tuple[Generator, Discriminator]:
    """Build the networks of 3DGAN for a grid.

    Args:
        image_shape: Cells along x, y, z.
        classes: Number of particle classes; the published networks know one.
        latent_size: Length of the latent vector.
        width: Scales the published numbers of filters, dense seed included; at least one is left.
        dropout: Fraction of the discriminator's activations that is dropped in training.
        batch_norm: Normalise batches between the convolutions.
        cell_unit: Energy in GeV that counts as 1 inside the networks: 1 as published; the energy of a typical cell
            spares a short training from finding the scale.
        cell_power: The networks see (cell / cell_unit) ** cell_power: 1 as published; 0.5 brings faint and bright
            cells nearer to each other, which lets a short training see a shower's edges as well as its core.

    Returns:
        The generator and the discriminator.

    Raises:
        ConfigError: The grid is smaller than the kernels, or a number is out of its range.
    """
    check_3dgan(image_shape, width, dropout, cell_unit, cell_power)
    scale = CellScale(cell_unit, cell_power)
    generator = build_generator(image_shape, classes, latent_size, width, batch_norm, scale)
    return generator, build_discriminator(image_shape, classes, width, dropout, batch_norm, scale)


def build_generator(
    image_shape: Cells, classes: int, latent_size: int, width: float, batch_norm: bool, scale: CellScale
) -> Generator:
    """Build the generator, see `build_3dgan`."""
    seed = seed_shape(image_shape)
    first, wide, narrow = (filters(number, width) for number in (8, 64, 6))
    layers = OrderedDict(
        seed=nn.Linear(latent_size, first * prod(seed)),
        unflatten=nn.Unflatten(1, (first, *seed)),
        pad1=_pad((2, 3), (2, 3), (3, 4)),
        conv1=nn.Conv3d(first, wide, (6, 6, 8)),
        leaky1=nn.LeakyReLU(SLOPE),
        norm1=_normalise(wide, batch_norm),
        conv2=Repeated((wide, narrow), (6, 5, 8), (2, 2, 2), ((2, 2), (2, 2), (0, 0))),
        leaky2=nn.LeakyReLU(SLOPE),
        norm2=_normalise(narrow, batch_norm),
        conv3=Repeated((narrow, narrow), (3, 3, 8), (2, 2, 3), ((1, 1), (0, 0), (3, 3))),
        leaky3=nn.LeakyReLU(SLOPE),
        conv4=nn.Conv3d(narrow, 1, (2, 2, 2), bias=False),
        relu=nn.ReLU(),
        cut=Cut(image_shape, scale),
    )
    generator = Generator(layers, classes, latent_size)
    initialise(generator, he={"conv1", "conv2", "conv3"}, normal={"conv4"})
    if classes > 1:
        nn.init.normal_(generator["particle"].weight, mean=1.0, std=CLASS_SPREAD)
    return generator


def build_discriminator(
    image_shape: Cells, classes: int, width: float, dropout: float, batch_norm: bool, scale: CellScale
) -> Discriminator:
    """Build the discriminator, see `build_3dgan`."""
    channels = [1, *(filters(number, width) for number in (32, 8, 8, 8))]
    layers: dict[str, nn.Module] = {}
    for number, padding in enumerate((2, 2, 2, 1), start=1):
        layers[f"conv{number}"] = _convolve(number, (channels[number - 1], channels[number]), padding)
        layers[f"leaky{number}"] = nn.LeakyReLU(SLOPE)
        layers[f"norm{number}"] = _normalise(channels[number], batch_norm and number > 1)
        layers[f"dropout{number}"] = Dropout(dropout)
    layers |= {"pool": nn.AvgPool3d(2), "flatten": nn.Flatten()}
    features = channels[-1] * prod((cells - 2) // 2 for cells in image_shape)
    discriminator = Discriminator(layers, features, classes, scale)
    initialise(discriminator)
    return discriminator


def _convolve(number: int, channels: tuple[int, int], padding: int) -> nn.Module:
    """Return one of the discriminator's convolutions; the first one sees a single channel."""
    return Unfolded(channels[1], 5, padding) if number == 1 else Grouped(channels, 5, padding, 2)


def _normalise(channels: int, wanted: bool) -> nn.Module:
    """Return a batch normalisation with Keras' defaults, or a layer that does nothing."""
    return BatchNorm(channels, EPSILON, 1 - MOMENTUM) if wanted else nn.Identity()


def _pad(x: tuple[int, int], y: tuple[int, int], z: tuple[int, int]) -> nn.Module:
    """Return a layer that adds zeros before and after each axis."""
    return nn.ConstantPad3d((*z, *y, *x), 0.0)


def initialise(network: nn.Module, he: set[str] = frozenset(), normal: set[str] = frozenset()) -> None:
    """Draw the initial weights of a network from torch's global generator.

    Args:
        network: Its direct children are the layers.
        he: Layers with uniform He weights.
        normal: Layers with normal Glorot weights; all others get uniform Glorot weights.
    """
    for name, layer in network.named_children():
        if not isinstance(layer, nn.Conv3d | nn.Linear):
            continue
        if name in he:
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
        elif name in normal:
            _glorot_normal(layer.weight)
        else:
            nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def _glorot_normal(weight: Tensor) -> None:
    """Fill a convolution kernel with Glorot's normal numbers, cut at two standard deviations as Keras does."""
    fan_out, fan_in = weight.shape[0], weight.shape[1]
    spread = (2.0 / ((fan_in + fan_out) * weight[0, 0].numel())) ** 0.5 / TRUNCATION
    with torch.no_grad():
        nn.init.trunc_normal_(weight, std=spread, a=-2 * spread, b=2 * spread)
