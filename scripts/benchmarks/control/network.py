"""Steps over shaped links, beside what all-reduces on the unshaped one foretell; see scripts/benchmarks/network."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hvdgan.files import read_json_lines
from hvdgan.parallel.cost import fit_link
from hvdgan.parallel.forecast import forecast
from hvdgan.report.tables import Table, print_table
from hvdgan.report.terminal import reaches_person
from hvdgan.run.figures import gather_figures

Row = dict[str, Any]


def tabulate(rows: Iterable[Row]) -> Table:
    """Compare every emulated step with a prediction from all-reduces over a link of no bandwidth of its own."""
    gloo = [row for row in rows if row["transport"] == "gloo" and row["link"]]
    fit = fit_link(row for row in gloo if row["kind"] == "ring" and row["bandwidth"] is None)
    messages = gather_figures(None)[0].messages
    steps = [row for row in gloo if row["kind"] == "scaling"]
    found = [(row["link"], *forecast([row], fit.link, messages)) for row in steps]
    lines = [
        (
            link, 1e3 * one["overhead"], 1e3 * one["predicted_overhead"], f"{one['overhead_error']:+.0%}",
            1e3 * one["seconds"], 1e3 * one["predicted"], f"{one['error']:+.1%}",
        )
        for link, one in found
    ]  # fmt: skip
    columns = ("link", "overhead [ms]", "foretold", "error", "step [ms]", "foretold", "error")
    note = f"Foretold from {fit.points} all-reduces of 2 and 4 ranks, half of them within {fit.error:.0%} of the fit."
    return Table("Two hosts", columns, tuple(lines), note=note)


if __name__ == "__main__":
    print_table(tabulate(read_json_lines(Path(sys.argv[1]))), sys.stdout, reaches_person())
