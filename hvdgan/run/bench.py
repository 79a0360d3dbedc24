"""`hvdgan bench ring` and the ranks of an emulated scaling: what averaging costs, on the launched world."""

import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from hvdgan.backends import load
from hvdgan.backends.interface import GanSpec
from hvdgan.bench import emulation
from hvdgan.bench import ring as averaging
from hvdgan.bench.records import append, environment
from hvdgan.bench.ring import Place
from hvdgan.config import Config
from hvdgan.config import load as load_config
from hvdgan.errors import UsageError
from hvdgan.files import write_atomically
from hvdgan.launch import count_cores
from hvdgan.parallel.launcher import launcher
from hvdgan.parallel.ring import SoloRing
from hvdgan.parallel.world import World
from hvdgan.report.tables import Table
from hvdgan.run.measured import tabulate_ring
from hvdgan.run.processes import check_horovod, open_pinned_ring, open_ring, pin_world


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
    world.agree(lambda: check_out(out))
    config = world.agree(lambda: configure(backend, settings))
    world.agree(lambda: check_horovod(config, world.size))
    frameworks, place = load(backend), Place(transport(), backend, link.name, link.bandwidth)
    with open_pinned_ring(config, frameworks, world) as ring:
        records = averaging.measure(frameworks.Gradients, ring, sizes, repeats, place)
        if ring.rank:
            return None
    append(out, records, environment(count_cores()), repeats)
    return tabulate_ring(records, out)


@dataclass(frozen=True)
class Emulation:
    """What an emulated training does.

    Args:
        compute: Seconds that a step sleeps.
        steps: How many the median of a ring is of.
        ranks: Rings of so many take turns, on the first ranks of the world while the others wait; none means one ring
            of all.
        repeats: How often every ring has its turn.
    """

    compute: float
    steps: int
    ranks: tuple[int, ...] = ()
    repeats: int = 1


def emulate(order: Emulation, backend: str, settings: Sequence[str], link: Link, out: Path, world: World) -> None:
    """Be a rank of emulated trainings of the published 3DGAN; each ring's record is appended to a file. Collective.

    Args:
        order: What to do.
        backend: Framework.
        settings: `dotted.name=value` texts for the configuration.
        link: What the records tell of the network.
        out: The file.
        world: The processes of the job.
    """
    config = world.agree(lambda: configure(backend, settings))
    world.agree(lambda: check_horovod(config, world.size))
    frameworks, place = load(backend), Place(transport(), backend, link.name, link.bandwidth)
    pin_world(frameworks, world)
    with closing(frameworks.Gan(GanSpec(emulation.PUBLISHED), SoloRing())) as gan:
        shapes = emulation.shapes_of(gan.state())
    for ranks in (order.ranks or (world.size,)) * order.repeats:
        with world.split(0 if world.rank < ranks else None) as members:
            if members is None:
                continue
            with open_ring(config, members) as ring:
                make = frameworks.Gradients
                record = emulation.measure(make, ring, shapes, order.compute, order.steps, place)
            if ring.rank == 0:
                append(out, [record], environment(count_cores()), order.steps)


def check_out(out: Path) -> None:
    """Refuse a file for records that could not be made.

    Raises:
        UsageError: Its folder is not there, or it is a folder itself.
    """
    if not out.absolute().parent.is_dir() or out.is_dir():
        raise UsageError(f"--out {out}: name a file in a folder that exists")


def configure(backend: str, settings: Sequence[str] = ()) -> Config:
    """Return a configuration without data, for what needs a ring only.

    Args:
        backend: Framework.
        settings: `training.ring.name=value` texts and the like.

    Raises:
        ConfigError: A setting is not legal.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder, "ring.yaml")
        write_atomically(path, f"{{data: {{files: [none]}}, gan: {{backend: {backend}}}}}")
        return load_config(path, list(settings))


def transport() -> str:
    """Return how the ranks of this job talk."""
    return "gloo" if launcher(os.environ) == "gloo" else "mpi"
