"""`hvdgan plan`: in which layout an allocation finishes a study first, and why; nothing is started."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hvdgan.parallel.allocation import Allocation, Figures, Layout, Work
from hvdgan.parallel.plan import CLOSE, Outlook, choose, compare_layouts, need_shards
from hvdgan.report.progress import duration
from hvdgan.report.tables import Table, to_rows
from hvdgan.run.figures import UPDATES, gather_figures

BETTER = 3
"""At most so many layouts are told that leave ranks out and are faster than all that do not."""


@dataclass(frozen=True)
class Order:
    """What is asked for beside the work.

    Args:
        allocation: Where.
        replicas: Of each training.
        shards: Of each model; None takes as many as memory asks for.
        parameters: Of the discriminator and the generator.
        network: Between hosts, in Gb/s.
        bench: Lines of `hvdgan bench`, or None.
    """

    allocation: Allocation
    replicas: int
    shards: int | None
    parameters: tuple[int, int]
    network: float
    bench: Path | None


@dataclass(frozen=True)
class Answer:
    """What is to be told.

    Args:
        table: The layouts.
        assumptions: What they rest on, one sentence each.
        advice: What is recommended, why, and how it is launched.
        best: The recommended layout.
    """

    table: Table
    assumptions: list[str]
    advice: str
    best: Outlook


def plan(work: Work, order: Order) -> Answer:
    """Compare the layouts of an allocation.

    Raises:
        UsageError: No layout makes a single step, or the file of measurements cannot be read.
        DataError: The measured all-reduces do not tell a link.
    """
    figures, assumptions = gather_figures(order.bench, order.parameters, order.network)
    outlooks = compare_layouts(work, order.allocation, figures, order.replicas, order.shards)
    best = choose(outlooks)
    told = _worth_telling(outlooks, order.allocation.trainers, best)
    table = tabulate(told, best, order.allocation)
    advice = advise(best, outlooks, work, order.allocation, need_shards(figures, work.batch, order.allocation))
    return Answer(table, [*assumptions, *name_rest(figures, work, order)], advice, best)


def tabulate(outlooks: Sequence[Outlook], best: Outlook, allocation: Allocation) -> Table:
    """Tabulate layouts; the recommended one stands out."""
    columns = (
        "ranks per trial", "groups", "folds at once", "replicas", "ring", "shards", "waves", "step [s]", "done in",
        "efficiency [%]", "idle [%]", "sent per step [MB]", "memory [GB]",
    )  # fmt: skip
    rows = tuple(_row(outlook) for outlook in outlooks)
    trainers = allocation.trainers
    alone = "one rank coordinates and trains" if allocation.ranks == 1 else f"1 coordinates, {trainers:,} train"
    note = "memory is that of a rank; idle counts the coordinator, ranks left over and the last wave."
    return Table(f"Layouts of {_count(allocation.ranks)}: {alone}", columns, rows, (list(outlooks).index(best),), note)


def advise(best: Outlook, outlooks: Sequence[Outlook], work: Work, allocation: Allocation, fewest: int | None) -> str:
    """Return what is recommended, why, and how it is launched; `fewest` is the answer of `need_shards`."""
    layout = best.layout
    told = [
        f"Recommended: {name_layout(layout, work)}.",
        f"{_waves(best, work)} in {duration(best.seconds)}, at {best.efficiency:.0%} efficiency.",
        *_compare_ends(best, [outlook for outlook in outlooks if outlook.fits]),
        *_memory(best, allocation, fewest),
    ]
    return "\n".join([*told, f"  {launch_line(layout, work, allocation)}"])


def name_layout(layout: Layout, work: Work) -> str:
    """Name a layout in words.

    >>> name_layout(Layout(8, 2, 1, 8, 1), Work(200, 30, 200_000, folds=2))
    '8 groups of 16 ranks, the 2 folds side by side, each a ring of 8'
    """
    groups = "one group" if layout.groups == 1 else f"{layout.groups:,} groups"
    parts = [f"{groups} of {_count(layout.ranks_per_trial)}"]
    if work.folds > 1:
        parts.append(f"the {work.folds} folds {'side by side' if layout.folds > 1 else 'in turn'}")
    inner = [f"{layout.replicas} replicas of "] * (layout.replicas > 1) + [f"a ring of {layout.ring:,}"]
    shards = [f" x {layout.shards} shards"] * (layout.shards > 1)
    return ", ".join([*parts, "each " + "".join(inner + shards)])


def launch_line(layout: Layout, work: Work, allocation: Allocation) -> str:
    """Return the command line of a layout; ranks that it leaves out are not started.

    >>> launch_line(Layout(8, 1, 1, 16, 1), Work(200, 30, 200_000), Allocation(129, 16, 16))
    'hvdgan launch -np 129 study CONFIG --trials 200 --ranks-per-trial 16 --set training.batch_size=64'
    """
    ranks = 1 if allocation.ranks == 1 else 1 + layout.trainers
    words = [f"hvdgan launch -np {ranks} study CONFIG --trials {work.trials}"]
    words.append(f"--ranks-per-trial {layout.ranks_per_trial} --set training.batch_size={work.batch}")
    if work.folds > 1:
        mode = "parallel" if layout.folds > 1 else "sequential"
        words.append(f"--set study.folds={work.folds} --set study.fold_mode={mode}")
    for name in ("replicas", "shards"):
        words += [f"--set training.{name}={getattr(layout, name)}"] * (getattr(layout, name) > 1)
    return " ".join(words)


def bytes_of(gigabytes: float | None) -> float:
    """Return a number of bytes, infinite where nothing is said.

    >>> bytes_of(0.5), bytes_of(None)
    (500000000.0, inf)
    """
    return math.inf if gigabytes is None else 1e9 * gigabytes


def to_json(answer: Answer) -> str:
    """Return everything as JSON, values as they are."""
    told = {"layouts": to_rows(answer.table), "best": asdict(answer.best), "assumptions": answer.assumptions}
    return json.dumps({**told, "advice": answer.advice}, indent=2)


def _row(outlook: Outlook) -> tuple[Any, ...]:
    """Return a layout as a row of the table."""
    layout = outlook.layout
    sizes = (layout.groups, layout.folds, layout.replicas, layout.ring, layout.shards, outlook.waves)
    memory = f"{outlook.memory / 1e9:.2f}" + ("" if outlook.fits else ", does not fit")
    shares = (100 * outlook.efficiency, 100 * outlook.idle, sum(outlook.moved.values()) / 1e6)
    return (layout.ranks_per_trial, *sizes, outlook.step, duration(outlook.seconds), *shares, memory)


def _worth_telling(outlooks: Sequence[Outlook], trainers: int, best: Outlook) -> list[Outlook]:
    """Return the layouts that use every rank, and the fastest of those that leave some out and are faster still."""
    whole = [outlook for outlook in outlooks if outlook.layout.trainers == trainers]
    first = min((outlook.seconds for outlook in whole if outlook.fits), default=float("inf"))
    rest = [outlook for outlook in outlooks if outlook not in whole and outlook.seconds < first]
    told = [*whole, *sorted(rest, key=lambda outlook: outlook.seconds)[:BETTER]]
    told += [best] * (best not in told)
    return sorted(told, key=lambda outlook: (outlook.layout.ranks_per_trial, outlook.layout.folds))


def _waves(best: Outlook, work: Work) -> str:
    """Say how the trials come out even."""
    last = work.trials - (best.waves - 1) * best.layout.groups
    if last == best.layout.groups:
        return f"{work.trials:,} trials are {best.waves:,} full waves of {best.layout.groups:,},"
    return f"{work.trials:,} trials are {best.waves:,} waves of {best.layout.groups:,}, {last:,} in the last one,"


def _compare_ends(best: Outlook, outlooks: Sequence[Outlook]) -> list[str]:
    """Say what the smallest and the largest groups would do instead, where they are slower."""
    ordered = sorted(outlooks, key=lambda outlook: outlook.layout.ranks_per_trial)
    ends = ordered[:1] + ordered[1:][-1:]
    return [
        f"With {_count(outlook.layout.ranks_per_trial)} per trial it takes {outlook.seconds / best.seconds:.2f} times "
        f"as long: {outlook.idle:.0%} idle, {outlook.efficiency:.0%} efficiency."
        for outlook in ends
        if outlook.seconds > (1 + CLOSE) * best.seconds
    ]


def _count(ranks: int) -> str:
    """Return a number of ranks in words."""
    return "1 rank" if ranks == 1 else f"{ranks:,} ranks"


def _memory(best: Outlook, allocation: Allocation, fewest: int | None) -> list[str]:
    """Say what memory asks for; `fewest` shards of a model would fit, None if no number of them does."""
    need, most = f"{best.memory / 1e9:.2f} GB", f"{allocation.memory / 1e9:.2f} GB"
    if not best.fits:
        shards = f", or --shards {fewest} (training.shards)" if fewest else "; no number of shards helps"
        return [f"It does not fit: a rank takes {need} of {most}; use a smaller --batch-size{shards}."]
    if best.layout.shards > 1 and math.isfinite(allocation.memory):
        return [f"A model in one piece, or in fewer shards, takes more than {most} of a rank; this takes {need}."]
    return []


def name_rest(figures: Figures, work: Work, order: Order) -> list[str]:
    """Say what else the layouts rest on."""
    allocation = order.allocation
    discriminator, generator = order.parameters
    return [
        f"Assumed: hosts of {allocation.per_host} ranks and {allocation.cores:g} cores, {order.network:g} Gb/s and "
        f"{1e6 * figures.network[1]:g} us between them.",
        f"Assumed: {UPDATES} updates per step of a discriminator of {discriminator:,} and a generator of "
        f"{generator:,} parameters in float32; {figures.base / 1e9:g} GB per process and {figures.held / 1e6:g} MB per "
        "event held for the backward pass, with MALLOC_MMAP_THRESHOLD_=65536 in the environment; without it, the C "
        "library keeps freed memory: measured were 36 % more for a whole model, 98 % more with 2 shards.",
        f"Assumed: {figures.start:g} s before the first step of a training, "
        f"{min(work.validated, work.held_out):,} showers compared after every epoch.",
        "Assumed: trials take equally long and none is pruned; epochs are worth the same whatever the ring, though its "
        "batch grows with it.",
    ]
