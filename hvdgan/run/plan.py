"""`hvdgan plan`: in which layout an allocation finishes a study first, and why; nothing is started."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from hvdgan.errors import UsageError
from hvdgan.files import read_json_lines
from hvdgan.parallel.allocation import Allocation, Figures, Layout, Work
from hvdgan.parallel.cost import Link, fit_link
from hvdgan.parallel.plan import CLOSE, Outlook, choose, compare_layouts
from hvdgan.report.progress import duration
from hvdgan.report.tables import Table, to_rows

FLOAT = 4
"""Bytes of a weight."""

FORWARD_SHARE = 0.51 / 19.2
"""A generated shower's operations over those of a training step per event, of 3DGAN on 25 x 25 x 25 cells."""

UPDATES = 2
"""How often a step of 3DGAN updates each network, with an all-reduce every time."""

ASSUMED = Figures(
    event=0.4, generation=0.4 * FORWARD_SHARE, start=5.0, messages=(), weights=0.0, activations=3.4e7, gathers=52,
    every=10, base=4.2e8, copies=4, held=2.1e7, local=Link(2.5e-5, 2.5e9, 1e-3), network=(1.25e9, 5e-5),
)  # fmt: skip
"""Of 3DGAN on 25 x 25 x 25 cells: torch with one thread, Horovod over MPI between processes of one machine."""

KINDS = ("step", "ring")
"""Of measured lines that a plan takes over."""

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
    figures, assumptions = gather_figures(order)
    outlooks = compare_layouts(work, order.allocation, figures, order.replicas, order.shards)
    best = choose(outlooks)
    told = _worth_telling(outlooks, order.allocation.trainers, best)
    table = tabulate(told, best, order.allocation)
    return Answer(table, [*assumptions, *_common(work, order)], advise(best, outlooks, work, order.allocation), best)


def gather_figures(order: Order) -> tuple[Figures, list[str]]:
    """Return what things cost, measured where lines tell it and assumed otherwise, and a sentence on each."""
    rows = _read(order.bench)
    sizes = tuple(float(FLOAT * count) for count in order.parameters for _ in range(UPDATES))
    weights = FLOAT * float(sum(order.parameters))
    figures = replace(ASSUMED, messages=sizes, weights=weights, network=(order.network * 1e9 / 8, ASSUMED.network[1]))
    figures, computing = _measured_step(figures, rows)
    figures, linked = _measured_link(figures, rows)
    return figures, [computing, linked]


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


def advise(best: Outlook, outlooks: Sequence[Outlook], work: Work, allocation: Allocation) -> str:
    """Return what is recommended, why, and how it is launched."""
    layout = best.layout
    told = [
        f"Recommended: {name_layout(layout, work)}.",
        f"{_waves(best, work)} in {duration(best.seconds)}, at {best.efficiency:.0%} efficiency.",
        *_compare_ends(best, [outlook for outlook in outlooks if outlook.fits]),
        *_memory(best, allocation),
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
        f"With {_count(outlook.layout.ranks_per_trial)} per trial it takes {outlook.seconds / best.seconds:.2f} times as "
        f"long: {outlook.idle:.0%} idle, {outlook.efficiency:.0%} efficiency."
        for outlook in ends
        if outlook.seconds > (1 + CLOSE) * best.seconds
    ]


def _count(ranks: int) -> str:
    """Return a number of ranks in words."""
    return "1 rank" if ranks == 1 else f"{ranks:,} ranks"


def _memory(best: Outlook, allocation: Allocation) -> list[str]:
    """Say what memory asks for."""
    need, most = f"{best.memory / 1e9:.2f} GB", f"{allocation.memory / 1e9:.2f} GB"
    if not best.fits:
        return [f"It does not fit: a rank takes {need} of {most}; use a smaller --batch-size, or more --shards."]
    if best.layout.shards > 1 and math.isfinite(allocation.memory):
        return [f"A model in one piece, or in fewer shards, takes more than {most} of a rank; this takes {need}."]
    return []


def _read(path: Path | None) -> list[dict[str, Any]]:
    """Return the lines of a file of measurements; none where no file is asked for.

    Raises:
        UsageError: There is no such file, or nothing that was measured in it.
    """
    if path is None:
        return []
    try:
        rows = [row for row in read_json_lines(path) if row.get("kind") in KINDS]
    except (OSError, ValueError) as error:
        raise UsageError(f"--bench {path}: {error}; give a file that `hvdgan bench` wrote") from None
    if not rows:
        raise UsageError(f"--bench {path} holds no measured step or all-reduce; give a file that `hvdgan bench` wrote")
    return rows


def _measured_step(figures: Figures, rows: Sequence[Mapping[str, Any]]) -> tuple[Figures, str]:
    """Take the latest measured step over, where there is one."""
    steps = [row for row in rows if row.get("kind") == "step"]
    if not steps:
        return figures, f"Assumed: {figures.event} s of one core per event and step (3DGAN, 25 x 25 x 25, float32)."
    row = steps[-1]
    event = row["seconds"] / row["batch"]
    what = f"{row['model']}, {' x '.join(map(str, row['grid']))}, {row['precision']}, {row['backend']}"
    told = f"Measured: {event:.3g} s per event and step ({what}, batches of {row['batch']})."
    return replace(figures, event=event, generation=event * FORWARD_SHARE), told


def _measured_link(figures: Figures, rows: Sequence[Mapping[str, Any]]) -> tuple[Figures, str]:
    """Fit the link between processes of a host, where its all-reduces were measured."""
    rings = [row for row in rows if row.get("kind") == "ring" and not row.get("link")]
    if not rings:
        return figures, f"Assumed: {_name_link(figures.local)} between processes of a host."
    fit = fit_link(rings)
    told = f"{_name_link(fit.link)} between processes of a host, fitted to {fit.points} all-reduces"
    return replace(figures, local=fit.link), f"Measured: {told} (half of them within {fit.error:.0%})."


def _name_link(link: Link) -> str:
    """Return a link in words.

    >>> _name_link(Link(2.5e-5, 2.5e9, 1e-3))
    '25 us per round, 2.5 GB/s, 1 ms of negotiation'
    """
    return (
        f"{1e6 * link.latency:.3g} us per round, {link.bandwidth / 1e9:.3g} GB/s, {1e3 * link.negotiation:.3g} ms of "
        "negotiation"
    )


def _common(work: Work, order: Order) -> list[str]:
    """Say what else the layouts rest on."""
    allocation = order.allocation
    discriminator, generator = order.parameters
    return [
        f"Assumed: hosts of {allocation.per_host} ranks and {allocation.cores:g} cores, {order.network:g} Gb/s and "
        f"{1e6 * ASSUMED.network[1]:g} us between them.",
        f"Assumed: {UPDATES} updates per step of a discriminator of {discriminator:,} and a generator of "
        f"{generator:,} parameters in float32; {ASSUMED.base / 1e9:g} GB per process and {ASSUMED.held / 1e6:g} MB per "
        "event held for the backward pass.",
        f"Assumed: {ASSUMED.start:g} s before the first step of a training, "
        f"{min(work.validated, work.held_out):,} showers compared after every epoch.",
        "Assumed: trials take equally long and none is pruned; epochs are worth the same whatever the ring, though its "
        "batch grows with it.",
    ]
