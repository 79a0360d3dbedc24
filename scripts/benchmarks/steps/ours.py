"""Ours: the step of a Gan, as a run takes it."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hvdgan.backends import load
from hvdgan.backends.interface import Batch, GanSpec, Rates
from hvdgan.parallel.ring import SoloRing
from hvdgan.training.draws import draw

RATES = Rates(1e-3, 1e-3)


def prepare(
    framework: str, images: NDArray[np.float32], energy: NDArray[np.float32], precision: str
) -> Callable[[], None]:
    """Return a function that does one step, to the end of its work.

    Args:
        framework: Name of the backend.
        images: In GeV, (n, 25, 25, 25).
        energy: In GeV, (n,).
        precision: See `GanSpec.precision`.
    """
    gan = load(framework).Gan(GanSpec((25, 25, 25), precision=precision, channels_last=True), SoloRing())
    batch = Batch(images, energy, np.zeros(len(energy), dtype=np.int64))
    gan.prepare(len(batch))

    def step() -> None:
        sizes = {"passes": gan.passes, "classes": 1}
        noise = draw(0, 0, 0, len(batch), gan.spec.latent_size, **sizes, energies=(10.0, 500.0), label_flip=0.05)
        gan.train_step(batch, noise, RATES)
        gan.metrics()

    return step
