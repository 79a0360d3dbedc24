"""Which process trains with whom, and on which device: ties worlds, rings and backends together."""

import json
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from types import ModuleType

from hvdgan.config import Config
from hvdgan.parallel.agreement import gather_texts, together
from hvdgan.parallel.devices import assign_devices
from hvdgan.parallel.exchange import Exchange, NoExchange
from hvdgan.parallel.horovod_start import is_alone, load_horovod
from hvdgan.parallel.replicas import open_replicas
from hvdgan.parallel.ring import Ring
from hvdgan.parallel.timeline import kept_apart
from hvdgan.parallel.topology import COORDINATOR, Nesting, place_ranks, ring_rank
from hvdgan.parallel.world import SoloWorld, World

HOROVOD = {"torch": "torch", "keras": "tensorflow"}
"""What Horovod calls the framework of a backend."""


def check_horovod(config: Config, size: int) -> None:
    """Refuse a ring of several ranks for which Horovod is missing, or not built for the configuration's framework.

    Args:
        config: The configuration.
        size: Ranks of the ring, as far as MPI tells; `horovodrun --gloo` keeps its own count.

    Raises:
        MissingDependencyError: Says what to run.
    """
    if size > 1 or not is_alone(SoloWorld()):
        load_horovod(HOROVOD[config.gan.backend])


def open_ring(config: Config, world: World) -> AbstractContextManager[Ring]:
    """Open the ring of the configuration's framework over all processes of a world, in their order. Collective."""
    module = import_module(f"hvdgan.parallel.horovod_{config.gan.backend}")
    settings = config.training
    return module.open_ring(world, settings.stall_timeout, settings.ring.compression, settings.shards)


def nesting_of(config: Config) -> Nesting:
    """Return what the configuration divides a fold's ranks into."""
    return Nesting(replicas=config.training.replicas, shards=config.training.shards)


@contextmanager
def open_part(world: World, nesting: Nesting) -> Iterator[tuple[World, int]]:
    """Give the processes of this rank's replica, in the order of their ring, and the replica's number. Collective.

    However a launcher numbers ranks, the shards of a model are neighbours and share a host, if hosts have room for
    them. One process of `horovodrun --gloo` is given as it is: Horovod's own world is numbered host by host.

    Raises:
        UsageError: The world cannot be divided so.
    """
    if nesting.replicas == 1 and (nesting.shards == 1 or world.size == 1):
        yield world, 0
        return
    place = world.agree(lambda: place_ranks(world.hosts, nesting))[world.rank]
    with world.split(place.replica, ring_rank(place, nesting)) as part:
        yield part, place.replica


@contextmanager
def open_cell(config: Config, world: World) -> Iterator[tuple[Ring, Exchange]]:
    """Open the ring of this rank's replica over its part of a world, and the exchange with the others. Collective.

    Raises:
        UsageError: The world cannot be divided into the replicas.
    """
    nesting = nesting_of(config)
    if nesting.replicas == 1:
        with open_part(world, nesting) as (part, _), open_ring(config, part) as ring:
            yield ring, NoExchange()
        return
    with (
        open_part(world, nesting) as (part, own),
        world.split(0 if part.rank == 0 else None, own) as leaders,
        kept_apart(f"replica-{own}"),
        open_ring(config, part) as ring,
        open_replicas(ring, own, leaders, config.training) as exchange,
    ):
        yield ring, exchange


@contextmanager
def open_pinned_cell(config: Config, backend: ModuleType, world: World) -> Iterator[tuple[Ring, Exchange]]:
    """Open the ring, or the replicas, of the whole job and give every rank a device of its own. Collective.

    Raises:
        UsageError: A host has more ranks than GPUs; or the job cannot be divided into the replicas, or has no world.
    """
    if config.training.replicas == 1:
        with open_pinned_ring(config, backend, world) as ring:
            yield ring, NoExchange()
        return
    pin_world(backend, world)
    with open_cell(config, world) as cell:
        yield cell


@contextmanager
def open_pinned_ring(config: Config, backend: ModuleType, world: World) -> Iterator[Ring]:
    """Open a ring over the whole job and give every rank a device of its own. Collective.

    The hosts are asked for over the ring: under `horovodrun --gloo` there is no other way to all ranks.

    Raises:
        UsageError: A host has more ranks than GPUs.
    """
    with open_part(world, Nesting(shards=config.training.shards)) as (part, _), open_ring(config, part) as ring:
        told = json.dumps([_place(world), backend.count_devices()])
        places = [tuple(json.loads(text)) for text in gather_texts(ring, told)]
        together(ring, lambda: backend.use_device(_assign(places)[ring.rank]))
        yield ring


def pin_groups(backend: ModuleType, world: World) -> None:
    """Give every training rank of a study a device of its own; a coordinator beside groups gets none. Collective.

    Raises:
        UsageError: A host has more training ranks than GPUs.
    """
    first = COORDINATOR + 1 if world.size > 1 else COORDINATOR
    places = world.gather((_place(world), backend.count_devices()))
    devices = [None] * first + world.agree(lambda: _assign(places[first:]))
    backend.use_device(devices[world.rank])


def pin_world(backend: ModuleType, world: World) -> None:
    """Give every rank of the job a device of its own. Collective.

    Raises:
        UsageError: A host has more ranks than GPUs.
    """
    places = world.gather((_place(world), backend.count_devices()))
    backend.use_device(world.agree(lambda: _assign(places))[world.rank])


def _place(world: World) -> str:
    """Name where this process finds its devices: its host, and what of it the launcher lets this process see."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    host = world.hosts[world.rank]
    return host if visible is None else f"{host} with CUDA_VISIBLE_DEVICES={visible}"


def _assign(places: list[tuple[str, int]]) -> list[int | None]:
    """Return the device of every training rank from its host and the number of devices there."""
    return assign_devices([host for host, _ in places], dict(places))
