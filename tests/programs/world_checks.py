"""The contract of worlds over MPI, and what only the MPI world promises."""

import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from contracts import WORLD_CHECKS

from hvdgan.errors import DataError, HvdganError
from hvdgan.parallel.guard import guarded_world
from hvdgan.parallel.world import RemoteError


def check_an_unexpected_exception_reaches_all_with_its_traceback(world):
    def stumble():
        return {}["missing"]

    expected = KeyError if world.rank == 0 else RemoteError
    with pytest.raises(expected, match="missing") as caught:
        world.agree(stumble)
    if world.rank:
        assert f"rank 0 on {world.hosts[0]}" in str(caught.value)
        assert "in stumble" in str(caught.value)


class PlainError(HvdganError):
    """An error that makes its message itself."""

    def __init__(self):
        super().__init__("the message of its own")


def check_an_error_that_takes_no_message_is_the_same_on_all(world):
    def refuse():
        raise PlainError

    with pytest.raises(PlainError, match="the message of its own"):
        world.agree(refuse)


def check_a_value_that_cannot_be_sent_is_an_error_on_all(world):
    with pytest.raises((RemoteError, AttributeError, TypeError)):
        world.agree(lambda: lambda: None)


def check_an_agreed_error_knows_how_many_raise_it(world):
    def refuse():
        raise DataError("a.h5: no ECAL")

    with world.split(world.rank % 2) as part, pytest.raises(DataError) as caught:
        part.agree(refuse)
    assert caught.value.agreed_by == len(range(world.rank % 2, world.size, 2))


def check_large_messages_arrive_in_order(world):
    if world.rank == 0:
        for number in range(3):
            world.send(bytes([number]) * 4_000_000, 1)
    if world.rank == 1:
        assert [world.receive()[1] for _ in range(3)] == [bytes([number]) * 4_000_000 for number in range(3)]
    world.gather(None)


def check_many_splits_side_by_side(world):
    for number in range(50):
        with world.split((world.rank + number) % 2) as part:
            assert len(part.gather(None)) == part.size


def check_waiting_costs_little(world):
    waiting = {
        "receive": lambda: world.receive(2.0),
        "gather": lambda: world.gather(time.sleep(2.0) if world.rank == 0 else None),
        "agree": lambda: world.agree(lambda: time.sleep(2.0)),
    }
    for name, wait in waiting.items():
        world.gather(None)
        start, used = time.monotonic(), time.process_time()
        wait()
        share = (time.process_time() - used) / (time.monotonic() - start)
        assert share < 0.2, f"{name}: {share:.0%} of a core while waiting"


def main():
    own = {name: check for name, check in globals().items() if name.startswith("check_")}
    with guarded_world() as world:
        for check in {**WORLD_CHECKS, **own}.values():
            check(world)
        print(f"ok {world.rank} of {world.size}")


if __name__ == "__main__":
    main()
