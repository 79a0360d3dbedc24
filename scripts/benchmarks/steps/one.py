"""One contender in a process of its own: does a step for each line it reads, and says what it cost as JSON.

    python -m steps.one torch|keras plain|ours float32|bfloat16 EVENTS
"""

import importlib
import json
import sys
import time
from collections.abc import Callable

from frameworks.one import make_batch
from steps import ours

WARM = 2
"""Steps that do not count."""


def prepare(framework: str, kind: str, precision: str, events: int) -> Callable[[], None]:
    """Return a function that does one step."""
    batch = make_batch((25, 25, 25), events)
    if framework == "torch":
        import torch

        torch.set_num_threads(1)
    if kind == "ours":
        return ours.prepare(framework, batch.images, batch.energy, precision)
    return importlib.import_module(f"steps.plain_{framework}").prepare(batch.images, batch.energy, precision)


def main(framework: str, kind: str, precision: str, events: str) -> None:
    """Serve until the input ends."""
    step = prepare(framework, kind, precision, int(events))
    for _ in range(WARM):
        step()
    sys.stdout.write("{}\n")
    sys.stdout.flush()
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        step()
        cost = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        sys.stdout.write(json.dumps(cost) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
