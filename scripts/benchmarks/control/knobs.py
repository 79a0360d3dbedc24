"""One rank of the comparison of Horovod's knobs; see scripts/benchmarks/knobs."""

import argparse
import os
import statistics
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

from hvdgan.backends.interface import NETWORKS, GanSpec
from hvdgan.backends.torch import Gan, Gradients
from hvdgan.bench import emulation
from hvdgan.bench.ring import Place
from hvdgan.parallel.guard import guarded_world
from hvdgan.parallel.horovod_start import load_horovod
from hvdgan.parallel.horovod_torch import open_ring
from hvdgan.parallel.ring import SoloRing
from hvdgan.parallel.world import World
from hvdgan.report.tables import Table, print_table

KNOBS: dict[str, dict[str, dict[str, Any]]] = {
    "cycle": {
        "Horovod's defaults": {},
        "cycle 0.1 ms": {"environment": {"HOROVOD_CYCLE_TIME": "0.1"}},
        "cycle 0.5 ms": {"environment": {"HOROVOD_CYCLE_TIME": "0.5"}},
        "cycle 5 ms": {"environment": {"HOROVOD_CYCLE_TIME": "5"}},
        "fp16": {"compression": "fp16"},
        "grouped": {"optimizer": {"groups": 1}},
    },
    "fusion": {
        "Horovod's defaults": {},
        "no fusion": {"environment": {"HOROVOD_FUSION_THRESHOLD": "0"}},
        "fusion 1 MB": {"environment": {"HOROVOD_FUSION_THRESHOLD": str(2**20)}},
    },
}
"""What is turned: in Horovod's environment, of a ring, and of Horovod's optimizer. One process cannot turn them all:
Horovod 0.28.1 crashes where its cycle time and then its threshold is given."""


def parse_words() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser("scripts/benchmarks/knobs")
    parser.add_argument("knobs", choices=KNOBS)
    parser.add_argument("--compute", type=float, default=0.05)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs=2)
    return parser.parse_args()


def measure(world: World, options: argparse.Namespace) -> dict[str, list[float]]:
    """Return the seconds beside computing of a step, for every knob and repeat."""
    if options.sizes:
        shapes = {name: [(size,)] for name, size in zip(NETWORKS, options.sizes, strict=True)}
    else:
        with closing(Gan(GanSpec(emulation.PUBLISHED), SoloRing())) as gan:
            shapes = emulation.shapes_of(gan.state())
    hvd, knobs, place = load_horovod("torch"), KNOBS[options.knobs], Place("mpi", "torch")
    optimizer, found = hvd.DistributedOptimizer, {knob: [] for knob in knobs}
    for _ in range(options.repeats):
        for knob, turned in knobs.items():
            hvd.DistributedOptimizer = partial(optimizer, **turned.get("optimizer", {}))
            with (
                turn(turned.get("environment", {})),
                open_ring(world, compression=turned.get("compression", "none")) as ring,
            ):
                record = emulation.measure(Gradients, ring, shapes, options.compute, options.steps, place)
            found[knob].append(record.seconds - options.compute)
    return found


@contextmanager
def turn(variables: dict[str, str]) -> Iterator[None]:
    """Set environment variables for the block."""
    os.environ.update(variables)
    yield
    for name in variables:
        del os.environ[name]


def tabulate(found: dict[str, list[float]]) -> Table:
    """Return medians, and ratios to the first knob."""
    rows, first = [], next(iter(found.values()))
    for knob, seconds in found.items():
        ratios = sorted(mine / its for mine, its in zip(seconds, first, strict=True))
        ratio = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} .. {ratios[-1]:.2f})"
        rows.append((knob, 1e3 * statistics.median(seconds), ratio))
    return Table("What a step takes beside computing", ("knob", "ms", "over defaults"), tuple(rows))


def main() -> None:
    """Measure, and print on rank 0."""
    options = parse_words()
    with guarded_world() as world:
        found = measure(world, options)
        if world.rank == 0:
            print_table(tabulate(found), sys.stdout, False)


if __name__ == "__main__":
    main()
