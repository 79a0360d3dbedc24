"""Let the frameworks take turns and show what came out; see scripts/benchmarks/backends for the command line."""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import environment

from hvdgan.backends import BACKENDS
from hvdgan.files import append_json_line
from hvdgan.report.tables import Table, print_table
from hvdgan.report.terminal import reaches_person

LIMIT = 900
"""Seconds after which a measurement counts as hung."""

STEPS = {"events_per_second": "events/s", "before": "before the first step [s]", "peak_mb": "peak memory [MB]"}
TRIALS = {"mb_per_trial": "MB per trial after the tenth", "tenth_mb": "after the tenth [MB]", "last_mb": "at last [MB]"}


def parse_words(words: Sequence[str]) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser("scripts/benchmarks/backends")
    parser.add_argument("--precision", default="float32", choices=("float32", "bfloat16", "float64"))
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--grid", type=int, nargs=3, default=[25, 25, 25])
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--trials", type=int, default=0)
    parser.add_argument("--out", type=Path, default=environment.ROOT / "build" / "backends.jsonl")
    options = parser.parse_args(words)
    if options.trials and options.trials < 20:
        parser.error(f"--trials {options.trials}: give 20 or more, the first ten do not count")
    return options


def measure(framework: str, order: dict[str, Any]) -> dict[str, float]:
    """Return the figures of one measurement, made in a process of its own."""
    words = [sys.executable, "-m", "frameworks.one", framework, json.dumps(order)]
    done = subprocess.run(words, check=True, timeout=LIMIT, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def tabulate(found: dict[str, list[dict[str, float]]], columns: dict[str, str]) -> Table:
    """Return medians and ranges, by framework."""
    rows = []
    for framework, figures in found.items():
        values = [sorted(one[name] for one in figures) for name in columns]
        texts = (f"{statistics.median(v):.4g} ({v[0]:.4g} .. {v[-1]:.4g})" for v in values)
        rows.append((framework, *texts))
    return Table("torch and Keras", ("backend", *columns.values()), tuple(rows))


def main() -> None:
    """Measure all, in turn."""
    options = parse_words(sys.argv[1:])
    options.out.parent.mkdir(parents=True, exist_ok=True)
    order = {name: value for name, value in vars(options).items() if name not in ("out", "rounds")}
    columns, rounds = (TRIALS, options.rounds or 1) if options.trials else (STEPS, options.rounds or 3)
    found: dict[str, list[dict[str, float]]] = {framework: [] for framework in BACKENDS}
    for _ in range(rounds):
        for framework, figures in found.items():
            figures.append(measure(framework, order))
            append_json_line(
                options.out, {"backend": framework, **order, **figures[-1], **environment.describe(options.out.parent)}
            )
    print_table(tabulate(found, columns), sys.stdout, reaches_person())


if __name__ == "__main__":
    main()
