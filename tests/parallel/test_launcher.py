"""Who launched us, read from environments as launchers make them."""

import pytest

from hvdgan.errors import UsageError
from hvdgan.parallel.launcher import check_size, is_first, launcher

GLOO = {"HOROVOD_GLOO_RENDEZVOUS_ADDR": "127.0.0.1", "HOROVOD_RANK": "1", "HOROVOD_SIZE": "2"}
OPEN_MPI = {"OMPI_COMM_WORLD_SIZE": "5", "OMPI_COMM_WORLD_RANK": "0", "PMIX_RANK": "0"}
SLURM = {"SLURM_PROCID": "3", "SLURM_NTASKS": "4"}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "none"),
        ({"SLURM_NTASKS": "4"}, "none"),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "1"}, "none"),
        (GLOO, "gloo"),
        (GLOO | SLURM, "gloo"),
        (OPEN_MPI, "mpi"),
        (OPEN_MPI | SLURM, "mpi"),
        (SLURM | {"PMIX_RANK": "3"}, "mpi"),
        (SLURM | {"PMI_RANK": "3"}, "mpi"),
    ],
)
def test_launcher(environ, expected):
    assert launcher(environ) == expected


def test_slurm_tasks_that_cannot_meet_are_refused():
    with pytest.raises(UsageError, match=r"4 tasks.*--mpi=pmix"):
        launcher(SLURM)


def test_a_world_of_one_must_be_meant():
    check_size(1, {})
    check_size(1, {"OMPI_COMM_WORLD_SIZE": "1", "SLURM_NTASKS": "4"})
    check_size(5, OPEN_MPI)
    with pytest.raises(UsageError, match=r"started 5 processes.*do not belong together"):
        check_size(1, OPEN_MPI)
    with pytest.raises(UsageError, match="started 4 processes"):
        check_size(1, SLURM | {"PMIX_RANK": "3"})


@pytest.mark.parametrize(("environ", "expected"), [({}, True), (GLOO, False), (OPEN_MPI | SLURM, True), (SLURM, False)])
def test_is_first(environ, expected):
    assert is_first(environ) is expected
