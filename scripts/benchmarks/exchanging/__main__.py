"""Let the layouts take turns and show what came out; see scripts/benchmarks/replicas for the command line."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import environment

from exchanging.layouts import LAYOUTS, RANKS
from hvdgan.calo.geometry import Geometry
from hvdgan.calo.simulate import draw_conditions, simulate
from hvdgan.data.formats import LcdV1
from hvdgan.files import append_json_line
from hvdgan.launch import count_cores, find_mpirun, mpirun_flags
from hvdgan.report.tables import Table, print_table
from hvdgan.report.terminal import reaches_person

LIMIT = 900
"""Seconds after which a training counts as hung."""

GRID, EVENTS, SEED = (8, 8, 8), 1600, 7

COLUMNS = {
    "last_merit": ("merit at last", 1.0),
    "merit": ("best merit", 1.0),
    "events_per_second": ("events/s", 1.0),
    "exchanged": ("exchanged [MB]", 1e-6),
    "reduced": ("all-reduced [MB]", 1e-6),
}


def parse_words(words: Sequence[str]) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser("scripts/benchmarks/replicas")
    parser.add_argument("layouts", nargs="*", metavar="LAYOUT", help=", ".join(LAYOUTS))
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--pause", type=float, default=0.2)
    parser.add_argument("--out", type=Path, default=environment.ROOT / "build" / "replicas.jsonl")
    options = parser.parse_args(words)
    unknown = [name for name in options.layouts if name not in LAYOUTS]
    if unknown:
        parser.error(f"there is no layout {unknown[0]}; choose from {', '.join(LAYOUTS)}")
    return options


def write_showers(path: Path) -> None:
    """Simulate electrons to learn from."""
    geometry = Geometry.parse().with_grid(*GRID)
    LcdV1().write(path, simulate(draw_conditions(EVENTS, seed=SEED), geometry, SEED))


def measure(folder: Path, layout: str, slow: bool, options: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of one training.

    Raises:
        CalledProcessError: The job failed; it has told why.
        TimeoutExpired: It hung.
    """
    flags = mpirun_flags(RANKS, count_cores(), os.geteuid() == 0)
    words = [str(folder), str(folder.parent / "*.h5"), layout, str(options.epochs), str(options.pause), str(int(slow))]
    job = [find_mpirun(), "-np", str(RANKS), *flags, sys.executable, "-m", "exchanging.rank", *words]
    subprocess.run(job, check=True, timeout=LIMIT, stdin=subprocess.DEVNULL)
    return json.loads((folder / "figures.json").read_text())


def tabulate(found: dict[tuple[str, bool], list[dict[str, Any]]]) -> Table:
    """Return medians, by layout."""
    rows = []
    for (layout, slow), figures in found.items():
        values = [scale * statistics.median(one[name] for one in figures) for name, (_, scale) in COLUMNS.items()]
        replicas = LAYOUTS[layout]["training.replicas"]
        shape = f"{replicas} x {RANKS // replicas}"
        rows.append((layout, shape, "one rank" if slow else "none", *(f"{value:.3g}" for value in values)))
    names = [title for title, _ in COLUMNS.values()]
    return Table("Rings and replicas, the same events", ("layout", "replicas x ring", "slow", *names), tuple(rows))


def main() -> None:
    """Measure all, in turn."""
    options = parse_words(sys.argv[1:])
    options.out.parent.mkdir(parents=True, exist_ok=True)
    cases = [(layout, slow) for slow in (False, True) for layout in options.layouts or LAYOUTS]
    found: dict[tuple[str, bool], list[dict[str, Any]]] = {case: [] for case in cases}
    with tempfile.TemporaryDirectory(prefix="hvdgan-replicas-") as folder:
        write_showers(Path(folder) / "showers.h5")
        for round_ in range(options.rounds):
            for layout, slow in cases:
                own = Path(folder) / f"{layout}-{slow}-{round_}"
                own.mkdir()
                figures = measure(own, layout, slow, options)
                found[layout, slow].append(figures)
                told = {"kind": "replicas", "layout": layout, **LAYOUTS[layout], "slow": slow, **figures}
                settings = {"ranks": RANKS, "epochs": options.epochs, "pause": options.pause}
                append_json_line(options.out, {**told, **settings, **environment.describe(own)})
    print_table(tabulate(found), sys.stdout, reaches_person())


if __name__ == "__main__":
    main()
