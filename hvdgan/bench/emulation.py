"""Steps in which computing sleeps and everything else is real: what more ranks cost where cores are few."""

import time
from collections.abc import Mapping, Sequence

from hvdgan.backends.interface import NETWORKS, State, is_statistic
from hvdgan.bench.records import ScalingRecord, middle
from hvdgan.bench.ring import Averaged, Make, Place, confirm
from hvdgan.parallel.ring import Ring

PUBLISHED = (25, 25, 25)
"""Cells of the published 3DGAN."""

UPDATES = ("discriminator", "discriminator", "generator", "generator")
"""Networks in the order in which a step of 3DGAN updates them."""

WARM = 2
"""Steps that do not count: buffers are made in them."""


def shapes_of(state: State) -> dict[str, list[tuple[int, ...]]]:
    """Return the shapes of the weights that gradients train, by network, from the state of a Gan."""
    trained = [name for name in state if not is_statistic(name)]
    return {network: [state[name].shape for name in trained if name.startswith(f"{network}/")] for network in NETWORKS}


def measure(
    make: Make, ring: Ring, shapes: Mapping[str, Sequence[tuple[int, ...]]], compute: float, steps: int, place: Place
) -> ScalingRecord:
    """Return what steps take. Collective.

    A step sleeps before each update for its part of the computing, then averages that network's gradients as one
    backward pass would leave them: all at once, so that nothing of the all-reduce hides behind computing.

    Args:
        make: The backend's `Gradients`.
        ring: The ranks.
        shapes: Of the gradients, by network.
        compute: Seconds of computing in a step.
        steps: How many count.
        place: What the record tells of this ring.

    Raises:
        HvdganError: The ranks did not get the mean.
    """
    gradients = {name: make(shapes[name], ring, name) for name in NETWORKS}
    seconds = [_step(gradients, ring, compute) for _ in range(WARM + steps)]
    ring.mean({"end": 0.0})  # nobody leaves while another rank still posts its last word
    for name, averaged in gradients.items():
        if ring.size > 1:
            confirm(averaged, ring, f"averaging the gradients of the {name}")
    median, spread = middle(seconds[WARM:])
    return ScalingRecord(
        **place.columns(), mode="emulated", control=None, ranks=ring.size, batch=0, model="3dgan", grid=PUBLISHED,
        compute=compute, seconds=median, spread=spread, events_per_second=None, waited_fraction=None,
        efficiency=None, merit=None, events=0,
    )  # fmt: skip


def _step(gradients: Mapping[str, Averaged], ring: Ring, compute: float) -> float:
    """Do one step and return its seconds."""
    start = time.perf_counter()
    for name in UPDATES:
        time.sleep(compute / len(UPDATES))
        gradients[name].average()
    ring.exchange_word(0)
    return time.perf_counter() - start
