"""One measurement in a process of its own: the framework, and what to measure as JSON; prints its figures as JSON."""

import json
import resource
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from hvdgan.backends import load
from hvdgan.backends.interface import Batch, Gan, GanSpec, Rates
from hvdgan.calo.geometry import Geometry
from hvdgan.calo.simulate import draw_conditions, simulate
from hvdgan.parallel.ring import SoloRing
from hvdgan.training.draws import draw

RATES = Rates(1e-3, 1e-3)
PAGE_MB = resource.getpagesize() / 2**20


def measure_steps(framework: str, order: dict[str, Any]) -> dict[str, float]:
    """Return events per second of steps after the first two, the time before them, and the peak memory."""
    begin = time.perf_counter()
    batch = make_batch(order["grid"], order["batch"])
    with closing(build(framework, order, {})) as gan:
        gan.prepare(len(batch))
        train(gan, batch, 0, 2)
        start = time.perf_counter()
        train(gan, batch, 2, 2 + order["steps"])
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"events_per_second": order["steps"] * len(batch) / seconds, "before": start - begin, "peak_mb": peak}


def measure_trials(framework: str, order: dict[str, Any]) -> dict[str, float]:
    """Return how much memory stays of each trial after the tenth, by a straight line through what there was."""
    batch, held = make_batch((6, 6, 6), 8), []
    for number in range(order["trials"]):
        tiny = {**order, "grid": (6, 6, 6), "seed": number}
        with closing(build(framework, tiny, {"width": 0.1})) as gan:
            gan.prepare(len(batch))
            train(gan, batch, 0, 3)
        held.append(int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_MB)
    slope = np.polyfit(np.arange(10, len(held)), held[10:], 1)[0]
    return {"mb_per_trial": float(slope), "tenth_mb": held[9], "last_mb": held[-1]}


def build(framework: str, order: dict[str, Any], arguments: dict[str, Any]) -> Gan:
    """Build a Gan of one process."""
    spec = GanSpec(
        tuple(order["grid"]),
        model_args=arguments,
        precision=order["precision"],
        channels_last=True,
        seed=order.get("seed", 0),
    )
    return load(framework).Gan(spec, SoloRing())


def train(gan: Gan, batch: Batch, first: int, last: int) -> None:
    """Do some steps, to the end of their work."""
    for step in range(first, last):
        sizes = {"passes": gan.passes, "classes": 1}
        noise = draw(0, step, 0, len(batch), gan.spec.latent_size, **sizes, energies=(10.0, 500.0), label_flip=0.05)
        gan.train_step(batch, noise, RATES)
    gan.metrics()


def make_batch(grid: tuple[int, int, int], count: int, seed: int = 0) -> Batch:
    """Return simulated electrons."""
    conditions = draw_conditions(count, seed=seed)
    images = simulate(conditions, Geometry.parse().with_grid(*grid), seed).images["ECAL"]
    return Batch(images, conditions.energy, np.zeros(count, dtype=np.int64))


def main() -> None:
    """Measure and print."""
    framework, order = sys.argv[1], json.loads(sys.argv[2])
    print(json.dumps((measure_trials if order["trials"] else measure_steps)(framework, order)))


if __name__ == "__main__":
    main()
