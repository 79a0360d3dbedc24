"""Where particles go: straight lines through the layers, and how showers around them project onto the layers.

Directions follow the LCD data set. The momentum is (sin theta cos phi, sin theta sin phi, cos theta); its first
component points along the depth z of the images, the second along their x, the third along their y. Perpendicular
incidence is theta = pi / 2 at phi = 0, and the slope dy / dz of 3DGAN's angle is cot theta there.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hvdgan.calo.shower import Conditions

STRAIGHT = 1e-6
"""Slopes below this are rounding errors of single precision and count as perpendicular."""


def slopes(conditions: Conditions) -> NDArray[np.float64]:
    """Return dx / dz and dy / dz of the particles, shape (2, n).

    >>> slopes(Conditions.perpendicular(np.array([10.0]))).tolist()
    [[0.0], [0.0]]
    """
    theta, phi = conditions.theta.astype(np.float64), conditions.phi.astype(np.float64)
    slope = np.stack([np.tan(phi), 1.0 / (np.tan(theta) * np.cos(phi))])
    return np.where(np.abs(slope) < STRAIGHT, 0.0, slope)


@dataclass(frozen=True)
class Axes:
    """Straight lines.

    Args:
        impact: Where a line crosses the plane on which the window is centred, in mm from its centre, along x and y, for
            the window of each layer, shape (2, n, layers).
        slope: dx / dz and dy / dz, shape (2, n).
    """

    impact: NDArray[np.float64]
    slope: NDArray[np.float64]

    def __getitem__(self, rows: slice | NDArray) -> "Axes":
        """Return some of the lines."""
        return Axes(self.impact[:, rows], self.slope[:, rows])

    def __len__(self) -> int:
        """Return the number of lines."""
        return self.slope.shape[1]

    @cached_property
    def cosine(self) -> NDArray[np.float64]:
        """Return the cosine of the angle to the perpendicular, shape (n,)."""
        return 1.0 / np.sqrt(1.0 + (self.slope**2).sum(axis=0))

    @cached_property
    def straight(self) -> bool:
        """Return whether all lines are perpendicular to the layers."""
        return not self.slope.any()

    def at(self, lever_mm: NDArray, layers: slice) -> NDArray[np.float64]:
        """Return where the lines cross the layers of one window.

        Args:
            lever_mm: Depth of all layers in mm, from where their window is centred, shape (layers,).
            layers: Those behind the window.

        Returns:
            Positions in mm from the window's centre, shape (2, n, layers), or (2, n, 1) if all layers agree.
        """
        impact = self.impact[:, :, layers]
        return impact[:, :, :1] if self.straight else impact + self.slope[:, :, None] * lever_mm[layers]

    def moved(self, across_mm: NDArray) -> "Axes":
        """Return lines moved by distances across them in mm, shape (2, n)."""
        return Axes(self.impact + np.stack(self.project(*across_mm))[:, :, None], self.slope)

    def project(self, first: NDArray, second: NDArray, repeats: NDArray | None = None) -> tuple[NDArray, NDArray]:
        """Project points around the lines along them onto the layers: circles become ellipses.

        Args:
            first: Distance across the line in mm, on the axis that x turns into, shape (points,).
            second: The same for y.
            repeats: Number of points of each line, shape (n,); one each without it.

        Returns:
            Distances from the line in the layer's plane in mm, along x and y, each of shape (points,).
        """
        if self.straight:
            return first, second
        steepness = np.hypot(*self.slope)
        unit = np.divide(self.slope, steepness, out=np.zeros_like(self.slope), where=steepness > 0)
        table = np.stack([*unit, 1.0 / self.cosine - 1.0]).astype(first.dtype)
        x, y, stretch = table if repeats is None else np.repeat(table, repeats, axis=1)
        along = stretch * (first * x + second * y)
        return first + along * x, second + along * y
