"""What measurements found, as tables for people: medians and their ranges."""

from collections.abc import Sequence
from pathlib import Path

from hvdgan.bench.records import RingRecord, ScalingRecord, StepRecord
from hvdgan.report.tables import Table


def tabulate_step(record: StepRecord, out: Path) -> Table:
    """Tabulate a step."""
    low, high = record.spread
    rows = [
        ("step [s]", f"{record.seconds:.4g} ({low:.4g} .. {high:.4g})"),
        *((f"  {name} [s]", f"{seconds:.4g}") for name, seconds in record.phases.items()),
        ("events/s", f"{record.events_per_second:.4g}"),
        ("GFLOP/s", "not counted for this model" if record.gflops is None else f"{record.gflops:.4g}"),
        ("GFLOP/s of a matrix product", f"{record.peak_gflops:.4g}"),
        ("fraction of it", None if record.fraction is None else f"{record.fraction:.3f}"),
    ]
    grid = " x ".join(map(str, record.grid))
    title = f"A step of {record.model} in {record.backend}, {grid} cells, batch {record.batch}, {record.precision}"
    note = f"Phases are steps of one network alone; rest is what they do not explain. Appended to {out}."
    return Table(title, ("what", "median"), tuple(rows), note=note)


def tabulate_ring(records: Sequence[RingRecord], out: Path) -> Table:
    """Tabulate all-reduces by size."""
    rows = [
        (
            one.bytes,
            1e3 * one.seconds,
            *(1e3 * edge for edge in one.spread),
            2 * (one.ranks - 1) / one.ranks * one.bytes / one.seconds / 1e9,
        )
        for one in records
    ]
    about = f"{records[0].ranks} ranks over {records[0].transport}"
    note = f"GB/s: what each rank sends and receives, 2 (ranks - 1) / ranks of the bytes. Appended to {out}."
    return Table(f"All-reduce, {about}", ("bytes", "ms", "lowest", "highest", "GB/s"), tuple(rows), note=note)


def tabulate_scaling(records: Sequence[ScalingRecord], out: Path) -> Table:
    """Tabulate the points: medians and ranges over the repeats."""
    return _tabulate_emulated(records, out) if records[0].compute is not None else _tabulate_trained(records, out)


def _tabulate_emulated(records: Sequence[ScalingRecord], out: Path) -> Table:
    """Tabulate what a step takes beside computing."""
    rows = [
        (
            one.ranks,
            1e3 * one.seconds,
            *(1e3 * (edge - one.compute) for edge in (one.seconds, *one.spread)),
            one.efficiency,
        )
        for one in records
    ]
    shared = "; more ranks than cores share them, which a cluster would not" if records[-1].oversubscribed else ""
    note = f"Computing sleeps {records[0].compute:g} s in a step; the rest is real{shared}. Appended to {out}."
    columns = ("ranks", "step [ms]", "overhead [ms]", "lowest", "highest", "efficiency")
    return Table(f"Emulated 3DGAN over {records[0].transport}", columns, tuple(rows), note=note)


def _tabulate_trained(records: Sequence[ScalingRecord], out: Path) -> Table:
    """Tabulate speed, efficiency and merit of real trainings."""
    rows = [
        (
            one.mode, one.control or "hvdgan", one.ranks, one.batch, one.events_per_second, one.seconds,
            _ranged(one.efficiency, one.efficiency_spread), _ranged(one.over_control, one.over_control_spread),
            one.waited_fraction, one.merit,
        )
        for one in records
    ]  # fmt: skip
    columns = (
        *("mode", "who", "ranks", "batch", "events/s", "step [s]", "efficiency", "over control"),
        *("waited", "merit"),
    )
    shared = (
        " Ranks shared cores: the figures say little of real ones." if any(r.oversubscribed for r in records) else ""
    )
    note = f"Medians (lowest .. highest); merits after {records[0].events} events.{shared} Appended to {out}."
    grid = " x ".join(map(str, records[0].grid))
    return Table(f"Scaling of {records[0].model}, {grid} cells", columns, tuple(rows), note=note)


def _ranged(value: float | None, spread: tuple[float, float] | None) -> str | None:
    """Return a ratio with its range.

    >>> _ranged(0.98, (0.97, 1.01))
    '0.980 (0.970 .. 1.010)'
    """
    return None if value is None or spread is None else f"{value:.3f} ({spread[0]:.3f} .. {spread[1]:.3f})"
