"""One rank of a measured training.

    mpirun -np 4 python -m exchanging.rank DIRECTORY FILES LAYOUT EPOCHS PAUSE SLOW SEED

FILES is a pattern of shower files, PAUSE the seconds that each step takes beside its computation, SLOW 1 where the last
rank is slow. Rank 0 leaves figures.json in the directory.
"""

import sys
import time
from pathlib import Path

from exchanging.layouts import RANKS, SLOWER, configure, ring_bytes
from hvdgan.backends import load
from hvdgan.files import write_json
from hvdgan.parallel.guard import guarded_world
from hvdgan.run.build import train_once
from hvdgan.run.processes import open_cell
from hvdgan.training.loop import Hooks


def main(directory: str, files: str, layout: str, epochs: str, pause: str, slow: str, seed: str) -> None:
    """Train, and let rank 0 write what came out."""
    config = configure(files, int(epochs), layout, int(seed))
    with guarded_world() as world:
        more = SLOWER - 1 if int(slow) and world.rank == RANKS - 1 else 0.0
        rows, ends, computed = [], [], [time.thread_time()]

        def work() -> int:
            computed.append(time.thread_time())
            time.sleep(float(pause) + more * (float(pause) + computed[-1] - computed[-2]))
            ends.append(time.monotonic())
            return 0

        with open_cell(config, world) as (ring, exchange):
            result = train_once(config, ring, Path(directory), Hooks(work, rows.append), exchange=exchange)
            led = len(ends) if ring.rank == 0 else 0
            took = max(world.gather(ends[-1])) - min(world.gather(ends[0]))
            done = sum(world.gather(led))
            moved, shared = sum(world.gather(exchange.moved)), sum(world.gather(exchange.shared))
        if world.rank == 0:
            batch = config.training.batch_size * RANKS // config.training.replicas
            write_json(
                Path(directory) / "figures.json",
                {
                    "merit": result.position.merit,
                    "last_merit": result.position.curve[-1],
                    "curve": result.position.curve,
                    "events": done * batch,
                    "events_per_second": done * batch / took,
                    "exchanged": moved,
                    "shared": shared,
                    "reduced": ring_bytes(config, _count(config, files), done),
                },
            )


def _count(config, files) -> dict[str, int]:
    """Return the parameters of both networks."""
    from hvdgan.parallel.ring import SoloRing
    from hvdgan.run.build import make_spec, open_data
    from hvdgan.training.course import Calibration

    with open_data(config) as opened:
        particles = opened.particles()
        assumed = Calibration.assume(len(particles), opened.image_shape, template=False)
        spec = make_spec(config, opened.image_shape, particles, assumed, opened.angle_range())
        gan = load(config.gan.backend).Gan(spec, SoloRing())
    return gan.parameters()


if __name__ == "__main__":
    main(*sys.argv[1:])
