"""What the model of the ring says of training that was measured, beside it; pure, on lines of `hvdgan bench`.

The link is fitted to lines of kind "ring" alone; where a network between hosts was made slower, its bandwidth comes on
top. The computation of a step is slept, and so known, where scaling was emulated; else it is the step on the fewest
ranks, without what the model takes off for their all-reduces, and goes with the events of a rank; or what as many
trainings without a ring took side by side, which share memory and caches, where that was measured. The same trainings
tell how much single steps vary.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hvdgan.parallel.cost import Link, Step, narrow, share_cores, time_step

Row = Mapping[str, Any]

OVERHEAD_WITHIN, STEP_WITHIN = 0.25, 0.10
"""How close a prediction should come: to the overhead of a step, to the whole of it."""


def series_of(row: Row) -> tuple[Any, ...]:
    """Return what the points of one curve share: mode, control, transport, link, model, and seconds slept."""
    return tuple(row.get(key) for key in ("mode", "control", "transport", "link", "backend", "model", "compute"))


def group_series(rows: Iterable[Row]) -> list[list[Row]]:
    """Return lines of scaling, curve by curve, each in the order of ranks; of points measured again, all."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        if row.get("kind") == "scaling":
            groups.setdefault(series_of(row), []).append(row)
    return [sorted(group, key=lambda row: row["ranks"]) for group in groups.values()]


def compute_of(series: Sequence[Row], link: Link, messages: tuple[float, ...]) -> float:
    """Return the seconds of computation of a step on the fewest ranks of a curve."""
    first = series[0]
    if first.get("compute") is not None:
        return first["compute"]
    sharing = share_cores(first["ranks"], first["environment"]["cores"])
    reduced = time_step(link, Step(0.0, messages), first["ranks"], sharing)
    return max(first["seconds"] - reduced, 0.0) / sharing


def find_apart(rows: Iterable[Row]) -> dict[tuple[str, int], Row]:
    """Return the lines of trainings without a ring, by mode and how many there were at once."""
    return {(row["mode"], row["ranks"]): row for row in rows if row.get("control") == "apart"}


def forecast(
    series: Sequence[Row], link: Link, messages: tuple[float, ...], apart: Mapping[tuple[str, int], Row] | None = None
) -> list[dict[str, Any]]:
    """Return the points of a curve as measured and as predicted, in seconds; without the point predicted from.

    Args:
        series: Lines of scaling of one curve, in the order of ranks.
        link: Fitted to all-reduces.
        messages: Bytes of each all-reduce of a step.
        apart: Lines of as many trainings that compute at once, see `find_apart`.
    """
    first = series[0]
    base, asleep = compute_of(series, link, messages), first.get("compute") is not None

    def step(row: Row) -> Step:
        if asleep:
            return Step(base, messages, asleep=True)
        alone = (apart or {}).get((row["mode"], row["ranks"]))
        seconds = alone["seconds"] if alone else base * row["batch"] / first["batch"]
        return Step(seconds, messages, jitter=(alone or first).get("jitter") or 0.0)

    return [
        _compare(row, _narrowed(link, row), step(row))
        for row in series
        if row["ranks"] > 1 and (asleep or row["ranks"] > first["ranks"])
    ]


def _narrowed(link: Link, row: Row) -> Link:
    """Return the link of a line: behind a network of its bandwidth, where it has one."""
    return narrow(link, row["bandwidth"] / 8) if row.get("bandwidth") else link


def _compare(row: Row, link: Link, step: Step) -> dict[str, Any]:
    """Return one point as measured and as predicted; overhead is what a step takes beside computing on its own core."""
    sharing = share_cores(row["ranks"], row["environment"]["cores"])
    predicted = time_step(link, step, row["ranks"], sharing)
    overhead, expected = row["seconds"] - step.compute, predicted - step.compute
    return {
        "mode": row["mode"], "control": row.get("control"), "ranks": row["ranks"],
        "overhead": overhead, "predicted_overhead": expected, "overhead_error": expected / overhead - 1,
        "seconds": row["seconds"], "predicted": predicted, "error": predicted / row["seconds"] - 1,
    }  # fmt: skip
