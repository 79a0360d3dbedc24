"""Run the cases and show what came out; see scripts/benchmarks/study for the command line."""

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import environment

from efficiency import cases, figures, tables
from efficiency.cases import Case
from hvdgan.errors import HvdganError
from hvdgan.files import append_json_line
from hvdgan.launch import count_cores, find_mpirun, mpirun_flags
from hvdgan.report.tables import print_table

LIMIT = 900
"""Seconds after which a study counts as hung."""


def parse_words(words: Sequence[str]) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser("scripts/benchmarks/study")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--out", type=Path, default=environment.ROOT / "build" / "study-efficiency.jsonl")
    parser.add_argument("--storage")
    parser.add_argument("cases", nargs="*", metavar="CASE")
    options = parser.parse_args(words)
    try:
        options.cases = cases.select(options.cases, cases.QUICK if options.quick else cases.DEFAULT)
    except ValueError as error:
        parser.error(str(error))
    if options.repeat < 1:
        parser.error(f"--repeat {options.repeat}: give 1 or more")
    return options


def run(case: Case, directory: Path, storage: str | None) -> dict[str, Any]:
    """Run one study and return its figures.

    Raises:
        CalledProcessError: The job failed; it has told why.
        TimeoutExpired: It hung.
    """
    np = 1 + case.groups
    flags = mpirun_flags(np, count_cores(), os.geteuid() == 0)
    told = json.dumps(dataclasses.asdict(case))
    program = [sys.executable, "-m", "efficiency.rank", str(directory), told, *([storage] if storage else [])]
    job = [find_mpirun(), "-np", str(np), *flags, *program]
    subprocess.run(job, check=True, timeout=LIMIT, stdin=subprocess.DEVNULL)
    coordinator, *groups = [json.loads((directory / f"rank-{rank}.json").read_text()) for rank in range(np)]
    return figures.measure(case, coordinator, groups)


def main(words: Sequence[str]) -> int:
    """Run everything in turn, as often as asked, and print the tables."""
    options = parse_words(words)
    measured: tables.Measured = {case: [] for case in options.cases}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    for repetition in range(options.repeat):
        for case in options.cases:
            sys.stderr.write(f"{time.strftime('%H:%M:%S')} {case.name}, {repetition + 1} of {options.repeat}\n")
            with tempfile.TemporaryDirectory(prefix="hvdgan-study-") as folder:
                about = environment.describe(Path(folder))
                measured[case].append(run(case, Path(folder), options.storage))
            told = {"case": dataclasses.asdict(case), "storage": options.storage, "environment": about}
            append_json_line(options.out, {**told, **measured[case][-1]})
    for table in tables.build(measured):
        print_table(table, sys.stdout, sys.stdout.isatty())
    sys.stdout.write(f"{options.out}\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (subprocess.SubprocessError, HvdganError) as error:
        sys.stderr.write(f"scripts/benchmarks/study: {error}\n")
        sys.exit(1)
