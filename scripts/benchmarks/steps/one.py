"""One contender in a process of its own: `python -m steps.one FRAMEWORK plain|ours PRECISION EVENTS`.

Does a step for each line it reads, and says what it cost in seconds as JSON; for the line `profile` it says what the
step's operations cost. The first answer, before any line, says that it is ready.
"""

import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from frameworks.one import make_batch

from steps import ours
from steps.operations import PROFILERS

WARM = 2
"""Steps that do not count."""


def prepare(framework: str, kind: str, precision: str, events: int) -> Callable[[], None]:
    """Return a function that does one step."""
    batch = make_batch((25, 25, 25), events)
    if kind == "ours":
        return ours.prepare(framework, batch.images, batch.energy, precision)
    return importlib.import_module(f"steps.plain_{framework}").prepare(batch.images, batch.energy, precision)


def measure(step: Callable[[], None]) -> dict[str, float]:
    """Return what a step takes, in seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    step()
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def answer(content: Any) -> None:
    """Say something to whoever asks."""
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


def main(framework: str, kind: str, precision: str, events: str) -> None:
    """Serve until the input ends."""
    step = prepare(framework, kind, precision, int(events))
    for _ in range(WARM):
        step()
    answer("ready")
    for line in sys.stdin:
        answer(PROFILERS[framework](step) if line.strip() == "profile" else measure(step))


if __name__ == "__main__":
    main(*sys.argv[1:])
