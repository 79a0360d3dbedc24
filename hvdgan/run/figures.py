"""What steps, showers and all-reduces cost: measured by `hvdgan bench`, or assumed and named so."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hvdgan.errors import UsageError
from hvdgan.files import read_json_lines
from hvdgan.parallel.allocation import Figures
from hvdgan.parallel.cost import Link, fit_link

FLOAT = 4
"""Bytes of a weight."""

FORWARD_SHARE = 0.51 / 19.2
"""A generated shower's operations over those of a training step per event, of 3DGAN on 25 x 25 x 25 cells."""

UPDATES = 2
"""How often a step of 3DGAN updates each network, with an all-reduce every time."""

WORD = 8.0
"""Bytes of the word that all ranks give each other after every step: go on, stop, store."""

ASSUMED = Figures(
    event=0.4, jitter=0.02, generation=0.4 * FORWARD_SHARE, start=5.0, messages=(), weights=0.0, activations=3.4e7,
    gathers=52, every=10, base=4.2e8, copies=4, held=1.41e7, whole=8.7e5, joined=9e6,
    local=Link(2.5e-5, 2.5e9, 1e-3), network=(1.25e9, 5e-5),
)  # fmt: skip
"""Of 3DGAN on 25 x 25 x 25 cells: torch with one thread, Horovod over MPI between processes of one machine; memory by
`scripts/benchmarks/shards`, batches of 8 and 24, without what the C library keeps of freed memory."""

PUBLISHED = (73_450, 872_948)
"""Parameters of 3DGAN's discriminator and generator on 25 x 25 x 25 cells."""

KINDS = ("step", "ring")
"""Of measured lines that a plan takes over."""


def gather_figures(
    bench: Path | None, parameters: tuple[int, int] = PUBLISHED, network: float = 10.0
) -> tuple[Figures, list[str]]:
    """Return what things cost, measured where lines tell it and assumed otherwise, and a sentence on each.

    Args:
        bench: Lines of `hvdgan bench`, or None.
        parameters: Of the discriminator and the generator.
        network: Between hosts, in Gb/s.

    Raises:
        UsageError: The file of measurements cannot be read, or holds none.
        DataError: The measured all-reduces do not tell a link.
    """
    rows = _read(bench)
    sizes = (*(float(FLOAT * count) for count in parameters for _ in range(UPDATES)), WORD)
    weights = FLOAT * float(sum(parameters))
    figures = replace(ASSUMED, messages=sizes, weights=weights, network=(network * 1e9 / 8, ASSUMED.network[1]))
    figures, computing = _measured_step(figures, rows)
    figures, linked = _measured_link(figures, rows)
    return figures, [computing, linked]


def _read(path: Path | None) -> list[dict[str, Any]]:
    """Return the lines of a file of measurements; none where no file is asked for.

    Raises:
        UsageError: There is no such file, or nothing that was measured in it.
    """
    if path is None:
        return []
    try:
        rows = [row for row in read_json_lines(path) if row.get("kind") in KINDS]
    except (OSError, ValueError) as error:
        raise UsageError(f"--bench {path}: {error}; give a file that `hvdgan bench` wrote") from None
    if not rows:
        raise UsageError(f"--bench {path} holds no measured step or all-reduce; give a file that `hvdgan bench` wrote")
    return rows


def _measured_step(figures: Figures, rows: Sequence[Mapping[str, Any]]) -> tuple[Figures, str]:
    """Take the latest measured step over, where there is one."""
    steps = [row for row in rows if row.get("kind") == "step"]
    if not steps:
        varying = f"steps that vary by {figures.jitter:.0%}"
        return figures, f"Assumed: {figures.event} s of one core per event (3DGAN, 25 x 25 x 25, float32), {varying}."
    row = steps[-1]
    event = row["seconds"] / row["batch"]
    what = f"{row['model']}, {' x '.join(map(str, row['grid']))}, {row['precision']}, {row['backend']}"
    jitter = row.get("jitter", figures.jitter)
    told = f"Measured: {event:.3g} s per event ({what}, batches of {row['batch']}), steps that vary by {jitter:.1%}."
    return replace(figures, event=event, jitter=jitter, generation=event * FORWARD_SHARE), told


def _measured_link(figures: Figures, rows: Sequence[Mapping[str, Any]]) -> tuple[Figures, str]:
    """Fit the link between processes of a host, where its all-reduces were measured."""
    rings = [row for row in rows if row.get("kind") == "ring" and not row.get("link")]
    if not rings:
        return figures, f"Assumed: {_name_link(figures.local)} between processes of a host."
    fit = fit_link(rings)
    told = f"{_name_link(fit.link)} between processes of a host, fitted to {fit.points} all-reduces"
    return replace(figures, local=fit.link), f"Measured: {told} (half of them within {fit.error:.0%})."


def _name_link(link: Link) -> str:
    """Return a link in words.

    >>> _name_link(Link(2.5e-5, 2.5e9, 1e-3))
    '25 us per round, 2.5 GB/s, 1 ms of negotiation'
    """
    return (
        f"{1e6 * link.latency:.3g} us per round, {link.bandwidth / 1e9:.3g} GB/s, {1e3 * link.negotiation:.3g} ms of "
        "negotiation"
    )
