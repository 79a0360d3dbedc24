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
    """Return a function (trials, parameters, failing) -> rows as the history of a study has them."""
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


def _trials(trials: int, parameters: int = 4, failing: bool = False) -> list[dict[str, Any]]:
    """Draw random trials; numbers, whole numbers, truth values and names take turns as parameters."""
    generator = np.random.default_rng(trials)
    rows = []
    for number in range(trials):
        choices = [
            float(10 ** generator.uniform(-4, -2)),
            int(generator.integers(1, 64)),
            bool(generator.random() < 0.5),
            str(generator.choice(["rmsprop", "adam"])),
        ]
        failed = failing or number % 5 == 4
        rows.append(
            {
                "number": number,
                "state": "failed" if failed else "done",
                "value": None if failed else float(generator.gamma(2.0, 0.3) + 0.1),
                "params": {f"gan.section.parameter_{place}": choices[place % 4] for place in range(parameters)},
                "source": ("startup", "gp", "tpe", "random", "enqueued", "elsewhere")[number % 6],
                "seconds": 31.5,
                "group": 1 + number % 2,
                "failure": "nan" if failed else None,
            }
        )
    return rows
