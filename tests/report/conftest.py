"""Showers and trials to draw: simple enough to make in milliseconds, real enough to look like something."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

Grid = tuple[int, int, int]


@pytest.fixture
def make_showers() -> Callable[..., tuple[NDArray, NDArray]]:
    """Return a function (events, grid, seed) -> images in GeV, incident energies in GeV."""
    return _showers


@pytest.fixture
def make_trials() -> Callable[..., list[dict[str, Any]]]:
    """Return a function (trials, parameters, failing, objectives) -> rows as the history of a study has them."""
    return _trials


def _showers(events: int, grid: Grid = (9, 9, 12), seed: int = 0) -> tuple[NDArray, NDArray]:
    """Sample spots of gamma-distributed depth around the axis."""
    generator = np.random.default_rng(seed)
    energy = generator.uniform(10.0, 500.0, events)
    images = np.zeros((events, *grid), dtype=np.float32)
    for image, incident in zip(images, energy, strict=True):
        spots = int(20 + incident)
        across = generator.standard_t(2, (2, spots)) * grid[0] / 16 + np.array([[grid[0] / 2], [grid[1] / 2]])
        along = generator.gamma(3 + np.log(incident) / 2, grid[2] / 12, spots)
        cells = np.floor([*across, along]).astype(int)
        inside = ((cells >= 0) & (cells < np.array(grid)[:, None])).all(axis=0)
        np.add.at(image, tuple(cells[:, inside]), generator.exponential(0.02 * incident / spots, inside.sum()))
    return images, energy


@pytest.fixture
def make_events() -> Callable[..., list[dict[str, Any]]]:
    """Return a function (rows, groups) -> the events of the study they come from, 10 s per trial."""
    return _events


def _trials(trials: int, parameters: int = 4, failing: bool = False, objectives: int = 1) -> list[dict[str, Any]]:
    """Draw random trials; numbers, whole numbers, truth values and names take turns as parameters.

    Of ten trials one is pruned and two fail; the third parameter exists for even trials only.
    """
    generator = np.random.default_rng(trials)
    rows = []
    for number in range(trials):
        choices = [
            float(10 ** generator.uniform(-4, -2)),
            int(generator.integers(1, 64)),
            bool(generator.random() < 0.5),
            str(generator.choice(["rmsprop", "adam"])),
        ]
        failed, pruned = failing or number % 5 == 4, number % 10 == 7
        values = [] if failed else [float(value) for value in generator.gamma(2.0, 0.3, objectives) + 0.1]
        names = [place for place in range(parameters) if place % 4 != 2 or number % 2 == 0]
        rows.append(
            {
                "number": number,
                "state": "failed" if failed else "pruned" if pruned else "done",
                "values": values,
                "value": values[0] if values else None,
                "params": {f"gan.section.parameter_{place}": choices[place % 4] for place in names},
                "source": ("startup", "gp", "tpe", "random", "enqueued", "elsewhere")[number % 6],
                "seconds": 31.5,
                "group": 1 + number % 2,
                "failure": "nan" if failed else None,
            }
        )
    return rows


@pytest.fixture
def small_study() -> list[dict[str, Any]]:
    """Return the events of a study of two groups: one trial ends well, one fails, and with it its group."""
    row = {"params": {"training.learning_rate": 0.001}, "seconds": 31.0, "source": "gp", "attempt": 0}
    end = {"counted": 1, "total": 4}
    message = "ValueError: \x1b[31mbroken\n\nTraceback ...\n"
    failure = {"failure": "exception", "value": None, "message": message, "state": "failed"}
    values = {"fold": 1, "epoch": 2, "generator_loss": 12.5, "merit": 0.5, "events_per_second": 411.7}
    start = {"event": "started", "attempt": 0, "source": "gp"}
    return [
        {"event": "begun", "time": 10.0, "groups": 2, "counted": 0, "total": 4},
        {**start, "time": 10.0, "trial": 0, "group": 1, "params": row["params"]},
        {**start, "time": 11.0, "trial": 1, "group": 2, "params": {}},
        {"event": "reported", "time": 20.0, "trial": 0, "group": 1, "step": 2, "values": values},
        {**row, "event": "finished", "time": 41.0, "trial": 0, "group": 1, "state": "done", "value": 0.41, **end},
        {**row, **failure, "event": "finished", "time": 42.0, "trial": 1, "group": 2, **end, "counted": 2},
        {"event": "given_up", "time": 47.0, "group": 2, "reason": "silent for 5 s"},
        {"event": "something new", "time": 48.0, "trial": 1, "group": 2},
        {"event": "ended", "time": 50.0, "reason": "done"},
    ]


def _events(rows: list[dict[str, Any]], groups: int) -> list[dict[str, Any]]:
    """Let the groups take turns; each trial takes 10 s."""
    events = [{"event": "begun", "time": 100.0, "groups": groups, "counted": 0, "total": len(rows)}]
    for place, row in enumerate(rows):
        begin, about = 100.0 + 10 * (place // groups), {"trial": row["number"], "group": 1 + place % groups}
        events.append({"event": "started", "time": begin, "attempt": 0, "source": row["source"], "params": {}, **about})
        end = {"time": begin + 10, "counted": place + 1, "total": len(rows)}
        events.append({**row, "event": "finished", **about, **end})
    return sorted(events, key=lambda event: event["time"])
