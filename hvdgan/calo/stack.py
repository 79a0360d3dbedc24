"""What a particle meets on its way: the layers of one calorimeter, or of two behind one another, as one row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hvdgan.calo.geometry import Geometry

WINDOW_CENTRE = {"ECAL": 0.5, "HCAL": 0.15}
"""The window is centred on the particle's line at this share of the calorimeter's depth."""


@dataclass(frozen=True)
class Stack:
    """Calorimeters by detector name, in the order in which particles cross them.

    Args:
        detectors: "ECAL", or "ECAL" and "HCAL".
    """

    detectors: Mapping[str, Geometry]

    @cached_property
    def layers(self) -> dict[str, slice]:
        """Return which layers of the row belong to each detector."""
        ends = np.cumsum([len(geometry.thickness_mm) for geometry in self.detectors.values()])
        starts = [0, *ends[:-1]]
        return {name: slice(start, end) for name, start, end in zip(self.detectors, starts, ends, strict=True)}

    @cached_property
    def depth_x0(self) -> NDArray[np.float64]:
        """Return the depth of the layers' boundaries in radiation lengths, shape (layers + 1,)."""
        return _chain([geometry.depth_x0 for geometry in self.detectors.values()])

    @cached_property
    def depth_lambda(self) -> NDArray[np.float64]:
        """Return the depth of the layers' boundaries in interaction lengths, shape (layers + 1,)."""
        return _chain([geometry.depth_lambda for geometry in self.detectors.values()])

    @cached_property
    def depth_mm(self) -> NDArray[np.float64]:
        """Return the depth of the layers' boundaries in mm, shape (layers + 1,)."""
        return _chain([geometry.depth_mm for geometry in self.detectors.values()])

    @cached_property
    def depth_mip(self) -> NDArray[np.float64]:
        """Return what a minimum ionising particle has lost at the layers' boundaries in GeV, shape (layers + 1,)."""
        return 1e-3 * _chain([geometry.depth_mip for geometry in self.detectors.values()])

    @cached_property
    def lever_mm(self) -> NDArray[np.float64]:
        """Return the depth of the layers' centres in mm, from where their window is centred, shape (layers,)."""
        return np.concatenate([_lever(geometry, WINDOW_CENTRE[name]) for name, geometry in self.detectors.items()])

    @cached_property
    def interaction_mm(self) -> NDArray[np.float64]:
        """Return the interaction length of each layer in mm, shape (layers,)."""
        return np.diff(self.depth_mm) / np.diff(self.depth_lambda)

    @cached_property
    def mip_response(self) -> NDArray[np.float64]:
        """Return which share of a minimum ionising particle's loss is seen, shape (layers,)."""
        return np.concatenate([geometry.mip_fraction for geometry in self.detectors.values()])

    @cached_property
    def e_over_mip(self) -> NDArray[np.float64]:
        """Return the response to electromagnetic showers over that to minimum ionising particles, shape (layers,)."""
        return self.per_layer(lambda name: self.detectors[name].medium.e_over_mip)

    @cached_property
    def moliere_mm(self) -> NDArray[np.float64]:
        """Return the Moliere radius around each layer in mm, shape (layers,)."""
        return self.per_layer(lambda name: self.detectors[name].medium.moliere_mm)

    @cached_property
    def resolution(self) -> NDArray[np.float64]:
        """Return the electromagnetic sampling resolution of each layer in GeV^0.5, shape (layers,)."""
        return np.concatenate([_resolution(geometry) for geometry in self.detectors.values()])

    @cached_property
    def mean_resolution(self) -> NDArray[np.float64]:
        """Return that of each layer's detector, shape (layers,)."""
        return self.per_layer(lambda name: _resolution(self.detectors[name]).mean())

    def per_layer(self, number: Callable[[str], float]) -> NDArray[np.float64]:
        """Return a number of each detector, repeated for its layers, shape (layers,)."""
        counts = [len(geometry.thickness_mm) for geometry in self.detectors.values()]
        return np.repeat([number(name) for name in self.detectors], counts)


def _chain(depths: list[NDArray]) -> NDArray[np.float64]:
    """Join boundaries that each begin at 0.

    >>> _chain([np.array([0.0, 1.0]), np.array([0.0, 2.0, 5.0])]).tolist()
    [0.0, 1.0, 3.0, 6.0]
    """
    chain = depths[0]
    for depth in depths[1:]:
        chain = np.concatenate([chain, chain[-1] + depth[1:]])
    return chain


def _lever(geometry: Geometry, centre: float) -> NDArray[np.float64]:
    """Return the depth of the layers' centres in mm, from a share of the whole depth."""
    edges = geometry.depth_mm
    return 0.5 * (edges[1:] + edges[:-1]) - centre * edges[-1]


def _resolution(geometry: Geometry) -> NDArray[np.float64]:
    """Return the sampling resolution of each layer in GeV^0.5."""
    return geometry.sampling_term * np.sqrt(np.diff(geometry.depth_x0))
