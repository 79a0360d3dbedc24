"""One rank of a model in shards: trains some steps and prints, on rank 0, what all ranks took, as JSON."""

import gc
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib import import_module
from pathlib import Path
from resource import getpagesize
from typing import Any

import numpy as np

from hvdgan.backends import load
from hvdgan.backends.interface import Gan, GanSpec, Rates
from hvdgan.parallel.guard import guarded_world
from hvdgan.parallel.ring import Ring
from hvdgan.training.draws import draw

PERIOD = 0.002
"""Seconds between two looks at the resident size."""


class Counted:
    """Shards that count calls and the bytes that leave a rank, by a ring's arithmetic.

    Joining and scattering move (m - 1) / m of the whole, adding up twice that.
    """

    def __init__(self, shards: Any) -> None:
        self._shards, self.index, self.count = shards, shards.index, shards.count
        self.calls, self.moved = 0, 0.0

    def __deepcopy__(self, memory: Any) -> "Counted":
        """Return itself."""
        return self

    def join(self, tensor: Any) -> Any:
        """Join and count."""
        return self._note(self._shards.join(tensor), 1.0)

    def total(self, tensor: Any) -> Any:
        """Add up and count."""
        return self._note(self._shards.total(tensor), 2.0)

    def scatter(self, tensor: Any) -> Any:
        """Add up, scatter and count."""
        self._note(tensor, 1.0)
        return self._shards.scatter(tensor)

    def _note(self, whole: Any, times: float) -> Any:
        """Count a call."""
        self.calls += 1
        self.moved += times * (1 - 1 / self.count) * whole.numel() * whole.element_size()
        return whole


@contextmanager
def watched(found: dict[str, float]) -> Iterator[None]:
    """Note the largest resident size of the block, and that at its beginning, in MB."""
    over = threading.Event()
    found["begin"] = found["peak"] = resident()

    def look() -> None:
        while not over.wait(PERIOD):
            found["peak"] = max(found["peak"], resident())

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def resident() -> float:
    """Return the resident size of this process in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * getpagesize() / 2**20


def train(gan: Gan, order: dict[str, Any], steps: int) -> None:
    """Do some steps on noise, to the end of their work."""
    import gan_rings

    count = order["batch"]
    gan_rings.SHAPE, gan_rings.EVENTS = tuple(order["grid"]), -(-count // 4)  # it makes four times as many
    for step in range(steps):
        sizes = {"latent_size": gan.spec.latent_size, "passes": gan.passes, "classes": 1}
        noise = draw(0, step, 0, count, **sizes, energies=(10.0, 500.0), label_flip=0.0, angles=gan.spec.angles)
        gan.train_step(gan_rings.make_batch(step, 0, count, gan.spec.angles), noise, Rates(1e-3, 1e-3))
    gan.metrics()


def measure(ring: Ring, order: dict[str, Any]) -> dict[str, float]:
    """Return what a rank took; the largest of all ranks. Collective."""
    counted = order["framework"] == "torch" and ring.shards.count > 1
    if counted:
        ring.shards = Counted(ring.shards)
    tiny = {**order, "batch": 2, "grid": (8, 8, 8)}
    with closing(build(ring, tiny)) as gan:  # libraries take their own memory at the first step
        train(gan, tiny, 1)
    gc.collect()
    found: dict[str, float] = {}
    with watched(found), closing(build(ring, order)) as gan:
        held = sum(int(np.prod(tensor.shape)) * 4 for tensor in gan._tensors().values()) / 2**20
        train(gan, order, 1)
        before = (ring.shards.calls, ring.shards.moved) if counted else (0, 0.0)
        start = time.perf_counter()
        train(gan, order, order["steps"])
        seconds = (time.perf_counter() - start) / order["steps"]
    calls, moved = (ring.shards.calls, ring.shards.moved) if counted else (0, 0.0)
    figures = {
        "state_mb": held,
        "peak_mb": found["peak"] - found["begin"],
        "calls": (calls - before[0]) / order["steps"],
        "moved_mb": (moved - before[1]) / order["steps"] / 2**20,
        "seconds": seconds,
    }
    rows = ring.gather(np.array([list(figures.values())]))
    return dict(zip(figures, rows.max(axis=0).tolist(), strict=True))


def build(ring: Ring, order: dict[str, Any]) -> Gan:
    """Build the model on the ring, in the layout that is fastest on a processor."""
    angles = (1.0, 2.0) if order["model"] == "3dgan_angle" else None
    spec = GanSpec(tuple(order["grid"]), order["latent"], model=order["model"], angles=angles, channels_last=True)
    return load(order["framework"]).Gan(spec, ring)


def main() -> None:
    """Measure and print."""
    order = json.loads(sys.argv[1])
    with guarded_world() as world:
        load(order["framework"])
        module = import_module(f"hvdgan.parallel.horovod_{order['framework']}")
        with module.open_ring(world, 300.0, shards=world.size) as ring:
            figures = measure(ring, order)
            if ring.rank == 0:
                print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
