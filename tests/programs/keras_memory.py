"""Many trials of a tiny GAN in one process: `keras_memory.py TRIALS SETTLED` fails when later ones keep memory."""

import ctypes
import gc
import sys

import numpy as np

from hvdgan.backends import load
from hvdgan.backends.interface import Batch, GanSpec, Rates
from hvdgan.calo.shower import Conditions
from hvdgan.parallel.ring import SoloRing
from hvdgan.training.draws import draw

SHAPE, LATENT, EVENTS = (5, 5, 5), 4, 4
LIMIT = 2.0
"""MB that a trial may keep."""


def resident():
    """Return the memory of this process in MB, without what malloc keeps for later."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096 / 1e6


def run_trial(seed):
    gan = load("keras").Gan(GanSpec(SHAPE, LATENT, model_args={"width": 0.05}, seed=seed), SoloRing())
    energy = np.linspace(50, 300, EVENTS).astype(np.float32)
    batch = Batch(np.full((EVENTS, *SHAPE), 0.01, dtype=np.float32), energy)
    gan.prepare(EVENTS)
    for step in range(3):
        noise = draw(seed, step, 0, EVENTS, LATENT, energies=(10.0, 500.0), label_flip=0.0)
        gan.train_step(batch, noise, Rates(1e-3, 1e-3))
    gan.generate(Conditions.perpendicular(energy), 0)
    gan.close()


def main():
    trials, settled = map(int, sys.argv[1:])
    memory = []
    for seed in range(trials):
        run_trial(seed)
        memory.append(resident())
        print(f"trial {seed}: {memory[-1]:.1f} MB", flush=True)
    kept = (memory[-1] - memory[settled]) / (trials - 1 - settled)
    print(f"kept {kept:.2f} MB per trial")
    assert kept < LIMIT


if __name__ == "__main__":
    main()
