"""Who launched this process, read from its environment: pure functions, no MPI call."""

from collections.abc import Mapping
from typing import Literal

from hvdgan.errors import UsageError

Launcher = Literal["none", "mpi", "gloo"]

RANKS = ("OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "HOROVOD_RANK", "SLURM_PROCID")
"""Where launchers leave a process's rank; the first one present counts."""

SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS")
"""Where launchers leave the number of processes; the first one present counts."""


def launcher(environ: Mapping[str, str]) -> Launcher:
    """Return who launched this process.

    Args:
        environ: The environment.

    Returns:
        "gloo" under `horovodrun --gloo`, "mpi" under mpirun, `horovodrun --mpi` or srun with PMI, else "none".

    Raises:
        UsageError: Slurm started several tasks but offers them no way to find each other.

    >>> launcher({"OMPI_COMM_WORLD_SIZE": "4"})
    'mpi'
    >>> launcher({})
    'none'
    """
    if "HOROVOD_GLOO_RENDEZVOUS_ADDR" in environ:
        return "gloo"
    if any(name in environ for name in ("OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK")):
        return "mpi"
    if "SLURM_PROCID" in environ and expected_size(environ) > 1:
        raise UsageError(
            f"Slurm counts {expected_size(environ)} tasks here, but this process would train alone: it was started "
            "without PMI; start it with `srun --mpi=pmix` or `mpirun`, or ask Slurm for one task"
        )
    return "none"


def expected_size(environ: Mapping[str, str]) -> int:
    """Return how many processes the launcher says it started; 1 when it says nothing.

    >>> expected_size({"OMPI_COMM_WORLD_SIZE": "1", "SLURM_NTASKS": "8"})
    1
    """
    return next((int(environ[name]) for name in SIZES if name in environ), 1)


def check_size(size: int, environ: Mapping[str, str]) -> None:
    """Refuse an MPI world of one in which the launcher started several processes.

    Args:
        size: Number of processes MPI sees.
        environ: The environment.

    Raises:
        UsageError: The launcher belongs to another MPI than the library.
    """
    expected = expected_size(environ)
    if size == 1 and expected > 1:
        raise UsageError(
            f"the launcher started {expected} processes, but each sees an MPI world of 1: launcher and MPI library do "
            "not belong together; use the mpirun beside this Python or `hvdgan launch`, and see `hvdgan doctor`"
        )


def check_one_world(environ: Mapping[str, str], verb: str) -> None:
    """Refuse a launcher under which the ranks of a job cannot send each other messages.

    Raises:
        UsageError: It is `horovodrun --gloo`.
    """
    if launcher(environ) == "gloo":
        raise UsageError(
            f"`hvdgan {verb}` needs one MPI world, but `horovodrun --gloo` gives every process a world of its own; "
            f"use `hvdgan launch -np N {verb} ...`, `mpirun` or `horovodrun --mpi`"
        )


def survives_losses(environ: Mapping[str, str]) -> bool:
    """Return whether the job outlives a process that ends: it does under `mpirun --enable-recovery`.

    >>> survives_losses({"OMPI_MCA_orte_enable_recovery": "1"}), survives_losses({})
    (True, False)
    """
    return environ.get("OMPI_MCA_orte_enable_recovery") == "1"


def is_first(environ: Mapping[str, str]) -> bool:
    """Return whether this is the process that speaks for the job, as far as its launcher tells.

    >>> is_first({"HOROVOD_RANK": "1"}), is_first({})
    (False, True)
    """
    return next((environ[name] for name in RANKS if name in environ), "0") == "0"
