"""What `launch` starts in its tests: MODE FOLDER; makes FOLDER/<rank> when it is ready.

hello: says what it got; checkpoint: leaves with 75 on USR1; stubborn: cannot be asked to leave.
"""

import os
import signal
import sys
import time
from pathlib import Path

from hvdgan.parallel.guard import guarded_world


def main():
    mode, folder = sys.argv[1], Path(sys.argv[2])
    asked = []
    if mode == "stubborn":
        for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, lambda *_: asked.append("checkpoint") if mode == "checkpoint" else None)
    with guarded_world() as world:
        world.gather(None)
        (folder / str(world.rank)).touch()
        if mode == "hello":
            print(f"rank {world.rank} of {world.size} with {os.environ['OMP_NUM_THREADS']} thread")
            world.gather(None)
            sys.exit(3)
        end = time.monotonic() + 60
        while not asked and time.monotonic() < end:
            time.sleep(0.05)
        world.gather(None)
    sys.exit(75)


if __name__ == "__main__":
    main()
