"""Small Gans, and the events and draws to train them with."""

import numpy as np
import pytest

from hvdgan.backends.interface import Batch, GanSpec, Rates
from hvdgan.backends.torch import Gan
from hvdgan.parallel.ring import SoloRing
from hvdgan.training.draws import draw

GRID = (6, 5, 7)
RESPONSE = (-0.02, 2.1)
ENERGIES = (10.0, 500.0)


@pytest.fixture
def build():
    """Return a function that builds a small Gan; keywords go to its spec."""

    def build_gan(ring=None, model_args=None, **settings):
        arguments = {"width": 0.1, "cell_unit": 0.01, **(model_args or {})}
        spec = GanSpec(
            **{"image_shape": GRID, "latent_size": 8, "response": RESPONSE, **settings}, model_args=arguments
        )
        return Gan(spec, ring or SoloRing())

    return build_gan


@pytest.fixture
def showers():
    """Return a function that makes easy showers: a bright core, a little noise, the expected sum of cells."""

    def make(count, seed=0, shape=GRID):
        generator = np.random.default_rng(seed)
        energy = generator.uniform(*ENERGIES, count)
        axes = [np.exp(-0.5 * (np.arange(cells) - (cells - 1) / 2) ** 2) for cells in shape]
        core = np.einsum("i,j,k->ijk", *axes) * generator.uniform(0.8, 1.2, (count, *shape))
        deposited = np.polyval(RESPONSE, energy / 100) * energy / 100
        images = core * (deposited / core.sum(axis=(1, 2, 3)))[:, None, None, None]
        return Batch(images.astype(np.float32), energy.astype(np.float32))

    return make


@pytest.fixture
def train(showers):
    """Return a function that trains a Gan from one step to another."""

    def train_gan(gan, first, last, batch=4, rate=1e-3):
        for step in range(first, last):
            noise = draw(3, step, 0, batch, gan.spec.latent_size, energies=ENERGIES, label_flip=0.1)
            gan.train_step(showers(batch, step), noise, Rates(rate, rate))

    return train_gan
