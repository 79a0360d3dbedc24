"""Clouds of energy spots around straight lines, and how they fill cells."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hvdgan.calo.axes import Axes
from hvdgan.calo.geometry import Geometry
from hvdgan.calo.stack import Stack


@dataclass(frozen=True)
class Cloud:
    """Energy in layers, to be shared equally between the layer's spots.

    Radii follow 2 r R^2 / (r^2 + R^2)^2, of median R, in any number of components; a radius of 0 stays on the line.

    Args:
        events: Event that each row belongs to, shape (rows,).
        axes: Lines around which the spots lie, one per row.
        deposit: Energy in the active layers in GeV, shape (rows, layers).
        counts: Number of spots, shape (rows, layers, components).
        radii: R in mm, shape (rows, layers, components).
    """

    events: NDArray[np.int64]
    axes: Axes
    deposit: NDArray[np.float64]
    counts: NDArray[np.int64]
    radii: NDArray[np.float64]


def fill_cells(cloud: Cloud, stack: Stack, count: int, generator: np.random.Generator) -> dict[str, NDArray]:
    """Throw the spots of a cloud and add up their energy in cells; what falls beside the window is lost.

    Args:
        cloud: The spots.
        stack: The calorimeters.
        count: Number of events.
        generator: Source of random numbers.

    Returns:
        Images in GeV by detector, each (count, x, y, z), float64.
    """
    return {
        name: _fill_detector(
            cloud,
            layers,
            cloud.axes.at(stack.lever_mm, layers).astype(np.float32),
            stack.detectors[name],
            count,
            generator,
        )
        for name, layers in stack.layers.items()
    }


def _fill_detector(
    cloud: Cloud, layers: slice, lines: NDArray, geometry: Geometry, count: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Fill the cells of one detector."""
    counts, (x, y, z) = cloud.counts[:, layers], geometry.grid
    repeats, per_layer = counts.ravel(), counts.sum(axis=-1)
    uniform = generator.random(repeats.sum(), dtype=np.float32)
    radius = np.repeat(cloud.radii[:, layers].ravel().astype(np.float32), repeats) * np.sqrt(uniform / (1.0 - uniform))
    angle = generator.random(repeats.sum(), dtype=np.float32) * np.float32(2.0 * np.pi)
    around = cloud.axes.project(radius * np.cos(angle), radius * np.sin(angle), per_layer.sum(axis=1))
    per_line = per_layer.sum(axis=1) if cloud.axes.straight else per_layer.ravel()
    across = [
        (u + np.repeat(line.ravel(), per_line)) / np.float32(width) + np.float32(0.5)
        for u, line, width in zip(around, lines, geometry.window_mm, strict=True)
    ]
    inside = (across[0] >= 0) & (across[0] < 1) & (across[1] >= 0) & (across[1] < 1)
    columns, rows = (_cell(u[inside], n) for u, n in zip(across, (x, y), strict=True))
    start = cloud.events[:, None] * (x * y * z) + geometry.depth_of_layer
    energy = cloud.deposit[:, layers] / np.maximum(per_layer, 1)
    origin, share = (np.repeat(table.ravel(), per_layer.ravel())[inside] for table in (start, energy))
    cells = np.bincount(origin + (columns * y + rows) * z, weights=share, minlength=count * x * y * z)
    return cells.reshape(count, x, y, z).astype(np.float32)


def _cell(position: NDArray[np.float32], number: int) -> NDArray[np.int32]:
    """Return the cell of positions from 0 to 1, shape (spots,).

    >>> _cell(np.array([0.0, 0.5, 0.99999994], dtype=np.float32), 25).tolist()
    [0, 12, 24]
    """
    return np.minimum((position * np.float32(number)).astype(np.int32), number - 1)
