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
from hvdgan.bench.records import middle
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
    "shared": ("to rings [MB]", 1e-6),
    "reduced": ("all-reduced [MB]", 1e-6),
}


def parse_words(words: Sequence[str]) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser("scripts/benchmarks/replicas")
    parser.add_argument("layouts", nargs="*", metavar="LAYOUT", help=", ".join(LAYOUTS))
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--pause", type=float, default=0.2)
    parser.add_argument("--out", type=Path, default=environment.ROOT / "build" / "replicas.jsonl")
    options = parser.parse_args(words)
    unknown = [name for name in options.layouts if name not in LAYOUTS]
    if unknown:
        parser.error(f"there is no layout {unknown[0]}; choose from {', '.join(LAYOUTS)}")
    if options.repeats < 1:
        parser.error(f"--repeats {options.repeats}: give 1 or more")
    return options


def write_showers(path: Path) -> None:
    """Simulate electrons to learn from."""
    geometry = Geometry.parse().with_grid(*GRID)
    LcdV1().write(path, simulate(draw_conditions(EVENTS, seed=SEED), geometry, SEED))


def measure(folder: Path, layout: str, slow: bool, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of one training.

    Raises:
        CalledProcessError: The job failed; it has told why.
        TimeoutExpired: It hung.
    """
    flags = mpirun_flags(RANKS, count_cores(), os.geteuid() == 0)
    words = [folder, folder.parent / "*.h5", layout, options.epochs, options.pause, int(slow), seed]
    job = [find_mpirun(), "-np", str(RANKS), *flags, sys.executable, "-m", "exchanging.rank", *map(str, words)]
    subprocess.run(job, check=True, timeout=LIMIT, stdin=subprocess.DEVNULL)
    return json.loads((folder / "figures.json").read_text())


def summarise(figures: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the medians of repeated figures, by name, and beside each the smallest and the largest value."""
    numbers = {name: middle([one[name] for one in figures]) for name in figures[0] if name != "curve"}
    curve = [statistics.median(merits) for merits in zip(*(one["curve"] for one in figures), strict=True)]
    spreads = {f"{name}_spread": spread for name, (_, spread) in numbers.items()}
    return {**{name: value for name, (value, _) in numbers.items()}, "curve": curve, **spreads}


def tabulate(found: dict[tuple[str, bool], dict[str, Any]]) -> Table:
    """Return medians and ranges, by layout."""
    rows = []
    for (layout, slow), figures in found.items():
        replicas = LAYOUTS[layout]["training.replicas"]
        shape = f"{replicas} x {RANKS // replicas}"
        cells = (_tell(figures, name, scale) for name, (_, scale) in COLUMNS.items())
        rows.append((layout, shape, "one rank" if slow else "none", *cells))
    names = [title for title, _ in COLUMNS.values()]
    return Table("Rings and replicas, the same events", ("layout", "replicas x ring", "slow", *names), tuple(rows))


def _tell(figures: dict[str, Any], name: str, scale: float) -> str:
    """Return a median, with its range where there is one."""
    low, high = figures[f"{name}_spread"]
    span = f" ({scale * low:.3g} to {scale * high:.3g})" if low < high else ""
    return f"{scale * figures[name]:.3g}{span}"


def main() -> None:
    """Measure all, in turn."""
    options = parse_words(sys.argv[1:])
    options.out.parent.mkdir(parents=True, exist_ok=True)
    cases = [(layout, slow) for slow in (False, True) for layout in options.layouts or LAYOUTS]
    found: dict[tuple[str, bool], list[dict[str, Any]]] = {case: [] for case in cases}
    with tempfile.TemporaryDirectory(prefix="hvdgan-replicas-") as folder:
        write_showers(Path(folder) / "showers.h5")
        for repeat in range(options.repeats):
            for layout, slow in cases:
                own = Path(folder) / f"{layout}-{slow}-{repeat}"
                own.mkdir()
                found[layout, slow].append(measure(own, layout, slow, repeat, options))
    medians = {case: summarise(figures) for case, figures in found.items()}
    settings = {"ranks": RANKS, "epochs": options.epochs, "pause": options.pause, "repeats": options.repeats}
    for (layout, slow), figures in medians.items():
        told = {"kind": "replicas", "layout": layout, **LAYOUTS[layout], "slow": slow, **figures}
        append_json_line(options.out, {**told, **settings, **environment.describe(options.out.parent)})
    print_table(tabulate(medians), sys.stdout, reaches_person())


if __name__ == "__main__":
    main()
