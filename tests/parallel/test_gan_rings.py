"""3DGAN over real rings: equal to one process, bit-equal replicas, and a caught mistake."""

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.processes]

CHECKS = ["check_equal", "check_critic", "check_replicas", "check_unfrozen"]


def test_over_gloo(run_gloo):
    done = run_gloo(["gan_rings.py", "gloo"], 2)
    assert done.code == 0, done.err
    assert [done.out.count(check) for check in [*CHECKS, "check_one_pass", "check_appraisal"]] == [2] * 6


def test_over_a_part_of_an_mpi_world(run_mpi):
    done = run_mpi(["gan_rings.py", "mpi"], 3)
    assert done.code == 0, done.err
    assert [done.out.count(check) for check in CHECKS] == [2] * 4
