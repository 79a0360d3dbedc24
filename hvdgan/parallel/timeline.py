"""Horovod's own timeline: what every tensor waits for, as a trace that browsers open.

Horovod reads the variable whenever a ring opens, and rank 0 of the ring writes the file.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hvdgan.errors import UsageError

TIMELINE = "HOROVOD_TIMELINE"


def place_timeline(file: Path | None, alone: bool) -> str | None:
    """Return where a timeline is to be written, the same path for every rank; None where none is asked for.

    Args:
        file: Where to; it is replaced.
        alone: Whether rings have one rank, and so neither Horovod nor anything to record.

    Raises:
        UsageError: The rings have one rank, or there is no such folder.
    """
    if file is None:
        return None
    if alone:
        raise UsageError(
            "--timeline shows what the ranks of a ring do for one another, and these rings have one rank; use "
            "`hvdgan launch -np 2 train ...`, --ranks-per-trial 2 in a study, or more ranks than training.replicas"
        )
    if not file.parent.is_dir() or file.is_dir():
        raise UsageError(f"--timeline {file}: give a file in a folder that exists, such as timeline.json")
    return str(file.absolute())


def record_to(path: str | None) -> None:
    """Let the rings that this process opens from now on record what they do; None leaves that to the environment."""
    if path is not None:
        os.environ[TIMELINE] = path


@contextmanager
def kept_apart(label: str) -> Iterator[None]:
    """Let rings that open in the block write a file of their own: the name asked for, with a label.

    Args:
        label: What tells the ring from others, such as "trial-0007-fold-1".
    """
    before = os.environ.get(TIMELINE)
    if before is None:
        yield
        return
    file = Path(before)
    os.environ[TIMELINE] = str(file.with_name(f"{file.stem}-{label}{file.suffix}"))
    try:
        yield
    finally:
        os.environ[TIMELINE] = before
