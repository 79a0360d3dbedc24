"""Replicas under mpirun: the same numbers as a serial simulation, and nothing lost when they meet at random."""

import pytest

pytestmark = pytest.mark.processes


@pytest.mark.slow
def test_replicas_meet_the_centre(run_mpi):
    done = run_mpi("exchange_program.py", 4)
    assert done.code == 0, done.err
    assert done.out.count("ok") == 4
