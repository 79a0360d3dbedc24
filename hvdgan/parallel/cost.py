"""What a step costs on several ranks: an alpha-beta model of the ring all-reduce, fitted to measurements; pure.

An all-reduce of n bytes over p ranks takes

    T = s (2 (p - 1) a + 2 (p - 1) / p n / B) + c

(Patarasuk, Yuan: Bandwidth optimal all-reduce algorithms for clusters of workstations, J. Parallel Distrib. Comput. 69,
2009): 2 (p - 1) rounds of latency a, in which every rank sends 2 (p - 1) / p of its bytes at bandwidth B, after a
negotiation c of about one cycle of Horovod. A core that serves s ranks in turn works s times as long, on messages as on
networks.

Computation is never equally long, and all ranks wait for the slowest. Of p times with a standard deviation sigma that
is expected sigma e(p) behind the mean, e(p) being the expected largest of p standard normal numbers (Blom: Statistical
estimates and transformed beta-variables, 1958). A step that varies by sigma and is cut into k stages by its
all-reduces, each varying by sigma / sqrt(k), so waits sqrt(k) sigma e(p). Meanwhile Horovod's thread looks for work in
every cycle, for a share of each rank's core.

Assumed: the all-reduces of a step follow its computation one after the other (nothing overlaps); stages vary
independently of one another, and no rank is slower than another one for long.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist, median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from hvdgan.errors import DataError

PARAMETERS = 3
"""Of a link that are fitted; fewer measurements cannot tell them."""

BLOM = 0.375
"""In Blom's estimate of the largest of normal numbers."""


@dataclass(frozen=True)
class Link:
    """What connects the ranks of a ring.

    Args:
        latency: a, seconds of one round.
        bandwidth: B, bytes per second that a rank sends while it receives as many.
        negotiation: c, seconds in which the ranks agree what to reduce.
        drag: Share of a rank's core that Horovod's thread takes while the rank computes.
    """

    latency: float
    bandwidth: float
    negotiation: float
    drag: float = 0.0


@dataclass(frozen=True)
class Step:
    """What one rank does in a training step.

    Args:
        compute: Seconds of computation on a core of its own.
        messages: Bytes of each all-reduce that the step waits for.
        asleep: Whether the computation is emulated by sleep, which shares no core and never varies.
        jitter: Standard deviation of the computation of single steps, relative to it.
    """

    compute: float
    messages: tuple[float, ...] = ()
    asleep: bool = False
    jitter: float = 0.0


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
    """Return how many ranks the busiest core serves in turn, for which all others wait.

    >>> share_cores(8, 2), share_cores(3, 2), share_cores(2, 16)
    (4.0, 2.0, 1.0)
    """
    return float(math.ceil(ranks / cores))


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
    """Return the seconds of a step: computation, waiting for the slowest rank, all-reduces one after the other.

    Args:
        link: What connects the ranks.
        step: What each rank does.
        ranks: Of the ring.
        sharing: Ranks per core.

    >>> time_step(Link(1e-5, 1e9, 1e-3), Step(0.5, (1e6, 1e6)), 2)
    0.50404
    """
    reduced = sum(time_all_reduce(link, ranks, size, sharing) for size in step.messages)
    if step.asleep or ranks == 1:
        return step.compute * (1.0 if step.asleep else sharing) + reduced
    return step.compute * sharing * (1 + link.drag + wait_for_slowest(step.jitter, ranks, len(step.messages))) + reduced


def wait_for_slowest(jitter: float, ranks: int, stages: int) -> float:
    """Return how much longer than the mean a step is whose ranks wait for one another after each of its stages.

    Args:
        jitter: Standard deviation of a whole step without waiting; the result is in the same unit.
        ranks: That wait for one another.
        stages: Of a step; they vary independently.

    >>> round(wait_for_slowest(0.02, 2, 4), 4)
    0.0236
    """
    largest = NormalDist().inv_cdf((ranks - BLOM) / (ranks - 2 * BLOM + 1))
    return math.sqrt(stages) * jitter * largest


def weak_efficiency(link: Link, step: Step, ranks: int, sharing: float = 1.0) -> float:
    """Return the events per second of a ring over those of as many ranks alone, each on a core of its own.

    >>> weak_efficiency(Link(0.0, math.inf, 0.1), Step(0.9, (1.0,)), 4)
    0.9
    """
    return step.compute / time_step(link, step, ranks, sharing)


def fit_link(rows: Iterable[Mapping[str, Any]]) -> Fit:
    """Fit a link to measured all-reduces by least squares of the relative errors; no parameter becomes negative.

    Args:
        rows: Lines of `hvdgan bench ring`: `ranks`, `bytes`, `seconds`, `environment.cores` of the machine that all
            ranks share, and `drag`, which is taken from the fewest ranks.

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
    fewest = min(row["ranks"] for row in known)
    drag = median(row.get("drag", 0.0) for row in known if row["ranks"] == fewest)
    return Fit(Link(latency, 1 / inverse if inverse else math.inf, negotiation, drag), len(known), error)


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
    return replace(link, latency=link.latency + latency, bandwidth=1 / (1 / link.bandwidth + 1 / bandwidth))


def compare(predicted: Sequence[float], measured: Sequence[float]) -> NDArray:
    """Return how far predictions lie from measurements, relative to these, shape (n,)."""
    return np.asarray(predicted) / np.asarray(measured) - 1


def _sharing(row: Mapping[str, Any]) -> float:
    """Return the ranks per core of a measured line."""
    return share_cores(row["ranks"], row["environment"]["cores"])


def _factors(ranks: int, size: float, sharing: float) -> tuple[float, float, float]:
    """Return what multiplies latency, inverse bandwidth and negotiation: rounds, bytes, calls."""
    return 2 * (ranks - 1) * sharing, 2 * (ranks - 1) / ranks * size * sharing, 1.0
