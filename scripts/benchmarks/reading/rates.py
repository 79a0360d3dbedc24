"""Events per second: plain h5py in the order of the file, and the stream of a training."""

import resource
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py

from hvdgan.data.files import ShowerFiles, open_files
from hvdgan.data.split import Part
from hvdgan.data.stream import stream

BLOCK = 256
"""Events that are read in one go, by both; `training.shuffle_block`."""


def read_plainly(paths: Sequence[Path]) -> int:
    """Read all images in the order of the files, block after block; return how many."""
    count = 0
    for path in paths:
        with h5py.File(path, "r", locking=False) as file:
            images = file["ECAL"]
            count += sum(len(images[start : start + BLOCK]) for start in range(0, len(images), BLOCK))
    return count


def read_stream(files: ShowerFiles, batch: int, epoch: int) -> int:
    """Go through an epoch as a rank alone does; return how many events it has."""
    with stream(files, Part(files.count), 0, 1, batch, seed=1, epoch=epoch, block=BLOCK) as batches:
        return sum(len(showers) for showers in batches)


def compare(paths: Sequence[Path], batch: int, repeats: int) -> dict[str, Any]:
    """Measure both in turn; return medians and their ratio, of wall-clock and of processor time."""
    found: dict[str, list[tuple[float, float]]] = {"h5py": [], "stream": []}
    with open_files([str(path) for path in paths]) as files:
        ways = {"h5py": lambda turn: read_plainly(paths), "stream": lambda turn: read_stream(files, batch, turn)}
        for turn in range(repeats + 1):
            for name, read in ways.items():
                found[name].append(_time(read, turn))
    found = {name: pairs[1:] for name, pairs in found.items()}  # the first turn warms the system's cache of files
    told: dict[str, Any] = {}
    for place, clock in enumerate(("wall", "processor")):
        rates = {name: statistics.median(pair[place] for pair in pairs) for name, pairs in found.items()}
        ratios = [one[place] / other[place] for one, other in zip(found["stream"], found["h5py"], strict=True)]
        spread = (min(ratios), max(ratios))
        told[clock] = {**rates, "ratio": statistics.median(ratios), "spread": spread}
    return told


def _time(read: Callable[[int], int], turn: int) -> tuple[float, float]:
    """Return the events per second of wall-clock time and of processor time."""
    wall, used = time.perf_counter(), _used()
    count = read(turn)
    return count / (time.perf_counter() - wall), count / (_used() - used)


def _used() -> float:
    """Return the seconds that this process has computed."""
    told = resource.getrusage(resource.RUSAGE_SELF)
    return told.ru_utime + told.ru_stime
