"""Training on more and more ranks: which jobs to run, and what their steps say; pure arithmetic."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from hvdgan.bench.records import ScalingRecord, middle, vary
from hvdgan.bench.ring import Place
from hvdgan.errors import UsageError

WARM = 2
"""Steps of a training that do not count: memory is taken and caches fill in them."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Point:
    """One training to measure.

    Args:
        mode: "weak", "strong" or "emulated".
        ranks: Of the ring.
        batch: Events per rank and step; 0 where computing is emulated.
        control: None for hvdgan, else what it is compared with.
    """

    mode: str
    ranks: int
    batch: int
    control: str | None = None


@dataclass(frozen=True)
class Sample:
    """What one job of a point gave.

    Args:
        seconds: Of a step, median.
        events: That all ranks together saw.
        waited: Share of the time that went into waiting for data; None where unknown.
        merit: At the end; None where unknown.
        jitter: How much single steps vary, see `records.vary`; None where unknown.
    """

    seconds: float
    events: int
    waited: float | None = None
    merit: float | None = None
    jitter: float | None = None


Samples = Mapping[Point, Sequence[Sample]]
"""One sample of each repeat for every point."""


@dataclass(frozen=True)
class Subject:
    """What is trained.

    Args:
        model: Name of the model.
        grid: Cells along x, y, z.
        compute: Seconds that a step sleeps; None for real training.
        cores: Of this host.
    """

    model: str
    grid: tuple[int, int, int]
    compute: float | None
    cores: int


def plan(modes: Sequence[str], ranks: Sequence[int], batch: int, controls: Sequence[str | None]) -> list[Point]:
    """Return the points, each once; a strong ring keeps the batch that the fewest ranks have together.

    Raises:
        UsageError: The ranks are not different numbers above 0, or a batch cannot be divided.

    >>> [(point.mode, point.ranks, point.batch) for point in plan(["weak", "strong"], [1, 2], 8, [None])]
    [('weak', 1, 8), ('weak', 2, 8), ('strong', 1, 8), ('strong', 2, 4)]
    """
    if not ranks or min(ranks) < 1 or len(set(ranks)) < len(ranks):
        raise UsageError(
            f"--ranks {' '.join(map(str, ranks))}: give different numbers from 1 on, such as --ranks 1 2 4"
        )
    whole = batch * min(ranks)
    odd = [number for number in ranks if whole % number]
    if odd and "strong" in modes:
        raise UsageError(
            f"strong scaling divides a batch of {whole} between the ranks, and {odd[0]} ranks cannot share it; give "
            "another --batch, other --ranks, or --mode weak"
        )
    sizes = {"strong": lambda number: whole // number}
    return [
        Point(mode, number, sizes.get(mode, lambda _: batch)(number), control)
        for mode, number, control in product(modes, sorted(ranks), controls)
    ]


def refuse(ranks: int, threads: int, cores: int, oversubscribe: bool) -> None:
    """Refuse ranks that would share cores.

    Raises:
        UsageError: Says what can be measured here.
    """
    if ranks * threads > cores and not oversubscribe:
        raise UsageError(
            f"{ranks} ranks of {threads} threads would share {cores} cores, and their speed would say nothing of as "
            f"many real ones; use --ranks up to {cores // threads}, fewer --threads, --emulate-compute SECONDS, or "
            "--oversubscribe to measure all the same and have it labelled"
        )


def read_steps(rows: Sequence[Row], ranks: int, batch: int) -> Sample:
    """Sum a training up from its lines of metrics, one for every step and one for every epoch.

    Args:
        rows: The lines: `kind`, and `events_per_second` and `waited_fraction` of a step, or `merit` of an epoch. Where
            ranks do not wait for one another, `each` are the events per second of every one.
        ranks: Of the ring.
        batch: Events per rank and step.

    Raises:
        UsageError: There are too few steps.
    """
    steps = [row for row in rows if row["kind"] == "step"]
    if len(steps) <= WARM:
        raise UsageError(f"a training of {len(steps)} steps measures nothing: more than {WARM} are needed, see --steps")
    speed, _ = middle([row["events_per_second"] for row in steps[WARM:]])
    waited, _ = middle([row["waited_fraction"] for row in steps[WARM:]])
    merit = next((row["merit"] for row in reversed(rows) if row["kind"] == "epoch"), None)
    jitter = vary([1 / one for row in steps[WARM:] for one in row.get("each", [row["events_per_second"]])])
    return Sample(ranks * batch / speed, ranks * batch * len(steps), waited, merit, jitter)


def summarise(samples: Samples, place: Place, subject: Subject) -> Iterator[ScalingRecord]:
    """Yield the record of every point, in order."""
    for point, found in samples.items():
        seconds, spread = middle([one.seconds for one in found])
        efficiency, efficiencies = compare(samples, point, smallest(samples, point), per_rank=True)
        over, overs = compare(samples, point, Point(point.mode, point.ranks, point.batch, "ddp"), per_rank=False)
        waited, merit, jitter = (_middle(values) for values in _columns(found))
        yield ScalingRecord(
            **place.columns(), mode=point.mode, control=point.control, ranks=point.ranks, batch=point.batch,
            model=subject.model, grid=subject.grid, compute=subject.compute, seconds=seconds, spread=spread,
            events_per_second=point.ranks * point.batch / seconds if subject.compute is None else None,
            waited_fraction=waited, efficiency=efficiency,
            efficiency_spread=efficiencies, over_control=None if point.control else over,
            over_control_spread=None if point.control else overs, merit=merit, jitter=jitter,
            events=found[0].events, oversubscribed=point.ranks > subject.cores,
        )  # fmt: skip


def smallest(samples: Samples, point: Point) -> Point:
    """Return the point of the fewest ranks in the mode and with the control of another one."""
    alike = [one for one in samples if (one.mode, one.control) == (point.mode, point.control)]
    return min(alike, key=lambda one: one.ranks)


def compare(
    samples: Samples, point: Point, other: Point, per_rank: bool
) -> tuple[float | None, tuple[float, float] | None]:
    """Return the ratio of two points' speeds, repeat by repeat: its median and range; None without the other one.

    Repeats take turns, so that a ratio of neighbours suffers least from what else the machine does.

    Args:
        samples: What was measured.
        point: The point.
        other: What it is divided by.
        per_rank: Compare the events per second of a rank instead of those of the ring.
    """
    if other not in samples:
        return None, None
    work, rest = ((one.batch or 1) * (1 if per_rank else one.ranks) for one in (point, other))
    pairs = zip(samples[point], samples[other], strict=True)
    return middle([work / mine.seconds / (rest / its.seconds) for mine, its in pairs])


def _columns(found: Sequence[Sample]) -> tuple[list[float | None], ...]:
    """Return the waiting, the merit and the jitter of all samples."""
    return [one.waited for one in found], [one.merit for one in found], [one.jitter for one in found]


def _middle(values: Sequence[float | None]) -> float | None:
    """Return the median of what is known."""
    known = [value for value in values if value is not None]
    return middle(known)[0] if known else None
