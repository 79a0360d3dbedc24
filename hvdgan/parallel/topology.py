"""Topology: which rank coordinates, and which ranks train a trial together; pure rank arithmetic, nothing else.

Rank 0 coordinates, the others form groups of equal size; a world of one is coordinator and group at once. A group
splits again, anew for every trial: into folds, a fold into replicas, a replica into a ring of models, a model into
shards. Every level may be 1, and ranks = folds x replicas x ring x shards.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hvdgan.errors import UsageError

COORDINATOR = 0
"""The rank that asks Optuna and never trains, unless it is alone."""


@dataclass(frozen=True)
class Role:
    """What one rank does.

    Args:
        coordinates: Whether it is the coordinator.
        group: Number of its group, the color to split the world with; None for a coordinator that does not train.
    """

    coordinates: bool
    group: int | None


@dataclass(frozen=True)
class Topology:
    """The division of a world.

    Args:
        roles: The role of every rank.
        groups: The ranks of every group, ascending.
        straddling: Numbers of the groups that have ranks on more than one host.
    """

    roles: tuple[Role, ...]
    groups: tuple[tuple[int, ...], ...]
    straddling: tuple[int, ...]


def plan_groups(hosts: Sequence[str], ranks_per_trial: int) -> Topology:
    """Divide a world into a coordinator and groups.

    Every host forms as many whole groups as its ranks allow, so a group straddles hosts only when it does not fit on
    one, or is made of what hosts have left over.

    Args:
        hosts: Name of the host of every rank.
        ranks_per_trial: Size of a group.

    Raises:
        UsageError: The numbers do not divide; the message says which would.

    >>> plan_groups(["a", "a", "a", "b", "b"], 2).groups
    ((1, 2), (3, 4))
    """
    if ranks_per_trial < 1:
        raise UsageError(f"{ranks_per_trial} ranks cannot train a trial; --ranks-per-trial is at least 1")
    trainers = list(range(1, len(hosts))) or [COORDINATOR]
    if len(trainers) % ranks_per_trial:
        raise UsageError(_explain(len(hosts), ranks_per_trial))
    groups = _pack(trainers, hosts, ranks_per_trial)
    member = {rank: number for number, group in enumerate(groups) for rank in group}
    roles = [Role(rank == COORDINATOR, member.get(rank)) for rank in range(len(hosts))]
    straddling = [number for number, group in enumerate(groups) if len({hosts[rank] for rank in group}) > 1]
    return Topology(tuple(roles), tuple(groups), tuple(straddling))


@dataclass(frozen=True)
class Nesting:
    """What a group is divided into; what is left over is the size of a ring.

    Args:
        folds: How many folds train side by side.
        replicas: Rings of each fold that train copies of the networks.
        shards: Ranks that hold one copy together.
    """

    folds: int = 1
    replicas: int = 1
    shards: int = 1

    @property
    def rings(self) -> int:
        """Return how many rings a group has."""
        return self.folds * self.replicas


@dataclass(frozen=True)
class Place:
    """Where one rank of a group belongs; all count from 0.

    Args:
        fold: Of the folds that train side by side.
        replica: Of its fold.
        link: Of its ring: which of the copies that average gradients at every step.
        shard: Of its copy of the networks.
    """

    fold: int
    replica: int
    link: int
    shard: int


def place_ranks(hosts: Sequence[str], nesting: Nesting) -> tuple[Place, ...]:
    """Give every rank of a group its place.

    Hosts are respected as in `plan_groups` at every level: shards share a host before a ring does, and so on. Rank 0
    of the group is the first of everything.

    Args:
        hosts: Name of the host of every rank of the group.
        nesting: What the group is divided into.

    Raises:
        UsageError: The group cannot be divided; the message says what could.

    >>> [(place.replica, place.link) for place in place_ranks(["a", "b", "a", "b"], Nesting(replicas=2))]
    [(0, 0), (1, 0), (0, 1), (1, 1)]
    """
    copies = ring_size(len(hosts), nesting)
    places = {}
    for fold, cell in enumerate(_pack(range(len(hosts)), hosts, nesting.replicas * copies * nesting.shards)):
        for replica, ring in enumerate(_pack(cell, hosts, copies * nesting.shards)):
            for link, copy in enumerate(_pack(ring, hosts, nesting.shards)):
                places |= {rank: Place(fold, replica, link, shard) for shard, rank in enumerate(copy)}
    return tuple(places[rank] for rank in range(len(hosts)))


def ring_rank(place: Place, nesting: Nesting) -> int:
    """Return the rank in its ring of who has a place: the shards of a model are neighbours.

    >>> ring_rank(Place(fold=0, replica=1, link=2, shard=1), Nesting(replicas=2, shards=2))
    5
    """
    return place.link * nesting.shards + place.shard


def place_folds(hosts: Sequence[str], folds: int) -> tuple[int, ...]:
    """Return the fold of every rank of a group in which several train side by side, the color to split it with.

    Raises:
        UsageError: The group cannot be divided; the message says what could.

    >>> place_folds(["a", "b", "a", "b"], 2)
    (0, 1, 0, 1)
    """
    return tuple(place.fold for place in place_ranks(hosts, Nesting(folds)))


def ring_size(ranks: int, nesting: Nesting) -> int:
    """Return how many copies of the networks a ring of a group holds: its ranks, where there are no shards.

    Raises:
        UsageError: The group cannot be divided; the message says what could.

    >>> ring_size(8, Nesting(folds=2, replicas=2))
    2
    >>> ring_size(4, Nesting(folds=3))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    hvdgan.errors.UsageError: a group of 4 ranks cannot train 3 folds side by side; use --ranks-per-trial 3 or 6, ...
    """
    parts = nesting.rings * nesting.shards
    if parts < 1 or ranks % parts:
        raise UsageError(_refuse_folds(ranks, nesting) if parts == nesting.folds else _refuse_parts(ranks, nesting))
    return ranks // parts


def _refuse_folds(ranks: int, nesting: Nesting) -> str:
    """Say which sizes of a group, and which folds, would divide."""
    folds = nesting.folds
    sizes = " or ".join(map(str, _multiples(ranks, max(folds, 1))))
    divisors = " or ".join(str(k) for k in range(2, ranks + 1) if ranks % k == 0)
    return (
        f"a group of {_count(ranks)} cannot train {folds} folds side by side; "
        f"use --ranks-per-trial {sizes}, study.folds {divisors or 1}, or study.fold_mode sequential"
    )


def _refuse_parts(ranks: int, nesting: Nesting) -> str:
    """Say which numbers of ranks, and which replicas and shards, would divide."""
    named = {"folds": nesting.folds, "replicas": nesting.replicas, "shards": nesting.shards}
    asked = " x ".join(f"{number} {name}" for name, number in named.items() if number != 1)
    sizes = " or ".join(map(str, _multiples(ranks, max(nesting.rings * nesting.shards, 1))))
    other = ""
    for key, others in (("replicas", nesting.folds * nesting.shards), ("shards", nesting.rings)):
        legal = [str(k) for k in range(1, ranks + 1) if others and ranks % (k * others) == 0]
        words = " or ".join([", ".join(legal[:-1]), legal[-1]]) if len(legal) > 1 else "".join(legal)
        other += f", or training.{key} {words}" if legal and named[key] != 1 else ""
    return f"{_count(ranks)} cannot be divided into {asked}; use {sizes} ranks (-np, --ranks-per-trial){other}"


def _multiples(ranks: int, size: int) -> list[int]:
    """Return the multiples of a size around a number of ranks that is none.

    >>> _multiples(6, 4), _multiples(3, 4)
    ([4, 8], [4])
    """
    above = -(-ranks // size) * size
    return [number for number in (above - size, above) if number > 0]


def _count(ranks: int) -> str:
    """Return a number of ranks in words."""
    return "1 rank" if ranks == 1 else f"{ranks} ranks"


def _pack(ranks: Sequence[int], hosts: Sequence[str], size: int) -> list[tuple[int, ...]]:
    """Form groups of a size: whole ones on every host first, then of what is left, in the order of hosts."""
    on_host: dict[str, list[int]] = {}
    for rank in ranks:
        on_host.setdefault(hosts[rank], []).append(rank)
    whole, left = [], []
    for members in on_host.values():
        end = len(members) - len(members) % size
        whole += members[:end]
        left += members[end:]
    row = whole + left
    return sorted(tuple(sorted(row[start : start + size])) for start in range(0, len(row), size))


def _explain(count: int, size: int) -> str:
    """Say which numbers of ranks, and which sizes of groups, would divide.

    >>> _explain(8, 3)
    '8 ranks cannot form groups of 3 beside the coordinator; use -np 7 or -np 10, or --ranks-per-trial 1 or 7'
    """
    below, above = 1 + (count - 1) // size * size, 1 + ((count - 1) // size + 1) * size
    worlds = [f"-np {number}" for number in (below, above) if number > 1]
    trainers = max(count - 1, 1)
    divisors = [number for number in range(1, trainers + 1) if trainers % number == 0]
    smaller, larger = [n for n in divisors if n < size][-1:], [n for n in divisors if n > size][:1]
    sizes = " or ".join(str(number) for number in smaller + larger)
    return (
        f"{_count(count)} cannot form groups of {size} beside the coordinator; "
        f"use {' or '.join(worlds)}, or --ranks-per-trial {sizes}"
    )
