"""Look whether this environment can do the work: one line each, ok or what to do.

Everything that could crash or hang (MPI, Horovod's libraries) is asked in a process of its own, with a time limit.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from hvdgan.doctor.check import Check, format_lines, to_json
from hvdgan.doctor.horovod import check_horovod, check_ring
from hvdgan.doctor.libraries import LIBRARIES, check_gpus, check_library, check_python, check_tensorflow
from hvdgan.doctor.mpi import check_launcher, check_threads

__all__ = ["Check", "examine", "format_lines", "to_json"]


def examine(deep: bool = False) -> list[Check]:
    """Look at everything.

    Args:
        deep: Also all-reduce over real rings of two processes, over MPI and over gloo.

    Returns:
        The checks, in the order in which they should be put right.
    """
    questions: list[Callable[[], list[Check]]] = [
        lambda: [check_python(), *[check_library(name) for name in LIBRARIES], check_tensorflow()],
        check_horovod,
        lambda: [check_launcher()],
        lambda: [check_threads()],
        lambda: [check_gpus()],
    ]
    with ThreadPoolExecutor() as pool:
        checks = [check for answer in pool.map(lambda ask: ask(), questions) for check in answer]
    return checks + ([check_ring("mpi"), check_ring("gloo")] if deep else [])
