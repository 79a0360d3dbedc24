"""The fake world keeps the contract of every world, so what the study's tests show holds over MPI, too."""

import pytest
from contracts import WORLD_CHECKS
from fake_world import run_ranks


@pytest.mark.parametrize("check", WORLD_CHECKS.values(), ids=WORLD_CHECKS)
def test_the_contract_of_a_world(check):
    run_ranks(4, check)


def test_an_error_on_one_rank_comes_out():
    def program(world):
        if world.rank == 2:
            raise ValueError("rank 2 broke")
        world.gather(None)

    with pytest.raises(ValueError, match="rank 2 broke"):
        run_ranks(3, program)
