"""The calorimeter as data: a stack of absorber and silicon layers, cut into cells; built from a plain dictionary.

The default is the Si-W electromagnetic calorimeter of CLIC (CLIC_o2_v04) that the LCD data set was made with.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hvdgan.calo.medium import Material, Medium
from hvdgan.errors import ConfigError, DataError

CLIC: dict[str, Any] = {
    "layers": [
        {"count": 17, "absorber_mm": 2.4, "silicon_mm": 0.5, "readout_mm": 1.5},
        {"count": 8, "absorber_mm": 4.8, "silicon_mm": 0.5, "readout_mm": 1.5},
    ],
    "cells": {"count": [25, 25], "size_mm": 5.1},
    "absorber": {"z": 74.0, "a": 183.84, "density": 17.8, "x0_mm": 3.8, "mip_mev_per_mm": 2.04},
    "silicon": {"z": 14.0, "a": 28.09, "density": 2.33, "x0_mm": 93.7, "mip_mev_per_mm": 0.388},
    "readout": {"z": 24.9, "a": 54.2, "density": 2.9, "x0_mm": 46.7, "mip_mev_per_mm": 0.42},
    "sampling_term": 0.2,
}
"""CLIC_o2_v04: 17 thin and 8 thick layers of tungsten alloy, 0.5 mm of silicon in each, cells of 5.1 mm.

`readout` stands for circuit board, glue and air. `sampling_term` c0 (GeV^0.5) gives the sampling resolution
c0 sqrt(t) / sqrt(E) of layers t radiation lengths thick: 16.4 % / sqrt(E) in the thin layers.
"""

MATERIALS = ("absorber", "silicon", "readout")


@dataclass(frozen=True)
class Geometry:
    """A window of a sampling calorimeter.

    Args:
        thickness_mm: Thickness of absorber, silicon and readout of each layer in mm, one triple per layer.
        materials: What these three are made of.
        window_mm: Width and height of the window in mm, centred on the shower.
        cells: Number of cells across the window, along x and y.
        depths: Number of cells along z: consecutive layers are merged into so many groups.
        impact_mm: Particles enter uniformly within a square of this side around the window's centre.
        sampling_term: Sampling resolution of layers one radiation length thick, in GeV^0.5.
    """

    thickness_mm: tuple[tuple[float, float, float], ...]
    materials: tuple[Material, Material, Material]
    window_mm: tuple[float, float]
    cells: tuple[int, int]
    depths: int
    impact_mm: float
    sampling_term: float

    @classmethod
    def parse(cls, content: Mapping[str, Any] = CLIC) -> "Geometry":
        """Build a geometry from a plain dictionary with the keys of `CLIC`.

        Raises:
            ConfigError: A key is unknown or missing, or a value is not legal.

        >>> Geometry.parse().grid
        (25, 25, 25)
        """
        _check_keys("geometry", content, CLIC)
        layers = _parse_layers(content["layers"])
        _check_keys("geometry.cells", content["cells"], CLIC["cells"])
        size = _number("geometry.cells.size_mm", content["cells"]["size_mm"])
        cells = _counts("geometry.cells.count", content["cells"]["count"], 2)
        return cls(
            thickness_mm=layers,
            materials=tuple(_parse_material(name, content[name]) for name in MATERIALS),
            window_mm=(cells[0] * size, cells[1] * size),
            cells=cells,
            depths=len(layers),
            impact_mm=size,
            sampling_term=_number("geometry.sampling_term", content["sampling_term"]),
        )

    @property
    def grid(self) -> tuple[int, int, int]:
        """Return the number of cells along x, y and z."""
        return (*self.cells, self.depths)

    def with_grid(self, x: int, y: int, z: int) -> "Geometry":
        """Return the same window and stack, cut into other cells.

        Across the shower the cells become larger or smaller; along it, consecutive layers are merged into nearly equal
        groups. The same deposits add up to the same total.

        Raises:
            ConfigError: A number is not positive, or z is above the number of layers.

        >>> Geometry.parse().with_grid(12, 12, 12).depth_of_layer.tolist()[:6]
        [0, 0, 0, 1, 1, 2]
        """
        x, y, z = _counts("grid", (x, y, z), 3)
        if z > len(self.thickness_mm):
            raise ConfigError(f"grid: {z} cells along z; this calorimeter has {len(self.thickness_mm)} layers at most")
        return replace(self, cells=(x, y), depths=z)

    def with_window(self, x: int, y: int) -> "Geometry":
        """Return the same stack behind a window of more or fewer cells of the same size.

        >>> Geometry.parse().with_window(51, 51).grid
        (51, 51, 25)
        """
        x, y = _counts("window", (x, y), 2)
        width, height = (size / old * new for size, old, new in zip(self.window_mm, self.cells, (x, y), strict=True))
        return replace(self, window_mm=(width, height), cells=(x, y))

    @cached_property
    def depth_of_layer(self) -> NDArray[np.int64]:
        """Return which cell along z each layer belongs to, shape (layers,)."""
        layers = len(self.thickness_mm)
        return np.arange(layers) * self.depths // layers

    @cached_property
    def depth_x0(self) -> NDArray[np.float64]:
        """Return the depth of the layers' boundaries in radiation lengths, shape (layers + 1,)."""
        return self._depth([material.x0_mm for material in self.materials])

    @cached_property
    def depth_lambda(self) -> NDArray[np.float64]:
        """Return the depth of the layers' boundaries in nuclear interaction lengths, shape (layers + 1,)."""
        return self._depth([material.interaction_mm for material in self.materials])

    @cached_property
    def depth_mm(self) -> NDArray[np.float64]:
        """Return the depth of the layers' boundaries in mm, shape (layers + 1,)."""
        return self._depth([1.0, 1.0, 1.0])

    @cached_property
    def depth_mip(self) -> NDArray[np.float64]:
        """Return what a minimum ionising particle has lost at the layers' boundaries in MeV, shape (layers + 1,)."""
        return self._depth([1.0 / material.mip_mev_per_mm for material in self.materials])

    def _depth(self, units_mm: list[float]) -> NDArray[np.float64]:
        """Return the depth of the layers' boundaries in units that depend on the material, shape (layers + 1,)."""
        lengths = np.array(self.thickness_mm) / units_mm
        return np.concatenate([[0.0], np.cumsum(lengths.sum(axis=1))])

    @cached_property
    def mip_fraction(self) -> NDArray[np.float64]:
        """Return the share of a minimum ionising particle's loss that stays in the silicon, shape (layers,)."""
        losses = np.array(self.thickness_mm) * [material.mip_mev_per_mm for material in self.materials]
        return losses[:, 1] / losses.sum(axis=1)

    @cached_property
    def medium(self) -> Medium:
        """Return the uniform medium that stands for the stack in the shower parametrisation."""
        return Medium.mix(self.materials, np.array(self.thickness_mm).sum(axis=0), len(self.thickness_mm))


