"""Train the cases one after the other and show what came out; see scripts/benchmarks/recipes for the command line."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import environment

from ablation.cases import CASES, on_ring
from ablation.training import METRICS, measure, simulate
from hvdgan.files import append_json_line
from hvdgan.report.tables import Table, print_table
from hvdgan.report.terminal import reaches_person

SCALINGS = ("none", "sqrt", "linear")


def parse_words(words: Sequence[str]) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser("scripts/benchmarks/recipes")
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--ranks", type=int, nargs="+", choices=(1, 2, 4, 8))
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--out", type=Path, default=environment.ROOT / "build" / "recipes.jsonl")
    return parser.parse_args(words)


def list_cases(options: argparse.Namespace) -> Iterator[tuple[str, dict[str, str], int]]:
    """Yield name, changes and ranks of each case."""
    if not options.ranks:
        yield from ((name, CASES[name], 1) for name in options.cases)
        return
    for ranks in options.ranks:
        yield f"{ranks} ranks, batch 32 in all", on_ring(ranks, grown=False), ranks
    for ranks, scaling in product((ranks for ranks in options.ranks if ranks > 1), SCALINGS):
        yield f"{ranks} ranks, batch {32 * ranks} in all, rate {scaling}", on_ring(ranks, True, scaling), ranks


def tabulate(found: list[dict[str, Any]]) -> Table:
    """Return the figures of all cases."""
    rows = []
    for one in found:
        values = [f"{one[name][0]:.3g} ± {one[name][1]:.2g}" for name in METRICS]
        rows.append((one["case"], str(one["seed"]), f"{one['seconds']:.0f}", f"{one['merit'][2]:.3g}", *values))
    head = ("case", "seed", "seconds", "floor of the merit", *METRICS)
    return Table("Recipes, each after equally many events", head, tuple(rows))


def main() -> None:
    """Measure all, in turn."""
    options, found = parse_words(sys.argv[1:]), []
    build = options.out.parent
    build.mkdir(parents=True, exist_ok=True)
    simulate(build / "recipes-data")
    with TemporaryDirectory(dir=build) as folder:
        for number, ((name, changes, ranks), seed) in enumerate(product(list_cases(options), range(options.seeds))):
            place = Path(folder, str(number))
            figures = measure(build / "recipes-data", place, changes, options.epochs, ranks, seed)
            found.append({"case": name, "ranks": ranks, "seed": seed, "epochs": options.epochs, **figures})
            append_json_line(options.out, {**found[-1], **environment.describe(build)})
            sys.stderr.write(f"{name}, seed {seed}: merit {figures['merit'][0]:.3g}\n")
    print_table(tabulate(found), sys.stdout, reaches_person())


if __name__ == "__main__":
    main()
