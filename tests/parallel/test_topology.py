"""Topology: every rank has one role, and hosts are respected."""

import dataclasses
import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hvdgan.errors import UsageError
from hvdgan.parallel.topology import Nesting, place_folds, place_ranks, plan_groups, ring_rank, ring_size

HOST_SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=5)


def spread(sizes):
    """Return the host of every rank."""
    return [f"node{number}" for number, size in enumerate(sizes) for _ in range(size)]


def test_coordinator_and_two_groups_of_two():
    topology = plan_groups(["node"] * 5, 2)
    assert topology.groups == ((1, 2), (3, 4))
    first, *others = topology.roles
    assert (first.coordinates, first.group) == (True, None)
    assert [(role.coordinates, role.group) for role in others] == [(False, 0), (False, 0), (False, 1), (False, 1)]
    assert topology.straddling == ()


def test_a_world_of_one_is_coordinator_and_group():
    (role,) = plan_groups(["node"], 1).roles
    assert (role.coordinates, role.group) == (True, 0)


def test_groups_stay_on_their_host():
    assert plan_groups(["a", "b", "a", "b", "a"], 2).groups == ((1, 3), (2, 4))


def test_what_hosts_have_left_over_is_joined():
    topology = plan_groups(spread([4, 3]), 2)
    assert topology.groups == ((1, 2), (3, 6), (4, 5))
    assert topology.straddling == (1,)


def test_groups_larger_than_a_host_take_neighbours():
    topology = plan_groups(["login", *spread([2, 2, 2, 2])], 4)
    assert topology.groups == ((1, 2, 3, 4), (5, 6, 7, 8))
    assert topology.straddling == (0, 1)


@pytest.mark.parametrize(
    ("hosts", "folds", "expected"),
    [
        (["a"] * 6, 3, (0, 0, 1, 1, 2, 2)),
        (["a", "b"] * 2, 2, (0, 1, 0, 1)),
        (["a", "b", "b", "a"], 2, (0, 1, 1, 0)),
        (["a", "a", "a", "b"], 2, (0, 0, 1, 1)),
        (["a", "b", "b"], 1, (0, 0, 0)),
        (["a", "b", "b"], 3, (0, 1, 2)),
    ],
)
def test_folds_side_by_side(hosts, folds, expected):
    assert place_folds(hosts, folds) == expected


@given(HOST_SIZES, st.integers(1, 4))
def test_every_fold_is_a_ring_of_the_same_size_and_rank_zero_is_in_the_first(sizes, folds):
    hosts = spread(sizes)
    hosts += ["last"] * (-len(hosts) % folds)
    places = place_folds(hosts, folds)
    assert [places.count(fold) for fold in range(folds)] == [ring_size(len(hosts), Nesting(folds))] * folds
    assert places[0] == 0


@pytest.mark.parametrize(
    ("ranks", "size", "advice"),
    [
        (
            8,
            3,
            "use -np 7 or -np 10, or --ranks-per-trial 1 or 7",
        ),
        (3, 4, "use -np 5, or --ranks-per-trial 2"),
        (1, 3, "use -np 4, or --ranks-per-trial 1"),
        (
            4,
            2,
            "use -np 3 or -np 5, or --ranks-per-trial 1 or 3",
        ),
    ],
)
def test_what_does_not_divide_says_what_does(ranks, size, advice):
    given = f"{ranks} rank{'s' if ranks > 1 else ''} cannot form groups of {size} beside the coordinator; "
    with pytest.raises(UsageError, match=re.escape(given + advice)):
        plan_groups(["node"] * ranks, size)


def test_a_group_of_nobody_is_refused():
    with pytest.raises(UsageError, match="--ranks-per-trial is at least 1"):
        plan_groups(["node"] * 7, 0)


@pytest.mark.parametrize(
    ("ranks", "folds", "advice"),
    [
        (3, 2, "use --ranks-per-trial 2 or 4, study.folds 3, or"),
        (2, 3, "use --ranks-per-trial 3, study.folds 2, or"),
        (1, 4, "use --ranks-per-trial 4, study.folds 1, or"),
    ],
)
def test_folds_that_do_not_divide_say_what_does(ranks, folds, advice):
    with pytest.raises(UsageError, match=re.escape(f"cannot train {folds} folds side by side; {advice}")):
        place_folds(["node"] * ranks, folds)


