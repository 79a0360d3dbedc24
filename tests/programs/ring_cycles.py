"""Four ranks as two rings of two, side by side, split anew again and again; one rank is slow now and then.

Each ring has a timeline of its own, where HOROVOD_TIMELINE asks for them.
"""

import os
import sys
import time

from hvdgan.parallel.guard import guarded_world
from hvdgan.parallel.horovod_torch import open_ring
from hvdgan.parallel.timeline import kept_apart

SPLITS = [(0, 0, 1, 1), (0, 1, 0, 1), (0, 1, 1, 0), (None, 0, 0, 0)]


def main():
    cycles = int(sys.argv[1])
    descriptors = 0
    with guarded_world() as world:
        for cycle in range(cycles):
            color = SPLITS[cycle % len(SPLITS)][world.rank]
            with world.split(color) as part:
                if part is not None:
                    train(world, part, cycle)
            if cycle == len(SPLITS):
                descriptors = len(os.listdir("/proc/self/fd"))
        assert len(os.listdir("/proc/self/fd")) <= descriptors + 4
        print("ok")


def train(world, part, cycle):
    members = part.gather(world.rank)
    with kept_apart(f"{cycle}-{min(members)}"), open_ring(part) as ring:
        assert ring.size == part.size
        for step in range(3):
            if (cycle + step) % 5 == world.rank:
                time.sleep(0.02)
            got = ring.mean({"rank": float(world.rank), "step": float(step)})
            assert got == {"rank": sum(members) / len(members), "step": step}


if __name__ == "__main__":
    main()
