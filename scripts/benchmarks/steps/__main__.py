"""Let the contenders take turns and show what came out; see scripts/benchmarks/step for the command line."""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TextIO

import environment

from hvdgan.backends import BACKENDS
from hvdgan.files import append_json_line
from hvdgan.report.tables import Table, print_table
from steps import curves

CONTENDERS = (("plain", "float32"), ("plain", "bfloat16"), ("ours", "float32"), ("ours", "bfloat16"))
"""The first is what the others are compared with."""

GFLOP = 19.2
"""Of the published convolutions for each event of a step."""

SHOWN = 16
"""Operations in the table of a profile."""

Costs = list[dict[str, float]]


def parse_words(words: Sequence[str]) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser("scripts/benchmarks/step")
    parser.add_argument("frameworks", nargs="*", metavar="FRAMEWORK")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--curves", type=int, default=0, metavar="STEPS")
    parser.add_argument("--out", type=Path, default=environment.ROOT / "build" / "step.jsonl")
    options = parser.parse_args(words)
    if unknown := set(options.frameworks) - set(BACKENDS):
        parser.error(f"{', '.join(unknown)}: give {' or '.join(BACKENDS)}, or nothing for both")
    options.frameworks = options.frameworks or list(BACKENDS)
    return options


@contextmanager
def contender(*words: str) -> Iterator[subprocess.Popen]:
    """Start a contender; it ends with the block."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([sys.executable, "-m", "steps.one", *words], **pipes, text=True)
    try:
        yield process
    finally:
        process.stdin.close()
        process.terminate()
        process.wait()


def ask(process: subprocess.Popen, word: str) -> Any:
    """Return a contender's answer to a word."""
    process.stdin.write(word + "\n")
    process.stdin.flush()
    return hear(process.stdout)


def hear(said: TextIO) -> Any:
    """Return the next answer.

    Raises:
        ValueError: The contender failed.
    """
    for line in said:
        if line[0] in '{"':
            return json.loads(line)
    raise ValueError("a contender failed; run python -m steps.one to see why")


def race(framework: str, batch: int, rounds: int) -> list[Costs]:
    """Return the cost of the steps of each contender, round by round."""
    with ExitStack() as stack:
        processes = [stack.enter_context(contender(framework, *words, str(batch))) for words in CONTENDERS]
        for process in processes:
            hear(process.stdout)
        turns = [[ask(process, "step") for process in processes] for _ in range(rounds)]
    return [list(costs) for costs in zip(*turns, strict=True)]


def tabulate(framework: str, batch: int, found: list[Costs]) -> Table:
    """Return the table of a framework."""
    columns = ("step", "events/s", "GFLOP/s", "times as fast", "lowest", "highest")
    rows = []
    for (kind, precision), costs in zip(CONTENDERS, found, strict=True):
        speed = batch / statistics.median(one["cpu"] for one in costs)
        ratios = [first["cpu"] / one["cpu"] for first, one in zip(found[0], costs, strict=True)]
        spread = (statistics.median(ratios), min(ratios), max(ratios))
        rows.append((f"{kind}, {precision}", round(speed, 2), round(speed * GFLOP, 1), *[round(r, 2) for r in spread]))
    note = "Of processor time, one thread; plain: the layers as the framework offers them, discriminator frozen."
    return Table(f"A step of 3DGAN in {framework}, batch {batch}", columns, tuple(rows), note=note)


def profile(framework: str, precision: str, batch: int) -> Table:
    """Return where the time of our step goes."""
    with contender(framework, "ours", precision, str(batch)) as process:
        hear(process.stdout)
        costs = ask(process, "profile")
    total = sum(seconds for seconds, _ in costs.values())
    dearest = sorted(costs.items(), key=lambda item: -item[1][0])[:SHOWN]
    rows = tuple((name, round(100 * seconds / total, 1), calls) for name, (seconds, calls) in dearest)
    return Table(f"Our step in {framework}, {precision}", ("operation", "time [%]", "calls"), rows)


def main(words: Sequence[str]) -> None:
    """Measure what was asked for."""
    options = parse_words(words)
    show = sys.stdout, sys.stdout.isatty()
    for framework in options.frameworks:
        if options.profile:
            for precision in ("float32", "bfloat16"):
                print_table(profile(framework, precision, options.batch), *show)
        elif options.curves:
            print_table(curves.compare(framework, options.curves), *show)
        else:
            found = race(framework, options.batch, options.rounds)
            print_table(tabulate(framework, options.batch, found), *show)
            options.out.parent.mkdir(parents=True, exist_ok=True)
            for (kind, precision), costs in zip(CONTENDERS, found, strict=True):
                told = {"framework": framework, "kind": kind, "precision": precision, "batch": options.batch}
                append_json_line(options.out, {**told, "costs": costs, **environment.describe(options.out.parent)})


if __name__ == "__main__":
    main(sys.argv[1:])
