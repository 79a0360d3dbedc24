"""What a step costs on several ranks: an alpha-beta model of the ring all-reduce, fitted to measurements; pure.

An all-reduce of n bytes over p ranks takes

    T = s (2 (p - 1) a + 2 (p - 1) / p n / B) + c

(Patarasuk, Yuan: Bandwidth optimal all-reduce algorithms for clusters of workstations, J. Parallel Distrib. Comput. 69,
2009): 2 (p - 1) rounds of latency a, in which every rank sends 2 (p - 1) / p of its bytes at bandwidth B, after a
negotiation c of about one cycle of Horovod. A core that serves s ranks in turn works s times as long, on messages as on
networks.

Assumed: all ranks arrive at once, the all-reduces of a step follow its computation one after the other (nothing
overlaps), and the ranks' computation takes equally long.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from hvdgan.errors import DataError

PARAMETERS = 3
"""Of a link; fewer measurements cannot tell them."""


@dataclass(frozen=True)
class Link:
    """What connects the ranks of a ring.

    Args:
        latency: a, seconds of one round.
        bandwidth: B, bytes per second that a rank sends while it receives as many.
        negotiation: c, seconds in which the ranks agree what to reduce.
    """

    latency: float
    bandwidth: float
    negotiation: float


@dataclass(frozen=True)
class Step:
    """What one rank does in a training step.

    Args:
        compute: Seconds of computation on a core of its own.
        messages: Bytes of each all-reduce that the step waits for.
        asleep: Whether the computation is emulated by sleep, which shares no core.
    """

    compute: float
    messages: tuple[float, ...] = ()
    asleep: bool = False


@dataclass(frozen=True)
class Fit:
    """A link as measurements tell it.

    Args:
        link: The link.
        points: Number of measurements.
        error: Median relative difference between the fit and the measurements.
    """

    link: Link
    points: int
    error: float


def share_cores(ranks: int, cores: float) -> float:
    """Return how many ranks a core serves in turn, at least 1.

    >>> share_cores(8, 2), share_cores(2, 16)
    (4.0, 1.0)
    """
    return max(1.0, ranks / cores)


def time_all_reduce(link: Link, ranks: int, size: float, sharing: float = 1.0) -> float:
    """Return the seconds of an all-reduce; none on a single rank.

    Args:
        link: What connects the ranks.
        ranks: Of the ring.
        size: Bytes of every rank.
        sharing: Ranks per core, see `share_cores`.

    >>> time_all_reduce(Link(1e-5, 1e9, 1e-3), 2, 1e6)
    0.00202
    """
    if ranks == 1:
        return 0.0
    rounds, sent, calls = _factors(ranks, size, sharing)
    return rounds * link.latency + sent / link.bandwidth + calls * link.negotiation


def time_step(link: Link, step: Step, ranks: int, sharing: float = 1.0) -> float:
    """Return the seconds of a step: computation, then all-reduces one after the other.

    Args:
        link: What connects the ranks.
        step: What each rank does.
        ranks: Of the ring.
        sharing: Ranks per core.

    >>> time_step(Link(1e-5, 1e9, 1e-3), Step(0.5, (1e6, 1e6)), 2)
    0.50404
    """
    compute = step.compute * (1.0 if step.asleep else sharing)
    return compute + sum(time_all_reduce(link, ranks, size, sharing) for size in step.messages)


def weak_efficiency(link: Link, step: Step, ranks: int, sharing: float = 1.0) -> float:
    """Return the events per second of a ring over those of as many ranks alone, each on a core of its own.

    >>> weak_efficiency(Link(0.0, math.inf, 0.1), Step(0.9, (1.0,)), 4)
    0.9
    """
    return step.compute / time_step(link, step, ranks, sharing)


def fit_link(rows: Iterable[Mapping[str, Any]]) -> Fit:
    """Fit a link to measured all-reduces by least squares of the relative errors; no parameter becomes negative.

    Args:
        rows: Lines of `hvdgan bench ring`: `ranks`, `bytes`, `seconds`, and `environment.cores` of the machine that all
            ranks share.

    Raises:
        DataError: Too few measurements, or all of them of one size or number of ranks.
    """
    known = [row for row in rows if row["ranks"] > 1]
    if len(known) < PARAMETERS or any(len({row[name] for row in known}) < 2 for name in ("bytes", "ranks")):
        raise DataError(
            f"{len(known)} measured all-reduces of two or more ranks cannot tell latency, bandwidth and negotiation; "
            "give some of several sizes on several numbers of ranks: `hvdgan launch -np 2 bench ring`, then -np 4"
        )
    seconds = np.array([row["seconds"] for row in known])
    factors = np.array([_factors(row["ranks"], row["bytes"], _sharing(row)) for row in known])
    found, _ = nnls(factors / seconds[:, None], np.ones(len(known)))
    latency, inverse, negotiation = found.tolist()
    error = float(np.median(np.abs(factors @ found / seconds - 1)))
    return Fit(Link(latency, 1 / inverse if inverse else math.inf, negotiation), len(known), error)


def narrow(link: Link, bandwidth: float, latency: float = 0.0) -> Link:
    """Return a link whose messages also pass a slower one, such as the network between two hosts.

    Copying and sending follow one another, so their times add up.

    Args:
        link: Between processes of one machine.
        bandwidth: Bytes per second of the slower one.
        latency: Seconds that every round takes there.

    >>> narrow(Link(1e-5, 2.0, 1e-3), 2.0).bandwidth
    1.0
    """
    return Link(link.latency + latency, 1 / (1 / link.bandwidth + 1 / bandwidth), link.negotiation)


def compare(predicted: Sequence[float], measured: Sequence[float]) -> NDArray:
    """Return how far predictions lie from measurements, relative to these, shape (n,)."""
    return np.asarray(predicted) / np.asarray(measured) - 1


def _sharing(row: Mapping[str, Any]) -> float:
    """Return the ranks per core of a measured line."""
    return share_cores(row["ranks"], row["environment"]["cores"])


def _factors(ranks: int, size: float, sharing: float) -> tuple[float, float, float]:
    """Return what multiplies latency, inverse bandwidth and negotiation: rounds, bytes, calls."""
    return 2 * (ranks - 1) * sharing, 2 * (ranks - 1) / ranks * size * sharing, 1.0
