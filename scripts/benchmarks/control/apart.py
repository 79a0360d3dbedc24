"""Trainings side by side that know nothing of each other; see scripts/benchmarks/apart for the command line."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hvdgan.files import append_json_line, read_json_lines

Row = dict[str, Any]


def train(ranks: int, config: Path, folder: Path) -> list[list[Row]]:
    """Train in so many processes at once, and return the steps of each.

    Raises:
        SystemExit: One of them failed; the others are ended.
    """
    runs = [folder / f"apart-{number}" for number in range(ranks)]
    words = [sys.executable, "-m", "hvdgan", "train", str(config), "--live", "off", "--out"]
    jobs = [subprocess.Popen([*words, str(run)]) for run in runs]
    try:
        for job in jobs:
            if job.wait():
                sys.exit(job.returncode)
    finally:
        for job in jobs:
            job.kill()
    return [[row for row in read_json_lines(run / "metrics.jsonl") if row["kind"] == "step"] for run in runs]


def add_up(steps: Sequence[Sequence[Row]]) -> Iterator[Row]:
    """Yield a line for every step: the events per second of all and of each, and the longest waiting."""
    for rows in zip(*steps, strict=True):
        each = [row["events_per_second"] for row in rows]
        waited = max(row["waited_fraction"] for row in rows)
        line = {"kind": "step", "steps": rows[0]["steps"], "events_per_second": sum(each), "each": each}
        yield {**line, "waited_fraction": waited}


def main() -> None:
    """Read the command line, train, write."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    ranks, config, metrics = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
    for row in add_up(train(ranks, config, metrics.parent)):
        append_json_line(metrics, row)


if __name__ == "__main__":
    main()
