"""`hvdgan bench ring` and the ranks of an emulated scaling: what averaging costs, on the launched world."""

import json
import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from hvdgan.backends import load
from hvdgan.backends.interface import GanSpec
from hvdgan.bench import emulation
from hvdgan.bench import ring as averaging
from hvdgan.bench.records import RingRecord, append, environment, middle
from hvdgan.bench.ring import Place
from hvdgan.config import Config, parse
from hvdgan.files import append_json_line
from hvdgan.launch import count_cores
from hvdgan.parallel.launcher import launcher
from hvdgan.parallel.ring import SoloRing
from hvdgan.parallel.world import World
from hvdgan.report.tables import Table
from hvdgan.run.processes import check_horovod, open_pinned_ring

PUBLISHED = (25, 25, 25)
"""Cells of the published 3DGAN."""


@dataclass(frozen=True)
class Link:
    """What the records tell of the network between hosts.

    Args:
        name: Such as "1Gb/s"; None for what the machine has.
        bandwidth: In bits per second.
    """

    name: str | None = None
    bandwidth: float | None = None


def bench_ring(
    backend: str, sizes: Sequence[int], repeats: int, settings: Sequence[str], link: Link, out: Path, world: World
) -> Table | None:
    """Time all-reduces on the launched world; return a table on rank 0. Collective.

    Args:
        backend: Framework.
        sizes: Bytes; none means from 8 to 64 MB.
        repeats: How often every size has its turn.
        settings: `dotted.name=value` texts for the configuration.
        link: What the records tell of the network.
        out: File that gets the records.
        world: The processes of the job.

    Raises:
        UsageError: There is no ring of two, or a size is not legal.
    """
    sizes = tuple(sizes) or averaging.SIZES
    config = world.agree(lambda: configure(backend, settings))
    world.agree(lambda: check_horovod(config, world.size))
    frameworks, place = load(backend), Place(transport(), backend, link.name, link.bandwidth)
    with open_pinned_ring(config, frameworks, world) as ring:
        records = averaging.measure(frameworks.Gradients, ring, sizes, repeats, place)
        if ring.rank:
            return None
    append(out, records, environment(count_cores()), repeats)
    return tabulate_ring(records, out)


def emulate(backend: str, compute: float, steps: int, settings: Sequence[str], out: Path, world: World) -> None:
    """Be a rank of an emulated training; rank 0 appends the seconds of every step to a file. Collective."""
    config = world.agree(lambda: configure(backend, settings))
    world.agree(lambda: check_horovod(config, world.size))
    frameworks = load(backend)
    with closing(frameworks.Gan(GanSpec(PUBLISHED), SoloRing())) as gan:
        shapes = emulation.shapes_of(gan.state())
    with open_pinned_ring(config, frameworks, world) as ring:
        seconds = emulation.measure(frameworks.Gradients, ring, shapes, compute, steps)
        if ring.rank == 0:
            append_json_line(out, {"ranks": ring.size, "seconds": seconds})


def configure(backend: str, settings: Sequence[str] = ()) -> Config:
    """Return a configuration without data, for what needs a ring only."""
    return parse({"data": {"files": ["none"]}, "gan": {"backend": backend}})


def transport() -> str:
    """Return how the ranks of this job talk."""
    return "gloo" if launcher(os.environ) == "gloo" else "mpi"


def tabulate_ring(records: Sequence[RingRecord], out: Path) -> Table:
    """Tabulate all-reduces by size."""
    rows = [
        (
            one.bytes,
            1e3 * one.seconds,
            *(1e3 * edge for edge in one.spread),
            2 * (one.ranks - 1) / one.ranks * one.bytes / one.seconds / 1e9,
        )
        for one in records
    ]
    about = f"{records[0].ranks} ranks over {records[0].transport}"
    note = f"GB/s: what each rank sends and receives, 2 (ranks - 1) / ranks of the bytes. Appended to {out}."
    return Table(f"All-reduce, {about}", ("bytes", "ms", "lowest", "highest", "GB/s"), tuple(rows), note=note)
