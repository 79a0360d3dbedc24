"""Ask other programs: away from any MPI job we are in, and never for ever."""

import os
import subprocess

LIMIT = 120.0
"""Seconds after which a question counts as not answered."""


def ask(command: list[str]) -> tuple[int, str]:
    """Run a command away from any MPI job we are in; return its exit code and all it printed."""
    try:
        result = subprocess.run(
            command, env=variables(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", timeout=LIMIT, check=False,
        )  # fmt: skip
    except OSError as error:
        return 127, f"{command[0]}: {error.strerror}"
    except subprocess.TimeoutExpired:
        return 124, f"no answer within {LIMIT:.0f} s"
    return result.returncode, result.stdout


def variables() -> dict[str, str]:
    """Return an environment in which a small mpirun starts everywhere: as root, with more processes than cores."""
    inside = any(name in os.environ for name in ("OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "HOROVOD_RANK"))
    job = ("OMPI_", "PMIX_", "PMI_", "HOROVOD_") if inside else ()
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(job)},
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "OMPI_MCA_hwloc_base_binding_policy": "none",
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


def last_line(text: str) -> str:
    """Return the last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "nothing was printed")
