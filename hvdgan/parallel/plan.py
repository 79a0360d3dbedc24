"""What an allocation of ranks can do: when a study would be done in each of its layouts; pure.

Assumed: trials take equally
long, none is pruned, a group takes its next trial at once, and epochs are worth the same whatever the ring. All layouts
are compared over the same events: steps that a ring leaves out, because the last events do not fill one, count in part.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hvdgan.errors import UsageError
from hvdgan.parallel.allocation import Allocation, Figures, Layout, Work, find_layouts
from hvdgan.parallel.cost import Link, Step, narrow, time_step

CLOSE = 0.02
"""Layouts that finish this close to the first one are as good; then the smallest batch of a ring is preferred."""

MOST_SHARDS = 64
"""More are not tried where memory does not suffice."""


@dataclass(frozen=True)
class Outlook:
    """What is to be expected of a layout.

    Args:
        layout: The layout.
        waves: Trials that the busiest group trains, one after the other.
        step: Seconds of a training step.
        seconds: Until the study is done.
        efficiency: Work over what all ranks could have done in that time, each alone on a core of its own.
        idle: Share of the ranks' time without a trial: coordinator, ranks left over, the last wave.
        moved: Bytes that a rank sends in a step, by what for: "ring", "replicas", "shards".
        memory: Bytes that a rank takes.
        fits: Whether it may take them.
    """

    layout: Layout
    waves: int
    step: float
    seconds: float
    efficiency: float
    idle: float
    moved: dict[str, float]
    memory: float
    fits: bool


def predict(layout: Layout, work: Work, allocation: Allocation, figures: Figures) -> Outlook | None:
    """Return what is to be expected of a layout; None where the events do not fill one step.

    Args:
        layout: The layout.
        work: What is to be done.
        allocation: Where.
        figures: What things cost.
    """
    steps = work.trained / (work.batch * layout.ring * layout.replicas)
    if steps < 1:
        return None
    step = _step(layout, work.batch, allocation, figures)
    cell = layout.ring * layout.replicas * layout.shards
    showers = figures.generation * min(work.validated, work.held_out)
    validation = showers * allocation.sharing / cell
    trial = (figures.start + work.epochs * (steps * step + validation)) * work.folds / layout.folds
    waves = -(-work.trials // layout.groups)
    spent = allocation.ranks * waves * trial
    useful = work.trials * work.folds * work.epochs * (work.trained * figures.event + showers)
    memory = need_memory(figures, work.batch, layout.shards)
    return Outlook(
        layout, waves, step, waves * trial, useful / spent,
        idle=1 - work.trials * layout.ranks_per_trial * trial / spent,
        moved=count_moved(layout, work.batch, figures),
        memory=memory, fits=memory <= allocation.memory,
    )  # fmt: skip


def compare_layouts(
    work: Work, allocation: Allocation, figures: Figures, replicas: int = 1, shards: int | None = None
) -> list[Outlook]:
    """Return what is to be expected of every layout, in the order of `find_layouts`.

    Args:
        work: What is to be done.
        allocation: Where.
        figures: What things cost.
        replicas: Of each training.
        shards: Of each model; None takes as many as memory asks for, doubling from 1.

    Raises:
        UsageError: There are fewer ranks than replicas and shards, or fewer events than a step takes.
    """
    shards = shards or need_shards(figures, work.batch, allocation) or 1
    folds = (1, work.folds)
    layouts = find_layouts(allocation.trainers, folds, replicas, shards)
    outlooks = [outlook for layout in layouts if (outlook := predict(layout, work, allocation, figures))]
    if not outlooks:
        raise UsageError(
            f"{allocation.trainers} training ranks and {work.trained:,} events to learn from do not make one step of "
            f"{replicas} replicas x {shards} shards with batches of {work.batch}; give more ranks or events, or a "
            "smaller --batch-size"
        )
    return outlooks


def choose(outlooks: Sequence[Outlook]) -> Outlook:
    """Return the layout to recommend: the first to finish, of those that fit; the smallest ring of those close to it.

    Where none fits, the one that takes the least memory counts.
    """
    fitting = [outlook for outlook in outlooks if outlook.fits] or list(outlooks)
    first = min(outlook.seconds for outlook in fitting)
    close = [outlook for outlook in fitting if outlook.seconds <= (1 + CLOSE) * first]
    return min(close, key=lambda outlook: (outlook.layout.ring, outlook.layout.ranks_per_trial, outlook.seconds))


def need_memory(figures: Figures, batch: int, shards: int) -> float:
    """Return the bytes that a rank takes.

    Assumed: shards divide the networks, with gradients and slots, and what a backward pass holds, as evenly as if every
    layer were split; of what all of them hold whole, and of the channels joined for the layer at work, a rank then
    takes in what the others have.
    """
    divided = figures.copies * figures.weights + figures.held * batch
    return figures.base + divided / shards + (1 - 1 / shards) * (figures.whole * batch + figures.joined)


def need_shards(figures: Figures, batch: int, allocation: Allocation) -> int | None:
    """Return how many shards a model needs to fit, a power of 2; None where no number of them helps."""
    counts = [2**power for power in range(MOST_SHARDS.bit_length()) if 2**power <= allocation.trainers]
    fitting = [count for count in counts if need_memory(figures, batch, count) <= allocation.memory]
    return fitting[0] if fitting else None


def count_moved(layout: Layout, batch: int, figures: Figures) -> dict[str, float]:
    """Return the bytes that a rank sends in a step: for its ring, its replica, its shard.

    The first rank of a ring fetches the centre and returns its part; see `hvdgan.parallel.cost` for a ring.
    """
    own = sum(figures.messages) / layout.shards
    exchanged = 2 * figures.weights / layout.shards / figures.every
    return {
        "ring": 2 * (layout.ring - 1) / layout.ring * own,
        "replicas": exchanged if layout.replicas > 1 else 0.0,
        "shards": (layout.shards - 1) / layout.shards * figures.activations * batch,
    }


def _step(layout: Layout, batch: int, allocation: Allocation, figures: Figures) -> float:
    """Return the seconds of a step: ring, then what shards gather, and a replica's part of an exchange."""
    sharing, moved = allocation.sharing, count_moved(layout, batch, figures)
    messages = tuple(size / layout.shards for size in figures.messages)
    step = Step(figures.event * batch / layout.shards, messages, jitter=figures.jitter)
    ring = time_step(_link(layout.ring * layout.shards, layout.shards, allocation, figures), step, layout.ring, sharing)
    near = _link(layout.shards, 1, allocation, figures)
    calls = figures.gathers * (near.negotiation + (layout.shards - 1) * near.latency * sharing)
    gathered = calls + moved["shards"] * sharing / near.bandwidth if layout.shards > 1 else 0.0
    far = _link(layout.ranks_per_trial // layout.folds, 1, allocation, figures)
    return ring + gathered + moved["replicas"] * sharing / far.bandwidth


def _link(ranks: int, crossing: int, allocation: Allocation, figures: Figures) -> Link:
    """Return the link of ranks side by side: inside a host, or over a network that some rings cross at once."""
    if ranks <= allocation.per_host:
        return figures.local
    bandwidth, latency = figures.network
    return narrow(figures.local, bandwidth / min(crossing, allocation.per_host), latency)
