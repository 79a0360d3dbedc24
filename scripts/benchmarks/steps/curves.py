"""The losses of our step in float32 and in bfloat16, side by side, on a grid small enough for hundreds of steps."""

import numpy as np
from frameworks.one import make_batch
from numpy.typing import NDArray

from hvdgan.backends import load
from hvdgan.backends.interface import GanSpec, Rates
from hvdgan.parallel.ring import SoloRing
from hvdgan.report.tables import Table
from hvdgan.training.draws import draw

GRID, BATCH, RATES = (8, 8, 8), 16, Rates(1e-3, 1e-3)
BATCHES = 32
"""Batches of simulated showers, again and again."""

PARTS = 5
"""Parts of the steps whose mean losses are compared."""

SEEDS = (0, 1, 2)
"""Of initial weights and draws: how far runs in float32 lie apart is the noise."""

SHOWN = ("discriminator_loss", "generator_loss")


def train(framework: str, precision: str, seed: int, steps: int) -> NDArray[np.float64]:
    """Return the losses of each step, (steps, losses)."""
    arguments = {"width": 0.5, "cell_unit": 0.01, "cell_power": 0.5}
    gan = load(framework).Gan(GanSpec(GRID, model_args=arguments, precision=precision, seed=seed), SoloRing())
    batches, losses = [make_batch(GRID, BATCH, number) for number in range(BATCHES)], []
    for step in range(steps):
        sizes = {"passes": gan.passes, "classes": 1}
        noise = draw(seed, step, 0, BATCH, gan.spec.latent_size, **sizes, energies=(10.0, 500.0), label_flip=0.05)
        gan.train_step(batches[step % BATCHES], noise, RATES)
        found = gan.metrics()
        losses.append([found[name] for name in SHOWN])
    gan.close()
    return np.array(losses)


def compare(framework: str, steps: int) -> Table:
    """Return the losses of both precisions, part by part: means over the seeds, and their spread in float32."""
    curves = {precision: np.array([train(framework, precision, seed, steps) for seed in SEEDS])
              for precision in ("float32", "bfloat16")}  # fmt: skip
    rows = []
    for part in np.array_split(np.arange(steps), PARTS):
        full, half = (curve[:, part].mean(axis=1) for curve in curves.values())
        for number, name in enumerate(SHOWN):
            spread = full[:, number].std(ddof=1)
            middle = full[:, number].mean(), spread, half[:, number].mean()
            rows.append((f"{part[0]} to {part[-1]}", name, *[round(float(one), 2) for one in middle]))
    columns = ("steps", "loss", "float32", "spread of seeds", "bfloat16")
    return Table(f"Losses in {framework}", columns, tuple(rows))