def merge_cells(images: NDArray, grid: Iterable[int]) -> NDArray:
    """Add up adjacent cells of existing images.

    Args:
        images: Deposits in GeV, shape (n, x, y, z).
        grid: Cells along x, y, z of the result; each divides the images' number exactly.

    Returns:
        Deposits in GeV, shape (n, *grid), of the images' type; sums are made in double precision.

    Raises:
        DataError: The images are not four-dimensional, or a number does not divide; the legal ones are listed.

    >>> merge_cells(np.ones((1, 4, 2, 2), dtype=np.float32), (2, 1, 2)).tolist()
    [[[[4.0, 4.0]], [[4.0, 4.0]]]]
    """
    coarse = tuple(grid)
    fine = images.shape[1:]
    if len(fine) != 3 or len(coarse) != 3:
        raise DataError(f"images of shape {images.shape} cannot be cut to the grid {coarse}; (n, x, y, z) is needed")
    if any(new < 1 or old % new for old, new in zip(fine, coarse, strict=True)):
        legal = ", ".join(f"{axis} {_divisors(old)}" for axis, old in zip("xyz", fine, strict=True))
        raise DataError(f"{_by(fine)} cells cannot be merged to {_by(coarse)}; legal numbers are {legal}")
    pairs = [part for old, new in zip(fine, coarse, strict=True) for part in (new, old // new)]
    return images.reshape(len(images), *pairs).sum(axis=(2, 4, 6), dtype=np.float64).astype(images.dtype)


def _divisors(number: int) -> list[int]:
    """Return the numbers that divide a number.

    >>> _divisors(12)
    [1, 2, 3, 4, 6, 12]
    """
    return [part for part in range(1, number + 1) if number % part == 0]


def _by(grid: Iterable[int]) -> str:
    """Return a grid as text, such as 25 x 25 x 25."""
    return " x ".join(str(number) for number in grid)


def _parse_layers(groups: Any) -> tuple[tuple[float, float, float], ...]:
    """Return the thickness triple of every layer from groups of equal layers."""
    if not isinstance(groups, list | tuple) or not groups:
        raise ConfigError(f"geometry.layers: {groups!r} given; a list of groups of layers is needed")
    layers: list[tuple[float, float, float]] = []
    for index, group in enumerate(groups):
        where = f"geometry.layers[{index}]"
        _check_keys(where, group, CLIC["layers"][0])
        (count,) = _counts(f"{where}.count", [group["count"]], 1)
        absorber, silicon = (_number(f"{where}.{name}_mm", group[f"{name}_mm"]) for name in MATERIALS[:2])
        layers += [(absorber, silicon, _number(f"{where}.readout_mm", group["readout_mm"], zero=True))] * count
    return tuple(layers)


def _parse_material(name: str, content: Any) -> Material:
    """Return one material of the dictionary."""
    _check_keys(f"geometry.{name}", content, CLIC[name])
    return Material(**{key: _number(f"geometry.{name}.{key}", value) for key, value in content.items()})


def _check_keys(where: str, content: Any, example: Mapping[str, Any]) -> None:
    """Check that a mapping has the keys of an example and no others."""
    if not isinstance(content, Mapping):
        raise ConfigError(f"{where}: {content!r} given; a mapping with the keys {', '.join(example)} is needed")
    unknown, missing = set(content) - set(example), set(example) - set(content)
    if unknown or missing:
        problems = [f"unknown key {key}" for key in sorted(map(str, unknown))]
        problems += [f"missing key {key}" for key in sorted(missing)]
        raise ConfigError(f"{where}: {', '.join(problems)}; the keys are {', '.join(example)}")


def _number(where: str, value: Any, zero: bool = False) -> float:
    """Return a finite, positive number (or zero, where that is allowed)."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not np.isfinite(value) or value < 0 or (value == 0 and not zero):
        raise ConfigError(f"{where}: {value!r} given; a {'number from 0' if zero else 'positive number'} is needed")
    return float(value)


def _counts(where: str, values: Any, length: int) -> tuple[int, ...]:
    """Return so many positive whole numbers."""
    legal = isinstance(values, list | tuple) and len(values) == length
    if not legal or any(isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1 for n in values):
        raise ConfigError(f"{where}: {values!r} given; {length} positive whole number(s) needed")
    return tuple(int(n) for n in values)
