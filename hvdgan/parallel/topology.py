"""Topology: which rank coordinates, and which ranks train a trial together; pure rank arithmetic, nothing else.

Rank 0 coordinates, the others form groups of equal size, and a group may split again into folds. A world of one is
coordinator and group at once.
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
        fold: Number of its fold in the group, the color to split the group with; None without a group.
        place: Its rank in the ring of its fold; None without a group.
    """

    coordinates: bool
    group: int | None
    fold: int | None
    place: int | None


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


def plan_groups(hosts: Sequence[str], ranks_per_trial: int, folds: int = 1) -> Topology:
    """Divide a world into a coordinator and groups.

    Every host forms as many whole groups as its ranks allow, so a group straddles hosts only when it does not fit on
    one, or is made of what hosts have left over.

    Args:
        hosts: Name of the host of every rank.
        ranks_per_trial: Size of a group.
        folds: How many folds of a trial a group trains side by side, each on an equal part of its ranks.

    Raises:
        UsageError: The numbers do not divide; the message says which would.

    >>> plan_groups(["a", "a", "a", "b", "b"], 2).groups
    ((1, 2), (3, 4))
    """
    if ranks_per_trial < 1 or folds < 1 or ranks_per_trial % folds:
        raise UsageError(
            f"{ranks_per_trial} ranks per trial cannot train {folds} folds side by side; "
            f"make --ranks-per-trial a multiple of {max(folds, 1)}"
        )
    trainers = list(range(1, len(hosts))) or [COORDINATOR]
    if len(trainers) % ranks_per_trial:
        raise UsageError(_explain(len(hosts), ranks_per_trial))
    groups = _pack(trainers, hosts, ranks_per_trial)
    roles = [Role(rank == COORDINATOR, None, None, None) for rank in range(len(hosts))]
    for number, group in enumerate(groups):
        for fold, ring in enumerate(_pack(group, hosts, ranks_per_trial // folds)):
            for place, rank in enumerate(ring):
                roles[rank] = Role(rank == COORDINATOR, number, fold, place)
    straddling = [number for number, group in enumerate(groups) if len({hosts[rank] for rank in group}) > 1]
    return Topology(tuple(roles), tuple(groups), tuple(straddling))


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
    ranks = "1 rank" if count == 1 else f"{count} ranks"
    return (
        f"{ranks} cannot form groups of {size} beside the coordinator; "
        f"use {' or '.join(worlds)}, or --ranks-per-trial {sizes}"
    )
