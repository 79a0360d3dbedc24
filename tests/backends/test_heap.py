"""The heap: steps use the memory of the steps before, and the system gets it back at the end."""

import json
import os
import subprocess
import sys

import pytest

from hvdgan.backends import heap

pytestmark = pytest.mark.skipif(heap._glibc() is None, reason="the C library is not glibc")
PROGRAM = """
import json, resource
import numpy as np
from hvdgan.backends import heap

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def resident():
    return int(open("/proc/self/statm").read().split()[1])

def step():
    blocks = [np.ones(size, np.uint8) for size in (3_000_000, 50_000_000)]
    return len(blocks)

def per_step():
    step(), step()
    before = faults()
    for _ in range(10):
        step()
    return (faults() - before) / 10

told = {"before": per_step(), "kept": heap.keep_freed(), "after": per_step()}
held = resident()
heap.give_back()
print(json.dumps(told | {"given_back": held - resident()}))
"""
PAGES = 12_000
"""Nearly those of the blocks of a step, which the program allocates and frees. Where the system gives huge pages, it
faults less often, but as often in every step."""


def told_by_program(**variables):
    """Run the program in an environment without settings of the allocator but these."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(heap.THEIRS)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=clean | variables | {"NUMPY_MADVISE_HUGEPAGE": "0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)


def test_steps_use_the_memory_of_those_before_and_the_end_gives_it_back():
    told = told_by_program()
    assert told["kept"]
    assert told["after"] < told["before"] / 10
    assert told["given_back"] > PAGES


def test_the_environment_has_the_last_word():
    told = told_by_program(MALLOC_TRIM_THRESHOLD_="65536")
    assert not told["kept"]
    assert told["after"] > told["before"] / 2
