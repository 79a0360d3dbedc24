"""What every world of several processes must do: checks that are run on all ranks, over threads or over MPI.

Each check takes the world, of 3 ranks or more, and asserts on its own rank. They leave the world as they found it.
"""

import pytest

from hvdgan.errors import UsageError
from hvdgan.study.messages import Assignment


def check_order_between_two_ranks_is_kept(world):
    if world.rank == 0:
        for number in range(20):
            world.send(number, 1)
    if world.rank == 1:
        assert [world.receive() for _ in range(20)] == [(0, number) for number in range(20)]
    world.gather(None)


def check_messages_carry_their_sender_and_content(world):
    sent = Assignment(world.rank, {"gan.latent_size": 50 + world.rank}, "trials/0000")
    if world.rank:
        world.send(sent, 0)
    else:
        received = dict(world.receive() for _ in range(world.size - 1))
        assert {rank: message.params["gan.latent_size"] for rank, message in received.items()} == {
            rank: 50 + rank for rank in range(1, world.size)
        }
    world.gather(None)


def check_a_message_is_a_copy(world):
    values = [world.rank]
    world.send(values, (world.rank + 1) % world.size)
    world.gather(None)
    values.append("changed")
    assert world.receive() == ((world.rank - 1) % world.size, [(world.rank - 1) % world.size])
    world.gather(None)


def check_an_empty_mailbox_gives_nothing(world):
    assert world.receive(0) is None
    assert world.receive(0.02) is None
    world.gather(None)


def check_gather_is_in_the_order_of_ranks(world):
    assert world.gather(world.rank * 10) == [rank * 10 for rank in range(world.size)]


def check_agree_shares_rank_zeros_value(world):
    assert world.agree(lambda: world.rank + 7) == 7


def check_agree_shares_rank_zeros_error(world):
    def refuse():
        raise UsageError("no such file")

    with pytest.raises(UsageError, match="no such file"):
        world.agree(refuse)
    assert world.gather(1) == [1] * world.size


def check_split_gives_each_color_its_own_world(world):
    with world.split(None if world.rank == 0 else world.rank % 2) as part:
        if world.rank == 0:
            assert part is None
        else:
            mates = [rank for rank in range(1, world.size) if rank % 2 == world.rank % 2]
            assert part.gather(world.rank) == mates
            assert (part.rank, part.size, len(part.hosts)) == (mates.index(world.rank), len(mates), len(mates))
    world.gather(None)


def check_split_numbers_ranks_as_asked(world):
    with world.split(0, -world.rank) as backwards:
        assert backwards.gather(world.rank) == list(reversed(range(world.size)))
        assert backwards.rank == world.size - 1 - world.rank
        assert backwards.hosts == world.hosts[::-1]
        with backwards.split(0) as again:
            assert again.rank == backwards.rank
    with world.split(0, world.rank % 2) as halves:
        assert halves.gather(world.rank) == [*range(0, world.size, 2), *range(1, world.size, 2)]
    world.gather(None)


def check_worlds_do_not_mix_their_messages(world):
    with world.split(0) as other:
        other.send("inner", (world.rank + 1) % world.size)
        world.send("outer", (world.rank + 1) % world.size)
        other.gather(None)
        assert world.receive()[1] == "outer"
        assert other.receive()[1] == "inner"
    world.gather(None)


WORLD_CHECKS = {name: check for name, check in list(globals().items()) if name.startswith("check_")}
"""All of the above, by name."""
