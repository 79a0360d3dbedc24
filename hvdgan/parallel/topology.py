"""Topology: which rank coordinates, and which ranks train a trial together; pure rank arithmetic, nothing else.

Rank 0 coordinates, the others form groups of equal size; a world of one is coordinator and group at once. A group may
split again into folds, anew for every trial.
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


def place_folds(hosts: Sequence[str], folds: int) -> tuple[int, ...]:
    """Divide a group into rings of equal size, one for each fold that trains side by side with the others.

    Hosts are respected as in `plan_groups`. Rank 0 of the group is always in fold 0.

    Args:
        hosts: Name of the host of every rank of the group.
        folds: How many folds train side by side.

    Returns:
        The fold of every rank, the color to split the group with.

    Raises:
        UsageError: The group cannot be divided; the message says what could.

    >>> place_folds(["a", "b", "a", "b"], 2)
    (0, 1, 0, 1)
    """
    size = fold_size(len(hosts), folds)
    member = {rank: fold for fold, ring in enumerate(_pack(range(len(hosts)), hosts, size)) for rank in ring}
    return tuple(member[rank] for rank in range(len(hosts)))


def fold_size(ranks_per_trial: int, folds: int) -> int:
    """Return how many ranks of a group train one of the folds that train side by side.

    Raises:
        UsageError: The group cannot be divided; the message says what could.

    >>> fold_size(4, 3)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    hvdgan.errors.UsageError: a group of 4 ranks cannot train 3 folds side by side; use --ranks-per-trial 3 or 6, ...
    """
    if folds < 1 or ranks_per_trial % folds:
        above = -(-ranks_per_trial // max(folds, 1)) * max(folds, 1)
        sizes = " or ".join(str(size) for size in (above - folds, above) if size > 0)
        divisors = " or ".join(str(k) for k in range(2, ranks_per_trial + 1) if ranks_per_trial % k == 0)
        ranks = "1 rank" if ranks_per_trial == 1 else f"{ranks_per_trial} ranks"
        raise UsageError(
            f"a group of {ranks} cannot train {folds} folds side by side; "
            f"use --ranks-per-trial {sizes}, study.folds {divisors or 1}, or study.fold_mode sequential"
        )
    return ranks_per_trial // folds


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
