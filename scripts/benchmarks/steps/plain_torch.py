"""3DGAN as one writes it down in torch: the published layers one after the other, and no thought of speed.

The control of the measurement: kept as it is.

The discriminator is frozen while the generator learns, which the straightforward way would leave out as often as not:
this is the faster of the two.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional


def build_generator() -> nn.Sequential:
    """Build the published generator (github.com/svalleco/3Dgan, keras/EcalEnergyGan.py)."""
    return nn.Sequential(
        nn.Linear(200, 8 * 7 * 7 * 8),
        nn.Unflatten(1, (8, 7, 7, 8)),
        nn.ConstantPad3d((3, 4, 2, 3, 2, 3), 0.0),
        nn.Conv3d(8, 64, (6, 6, 8)),
        nn.LeakyReLU(0.3),
        nn.BatchNorm3d(64, 1e-3, 0.01),
        nn.Upsample(scale_factor=(2, 2, 2)),
        nn.ConstantPad3d((0, 0, 2, 2, 2, 2), 0.0),
        nn.Conv3d(64, 6, (6, 5, 8)),
        nn.LeakyReLU(0.3),
        nn.BatchNorm3d(6, 1e-3, 0.01),
        nn.Upsample(scale_factor=(2, 2, 3)),
        nn.ConstantPad3d((3, 3, 0, 0, 1, 1), 0.0),
        nn.Conv3d(6, 6, (3, 3, 8)),
        nn.LeakyReLU(0.3),
        nn.Conv3d(6, 1, 2, bias=False),
        nn.ReLU(),
    )


class Discriminator(nn.Module):
    """The published discriminator."""

    def __init__(self) -> None:
        super().__init__()
        layers, channels = [], 1
        for filters, padding in ((32, 2), (8, 2), (8, 2), (8, 1)):
            layers += [nn.Conv3d(channels, filters, 5, padding=padding), nn.LeakyReLU(0.3)]
            layers += [nn.BatchNorm3d(filters, 1e-3, 0.01)] if channels > 1 else []
            layers += [nn.Dropout(0.2)]
            channels = filters
        self.trunk = nn.Sequential(*layers, nn.AvgPool3d(2), nn.Flatten())
        self.generation, self.auxiliary = nn.Linear(8 * 11**3, 1), nn.Linear(8 * 11**3, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the logit of being real, the incident energy and the sum of cells of images (n, 1, x, y, z)."""
        features = self.trunk(images)
        return self.generation(features)[:, 0], self.auxiliary(features)[:, 0], images.sum(dim=(1, 2, 3, 4))


def percentage_error(prediction: Tensor, truth: Tensor) -> Tensor:
    """Return the mean absolute percentage error."""
    return 100 * ((truth - prediction).abs() / truth.abs().clamp(min=1e-7)).mean()


def measure_loss(heads: tuple[Tensor, Tensor, Tensor], label: float, energy: Tensor, deposited: Tensor) -> Tensor:
    """Return the published loss; energies in units of 100 GeV, sums of cells in GeV."""
    generation, auxiliary, ecal = heads
    entropy = functional.binary_cross_entropy_with_logits(generation, torch.full_like(generation, label))
    return 2 * entropy + 0.1 * percentage_error(auxiliary, energy) + 0.1 * percentage_error(ecal, deposited)


def prepare(images: NDArray[np.float32], energy: NDArray[np.float32], precision: str) -> Callable[[], None]:
    """Return a function that does one step.

    Args:
        images: In GeV, (n, 25, 25, 25).
        energy: In GeV, (n,).
        precision: "float32", or "bfloat16" for autocast.
    """
    generator, discriminator = build_generator(), Discriminator()
    optimizers = [torch.optim.RMSprop(one.parameters(), lr=1e-3) for one in (generator, discriminator)]
    real, incident = torch.from_numpy(images)[:, None], torch.from_numpy(energy) / 100
    deposited = real.sum(dim=(1, 2, 3, 4))

    def imagine() -> Tensor:
        return generator(torch.randn(len(real), 200) * incident[:, None])

    def learn(number: int, events: Callable[[], Tensor], label: float) -> None:
        optimizers[number].zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            heads = discriminator(events())
        measure_loss(tuple(head.float() for head in heads), label, incident, deposited).backward()
        optimizers[number].step()

    def step() -> None:
        learn(1, lambda: real, 1.0)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            fakes = imagine()
        learn(1, lambda: fakes, 0.0)
        discriminator.requires_grad_(False)
        for _ in range(2):
            learn(0, imagine, 1.0)
        discriminator.requires_grad_(True)

    return step
