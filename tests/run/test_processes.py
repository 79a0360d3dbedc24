"""Which process trains with whom: the worlds that rings are opened over, on hosts that a launcher went round."""

import pytest
from fake_world import run_ranks

from hvdgan.errors import UsageError
from hvdgan.parallel.topology import Nesting
from hvdgan.parallel.world import SoloWorld
from hvdgan.run.processes import open_part


def divide(hosts, nesting):
    """Return the part of every rank: its replica, its rank in the ring, and the hosts of the ring."""

    def program(world):
        with open_part(world, nesting) as (part, replica):
            return replica, part.rank, "".join(part.hosts)

    return run_ranks(len(hosts), program, hosts)


def test_shards_of_a_model_are_neighbours_on_one_host_where_ranks_go_round_hosts():
    assert divide("abab", Nesting(shards=2)) == [(0, 0, "aabb"), (0, 2, "aabb"), (0, 1, "aabb"), (0, 3, "aabb")]


def test_replicas_keep_to_hosts_and_their_shards_do_first():
    parts = divide("abcabc", Nesting(replicas=3, shards=2))
    assert parts == [(0, 0, "aa"), (1, 0, "bb"), (2, 0, "cc"), (0, 1, "aa"), (1, 1, "bb"), (2, 1, "cc")]
    assert divide("abba", Nesting(replicas=2)) == [(0, 0, "aa"), (1, 0, "bb"), (1, 1, "bb"), (0, 1, "aa")]


def test_what_nothing_divides_keeps_its_order():
    assert divide("abab", Nesting()) == [(0, rank, "abab") for rank in range(4)]


def test_one_process_of_horovods_own_world_is_left_to_it():
    world = SoloWorld()
    with open_part(world, Nesting(shards=2)) as (part, replica):
        assert (part, replica) == (world, 0)
    with pytest.raises(UsageError, match="1 rank cannot be divided into 2 replicas"), open_part(world, Nesting(1, 2)):
        pass
