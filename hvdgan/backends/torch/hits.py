"""The last layer of a generator that knows what to expect of each cell: it draws hits, see `calo.hits`."""

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hvdgan.backends.published import Cells
from hvdgan.backends.wasserstein import LUCKY, waves
from hvdgan.calo.hits import EXPECTED, FEWEST, LUCK, MOST, HitTable


class Hits(nn.Module):
    """Draws what cells collect; the same noise gives the same luck. Nothing in it is trained.

    Args:
        image_shape: Cells along x, y, z.
        latent_size: Length of a latent vector.
        energy: Mean energy of a hit in GeV.
        spread: Standard deviation of a hit's energy relative to its mean.
    """

    def __init__(self, image_shape: Cells, latent_size: int, energy: float, spread: float) -> None:
        super().__init__()
        self.image_shape, self.energy = image_shape, energy
        arrays = (*waves(image_shape, latent_size), HitTable.of(spread).deposits)
        self._constants = [torch.from_numpy(array) for array in arrays]

    def forward(self, expected: Tensor, noise: Tensor) -> Tensor:
        """Return deposits in GeV, (n, 1, x, y, z).

        Args:
            expected: Expected deposits in GeV, (n, 1, x, y, z).
            noise: Standard normal numbers, (n, latent_size).
        """
        self._constants = [constant.to(expected) for constant in self._constants]
        wave, phase, deposits = self._constants
        hits = expected / self.energy
        listed = hits.clamp(FEWEST, MOST)
        return _look_up(deposits, listed.log(), self._luck(noise, wave, phase)) * (hits / listed) * self.energy

    def _luck(self, noise: Tensor, wave: Tensor, phase: Tensor) -> Tensor:
        """Return the logit of the probability that a cell collects less, (n, 1, x, y, z)."""
        with torch.autocast(wave.device.type, enabled=False):
            turns = noise[:, : len(wave)].to(wave) @ wave + phase
        below = (2 * (turns - turns.floor()) - 1).abs().clamp(LUCKY, 1 - LUCKY)
        return (below / (1 - below)).log().unflatten(1, (1, *self.image_shape))


def _look_up(deposits: Tensor, expected: Tensor, luck: Tensor) -> Tensor:
    """Interpolate a table between its four nearest entries."""
    (row, high), (column, lucky) = _locate(expected, EXPECTED), _locate(luck, LUCK)
    flat, first = deposits.flatten(), row * len(LUCK) + column
    poor = flat[first] * (1 - high) + flat[first + len(LUCK)] * high
    rich = flat[first + 1] * (1 - high) + flat[first + len(LUCK) + 1] * high
    return poor * (1 - lucky) + rich * lucky


def _locate(values: Tensor, edges: NDArray) -> tuple[Tensor, Tensor]:
    """Return the entry below each value, and how far it is to the next one, from 0 to 1."""
    place = ((values - edges[0]) / (edges[1] - edges[0])).clamp(0, len(edges) - 1)
    entry = place.detach().floor().clamp(max=len(edges) - 2)
    return entry.long(), place - entry
