"""Simulate files, measure, and tell what came out beside its targets; see scripts/benchmarks/input."""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import environment

from hvdgan.errors import HvdganError
from hvdgan.files import append_json_line, read_json_lines
from hvdgan.report.tables import Table, print_table
from reading import rates

TIMES = 10
"""How many times as many events the larger data set has."""

WARM = 1
"""Lines of metrics that do not count: a network is built while the first batch is read."""

TARGETS = {"ratio": 0.9, "growth": 1.05, "waited": 0.02}


def parse_words(words: Sequence[str]) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser("scripts/benchmarks/input")
    parser.add_argument("--events", type=int, default=4000)
    parser.add_argument("--grid", type=int, nargs=3, default=(25, 25, 25))
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--model", default="3dgan")
    parser.add_argument("--out", type=Path, default=environment.ROOT / "build" / "input.jsonl")
    return parser.parse_args(words)


def simulate(folder: Path, options: argparse.Namespace) -> list[Path]:
    """Make two files of half of the events each, and so many copies that there are ten times as many."""
    grid = [str(cells) for cells in options.grid]
    words = ["simulate", "--files", "2", "--events", str(options.events // 2), "--grid", *grid, "--out", str(folder)]
    subprocess.run([sys.executable, "-m", "hvdgan", *words], check=True, stdout=subprocess.DEVNULL)
    paths = sorted(folder.glob("*.h5"))
    for number in range(1, TIMES):
        for path in paths:
            shutil.copyfile(path, folder / f"copy-{number}-{path.name}")
    return paths


def weigh(paths: Sequence[Path], batch: int) -> dict[str, float]:
    """Return what a fresh process that reads some files tells of its memory."""
    words = [sys.executable, "-m", "reading.memory", str(batch), *map(str, paths)]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def wait(folder: Path, options: argparse.Namespace) -> list[float]:
    """Train for some steps; return the share of waiting of each but the first."""
    config, run = folder / "input.yaml", folder / "run"
    settings = {"epochs": 1, "batch_size": min(options.batch, 16), "metric_every": 1}
    few = f"{folder}/showers_000.h5"
    told = {"data": {"files": [few], "validation": 0.1, "validation_events": 8}, "gan": {"model": options.model}}
    config.write_text(json.dumps({**told, "training": settings}))
    steps = options.steps + WARM
    with subprocess.Popen(
        [sys.executable, "-m", "hvdgan", "train", str(config), "--out", str(run), "--live", "off"],
        stdout=subprocess.PIPE, text=True,
    ) as job:  # fmt: skip
        for line in job.stdout or ():
            if f"step{steps:7d}" in line:
                break
        job.terminate()
        job.communicate()
    rows = [row for row in read_json_lines(run / "metrics.jsonl") if row["kind"] == "step"]
    return [row["waited_fraction"] for row in rows[WARM : 1 + steps]]


def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Return everything that is measured."""
    paths = simulate(folder, options)
    told = rates.compare(paths, options.batch, options.repeats)
    once, often = weigh(paths, options.batch), weigh(sorted(folder.glob("*.h5")), options.batch)
    waited = wait(folder, options)
    return {**told, "memory": {"once": once, "often": often}, "waited": waited}


def tabulate(told: dict[str, Any]) -> Table:
    """Tabulate what was measured beside its targets."""
    once, often = told["memory"]["once"], told["memory"]["often"]
    rows = [(f"events/s by h5py in turn, {clock} time", told[clock]["h5py"], None) for clock in ("wall", "processor")]
    rows += [
        (f"events/s of the stream over those, {clock} time", told[clock]["ratio"], f">= {TARGETS['ratio']}")
        for clock in ("wall", "processor")
    ]
    rows += [
        (f"resident memory for {once['events']:,} events [MB]", once["resident"], None),
        (f"over it: {often['events']:,} events", often["resident"] / once["resident"], f"<= {TARGETS['growth']}"),
        ("share of a step's time spent waiting", statistics.median(told["waited"]), f"< {TARGETS['waited']}"),
    ]
    return Table("Input", ("what", "median", "target"), tuple(rows))


def main(words: Sequence[str]) -> int:
    """Measure, print, and append a line."""
    options = parse_words(words)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hvdgan-input-") as name:
        about = environment.describe(Path(name))
        told = measure(Path(name), options)
    asked = {name: value for name, value in vars(options).items() if name != "out"}
    append_json_line(options.out, {**asked, **told, "environment": about})
    print_table(tabulate(told), sys.stdout, sys.stdout.isatty())
    sys.stdout.write(f"{options.out}\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (subprocess.SubprocessError, HvdganError) as error:
        sys.stderr.write(f"scripts/benchmarks/input: {error}\n")
        sys.exit(1)
