"""Measure, or calculate, and show what came out; see scripts/benchmarks/shards for the command line."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import environment

from hvdgan.files import append_json_line
from hvdgan.report.tables import Table, print_table
from hvdgan.report.terminal import reaches_person
from modelparts.arithmetic import NETWORKS, added_up, by_filters, by_slabs

LIMIT = 900
"""Seconds after which a job counts as hung."""

MPIRUN = ("mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none")
COLUMNS = {
    "state_mb": "weights and slots [MB]",
    "peak_mb": "peak growth [MB]",
    "calls": "calls a step",
    "moved_mb": "sent in a step [MB]",
    "seconds": "a step [s]",
}


def parse_words(words: Sequence[str]) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser("scripts/benchmarks/shards")
    parser.add_argument("--framework", default="torch", choices=("torch", "keras"))
    parser.add_argument("--model", default="3dgan", choices=("3dgan", "3dgan_angle", "wgan_gp"))
    parser.add_argument("--latent", type=int, default=200)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--grid", type=int, nargs=3, default=[25, 25, 25])
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--shards", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--calculate", action="store_true")
    parser.add_argument("--out", type=Path, default=environment.ROOT / "build" / "shards.jsonl")
    return parser.parse_args(words)


def measure(order: dict[str, Any], shards: int) -> dict[str, float]:
    """Return the figures of one job."""
    words = [*MPIRUN, "-np", str(shards), sys.executable, "-m", "modelparts.rank", json.dumps(order)]
    path = os.pathsep.join([str(environment.ROOT / "tests" / "programs"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        words, check=True, timeout=LIMIT, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
    )
    return json.loads(done.stdout.splitlines()[-1])


def calculate(counts: Sequence[int]) -> Table:
    """Return what both ways of dividing a model take of a rank, for one event."""
    rows = []
    for grid, layers in NETWORKS.items():
        for count in counts:
            for name, found in (("filters", by_filters(layers, count)), ("slabs", by_slabs(layers, count))):
                once = added_up(layers, count) if name == "slabs" else 0.0
                rows.append((grid, str(count), name, *(f"{value:.3g}" for value in found.values()), f"{once:.3g}"))
    heads = ("grid", "m", "split", "weights x 3", "activations", "joined for a while", "sent, an event", "and a step")
    return Table("MB of a rank", heads, tuple(rows))


def main() -> None:
    """Measure all, or calculate."""
    options = parse_words(sys.argv[1:])
    if options.calculate:
        print_table(calculate(options.shards), sys.stdout, reaches_person())
        return
    options.out.parent.mkdir(parents=True, exist_ok=True)
    order = {name: getattr(options, name) for name in ("framework", "model", "latent", "batch", "grid", "steps")}
    rows = []
    for shards in options.shards:
        figures = measure(order, shards)
        rows.append((str(shards), *(f"{figures[name]:.4g}" for name in COLUMNS)))
        where = environment.describe(options.out.parent)
        append_json_line(options.out, {**order, "shards": shards, **figures, **where})
    print_table(Table("A model in shards", ("shards", *COLUMNS.values()), tuple(rows)), sys.stdout, reaches_person())


if __name__ == "__main__":
    main()
