"""Rank 1 of a ring of two fails in a trial; its peer is freed, and both go on with the next trial.

The arguments say what the peer waits in, one pair of trials after the other: mean, broadcast, gather, word, step or
backward; `stall` makes rank 1 sleep instead of failing. The rings are torch's; `keras_rings.py` breaks Keras' rings.
"""

import os
import sys
import time

import numpy as np

from hvdgan.errors import RingBrokenError
from hvdgan.parallel.guard import guarded_world
from hvdgan.parallel.launcher import launcher


def make_torch_learner(ring, where):
    """Return a function that does one step of an optimizer."""
    import torch

    network = torch.nn.Linear(2, 1, dtype=torch.float64)
    optimizer = ring.wrap(torch.optim.SGD(network.parameters(), lr=0.1), network, "generator")

    def learn():
        optimizer.zero_grad()
        loss = network(torch.ones(1, 2, dtype=torch.float64)).sum()
        if where == "backward":
            time.sleep(0.2)
        loss.backward()
        optimizer.step()

    return learn


def make_step(ring, where, learn):
    """Return a function that does one step of the kind."""
    steps = {
        "mean": lambda: ring.mean({"loss": 1.0}),
        "broadcast": lambda: ring.broadcast({"weights": np.ones(3)}),
        "gather": lambda: ring.gather(np.ones(ring.rank)),
        "word": lambda: ring.exchange_word(1),
        "step": learn,
        "backward": learn,
        "stall": learn,
    }
    return steps[where]


def trial(world, where, fails, open_ring, make_learner):
    """Return how the trial ended on this rank; the ring's error must already be ours where it arises."""
    try:
        with open_ring(world) as ring:
            step = make_step(ring, where, make_learner(ring, where))
            for number in range(10):
                if fails and number == 5 and ring.rank == 1:
                    if where == "stall":
                        time.sleep(6)
                    raise ValueError("a bad point")
                try:
                    step()
                except RingBrokenError as error:
                    return f"broken: {error}"
    except ValueError:
        return "failed"
    return "done"


def main():
    from hvdgan.parallel.horovod_torch import open_ring

    with guarded_world() as world:
        for where in sys.argv[1:]:
            run_pair(world, where, open_ring, make_torch_learner)
        print("ok")


def run_pair(world, where, open_ring, make_learner):
    """Run a trial that fails on rank 1 and, where a ring can be opened again, one that does not."""
    first = int(os.environ.get("HOROVOD_RANK", world.rank)) == 0
    ending = trial(world, where, True, open_ring, make_learner)
    assert ending.startswith("broken: another rank" if first else "failed"), ending
    world.gather(None)
    if launcher(os.environ) != "gloo":
        assert trial(world, where, False, open_ring, make_learner) == "done"


if __name__ == "__main__":
    main()
