"""The heap of the C library: let it keep what a training step frees, for the next step to use.

glibc gives free memory at the heap's end back to the system, and asks the system for each large block alone. A step
that gets memory anew pays for every page of it. How many depends on what lies at the heap's end: beside Horovod's
thread, a training in torch was in the kernel for 4 % of its time, where one process alone was for 0.3 %.
"""

import ctypes
import os
from collections.abc import Mapping
from functools import cache
from typing import Any

TRIM_THRESHOLD, MMAP_MAX = -1, -4
"""What glibc's mallopt(3) calls M_TRIM_THRESHOLD, of which -1 stands for never, and M_MMAP_MAX."""
THEIRS = ("MALLOC_", "GLIBC_TUNABLES")
"""How variables begin by which a user tells the C library how to allocate."""


def keep_freed(environ: Mapping[str, str] = os.environ) -> bool:
    """Let the C library keep what is freed from now on; return whether it will.

    Nothing changes where the C library is not glibc, or where the environment tells it how to allocate.
    """
    library = _glibc()
    if library is None or any(name.startswith(THEIRS) for name in environ):
        return False
    return bool(library.mallopt(TRIM_THRESHOLD, -1) and library.mallopt(MMAP_MAX, 0))


def give_back() -> None:
    """Give what is free now back to the system."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


@cache
def _glibc() -> Any:
    """Return the C library of this process; None unless it is glibc."""
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") else None