@given(HOST_SIZES, st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
def test_a_group_nests_folds_replicas_rings_and_shards(sizes, folds, replicas, shards):
    nesting, hosts = Nesting(folds, replicas, shards), spread(sizes)
    hosts += ["last"] * (-len(hosts) % (folds * replicas * shards))
    places, copies = place_ranks(hosts, nesting), ring_size(len(hosts), nesting)
    wanted = itertools.product(range(folds), range(replicas), range(copies), range(shards))
    assert sorted(dataclasses.astuple(place) for place in places) == list(wanted)
    assert dataclasses.astuple(places[0]) == (0, 0, 0, 0)
    assert tuple(place.fold for place in places) == place_folds(hosts, folds)


@given(st.text("abc", min_size=1, max_size=8), st.integers(1, 2), st.integers(1, 3), st.integers(1, 3))
def test_a_fold_is_divided_alone_as_in_its_group(numbered, folds, replicas, shards):
    nesting, inner = Nesting(folds, replicas, shards), Nesting(1, replicas, shards)
    hosts = [*numbered] + ["last"] * (-len(numbered) % (folds * replicas * shards))
    places, size = place_ranks(hosts, nesting), ring_size(len(hosts), nesting) * shards
    for fold in range(folds):
        members = [rank for rank, place in enumerate(places) if place.fold == fold]
        alone = place_ranks([hosts[rank] for rank in members], inner)
        assert [dataclasses.replace(place, fold=fold) for place in alone] == [places[rank] for rank in members]
        seats = [(place.replica, ring_rank(place, inner)) for place in alone]
        assert sorted(seats) == list(itertools.product(range(replicas), range(size)))
        assert seats[0] == (0, 0)


@given(st.permutations("aaaabbbbcc"), st.sampled_from([1, 5]))
def test_no_model_straddles_hosts_that_have_room_however_ranks_are_numbered(hosts, replicas):
    nesting = Nesting(replicas=replicas, shards=2)
    places = place_ranks(hosts, nesting)
    seats = {(place.replica, ring_rank(place, nesting)): host for place, host in zip(places, hosts, strict=True)}
    row = [host for _, host in sorted(seats.items())]
    assert row[::2] == row[1::2]


def test_shards_stay_on_a_host_before_rings_do():
    places = place_ranks(["a", "b", "a", "b", "a", "b", "a", "b"], Nesting(replicas=2, shards=2))
    assert [place.replica for place in places] == [0, 1] * 4
    assert [(place.link, place.shard) for place in places[::2]] == [(0, 0), (0, 1), (1, 0), (1, 1)]


@pytest.mark.parametrize(
    ("ranks", "nesting", "advice"),
    [
        (6, Nesting(replicas=4), "ranks cannot be divided into 4 replicas; use 4 or 8 ranks (-np, --ranks-per-trial)"),
        (1, Nesting(replicas=2), "1 rank cannot be divided into 2 replicas; use 2 ranks"),
        (6, Nesting(2, 2), "divided into 2 folds x 2 replicas; use 4 or 8 ranks (-np, --ranks-per-trial), or training"),
        (4, Nesting(replicas=2, shards=4), "divided into 2 replicas x 4 shards; use 8 ranks"),
        (4, Nesting(replicas=3, shards=2), "training.replicas 1 or 2"),
        (
            6,
            Nesting(shards=4),
            "divided into 4 shards; use 4 or 8 ranks (-np, --ranks-per-trial), or training.shards 1",
        ),
        (1, Nesting(shards=2), "use 2 ranks (-np, --ranks-per-trial), or training.shards 1"),
    ],
)
def test_replicas_that_do_not_divide_say_what_does(ranks, nesting, advice):
    with pytest.raises(UsageError, match=re.escape(advice)):
        place_ranks(["node"] * ranks, nesting)


@given(HOST_SIZES, st.integers(1, 6))
def test_every_rank_has_one_place(sizes, size):
    hosts = spread([1, *sizes])
    hosts += ["last"] * (-(len(hosts) - 1) % size)
    topology = plan_groups(hosts, size)
    assert sorted(rank for group in topology.groups for rank in group) == list(range(1, len(hosts)))
    for number, group in enumerate(topology.groups):
        assert len(group) == size
        assert [topology.roles[rank].group for rank in group] == [number] * size


@given(HOST_SIZES, st.integers(1, 6))
def test_as_many_groups_as_possible_stay_on_one_host(sizes, size):
    hosts = spread([1, *sizes])
    hosts += ["last"] * (-(len(hosts) - 1) % size)
    topology = plan_groups(hosts, size)
    trainers = hosts[1:]
    possible = sum(trainers.count(host) // size for host in set(trainers))
    assert len(topology.groups) - len(topology.straddling) == possible


@given(HOST_SIZES, st.integers(1, 6))
def test_advice_is_good(sizes, size):
    hosts = ["login", *spread(sizes)]
    try:
        plan_groups(hosts, size)
    except UsageError as error:
        worlds = [int(number) for number in re.findall(r"-np (\d+)", str(error))]
        others = [int(number) for number in str(error).split("--ranks-per-trial ")[1].split(" or ")]
        assert worlds
        assert others
        for number in worlds:
            plan_groups(["node"] * number, size)
        for number in others:
            plan_groups(hosts, number)
