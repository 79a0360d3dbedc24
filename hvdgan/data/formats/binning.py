"""How cylindrical calorimeters are cut into voxels: layers, each with bins in angle and radius.

The four binnings of the CaloChallenge are told by their number of voxels; another one is an XML file as the challenge
uses them, which is read without any document type or entity, so that nothing in it can expand or point elsewhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from hvdgan.calo.shower import PARTICLES, UNKNOWN
from hvdgan.errors import DataError

LARGEST_XML = 2**20
"""Bytes of the largest binning file that is read."""


class Layer(NamedTuple):
    """One layer: its number in the detector, and its bins in the angle alpha and the radius r."""

    number: int
    alpha: int
    radii: int


@dataclass(frozen=True)
class Binning:
    """The voxels of one event, in the order of the file: r runs fastest, then alpha, then the layer.

    Args:
        particle: PDG id of the particles it is made for, or `UNKNOWN`.
        layers: The layers that have voxels.

    >>> Binning(11, (Layer(0, 2, 3), Layer(1, 2, 3))).shapes
    {'ECAL': (2, 3, 2)}
    >>> Binning(22, (Layer(0, 1, 8), Layer(12, 10, 5))).shapes
    {'layer_0': (1, 8), 'layer_12': (10, 5)}
    """

    particle: int
    layers: tuple[Layer, ...]

    @cached_property
    def voxels(self) -> int:
        """Return the number of voxels."""
        return sum(layer.alpha * layer.radii for layer in self.layers)

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the cells of each image: alpha, r, z where all layers are alike, else alpha, r for each layer."""
        first = self.layers[0]
        if all(layer[1:] == first[1:] for layer in self.layers):
            return {"ECAL": (first.alpha, first.radii, len(self.layers))}
        return {f"layer_{layer.number}": (layer.alpha, layer.radii) for layer in self.layers}

    def cut(self, showers: NDArray, detector: str) -> NDArray:
        """Return one image.

        Args:
            showers: All voxels, (n, voxels).
            detector: Which image.

        Returns:
            A view, (n, alpha, r, z) or (n, alpha, r).
        """
        if detector == "ECAL":
            alpha, radii, depth = self.shapes["ECAL"]
            return showers.reshape(len(showers), depth, alpha, radii).transpose(0, 2, 3, 1)
        place = list(self.shapes).index(detector)
        start = sum(layer.alpha * layer.radii for layer in self.layers[:place])
        alpha, radii = self.shapes[detector]
        return showers[:, start : start + alpha * radii].reshape(len(showers), alpha, radii)

    def flatten(self, images: dict[str, NDArray]) -> NDArray:
        """Return all voxels, (n, voxels), of images (n, alpha, r, z) or (n, alpha, r): the inverse of `cut`."""
        if "ECAL" in self.shapes:
            image = images["ECAL"].transpose(0, 3, 1, 2)
            return image.reshape(len(image), self.voxels)
        return np.concatenate([images[name].reshape(len(images[name]), -1) for name in self.shapes], axis=1)


def _layers(*layers: tuple[int, int, int]) -> tuple[Layer, ...]:
    """Return layers from their number, bins in alpha and bins in r."""
    return tuple(Layer(*layer) for layer in layers)


def _cylinder(alpha: int, radii: int, depth: int) -> tuple[Layer, ...]:
    """Return layers that are all alike."""
    return tuple(Layer(number, alpha, radii) for number in range(depth))


KNOWN = (
    Binning(PARTICLES["photon"], _layers((0, 1, 8), (1, 10, 16), (2, 10, 19), (3, 1, 5), (12, 1, 5))),
    Binning(
        PARTICLES["charged_hadron"],
        _layers((0, 1, 8), (1, 10, 10), (2, 10, 10), (3, 1, 5), (12, 10, 15), (13, 10, 16), (14, 1, 10)),
    ),
    Binning(PARTICLES["electron"], _cylinder(16, 9, 45)),
    Binning(PARTICLES["electron"], _cylinder(50, 18, 45)),
)
"""The binnings of CaloChallenge data sets 1 (368 and 533 voxels), 2 (6480) and 3 (40500)."""


def choose_binning(file: Path, voxels: int, given: Path | None, particle: int) -> Binning:
    """Return the binning of a file: the one that is given, else a known one, else one that lies beside the file.

    Args:
        file: The shower file; `binning*.xml` in its folder lies beside it.
        voxels: Voxels of each event.
        given: XML file that a person names, or None.
        particle: PDG id that chooses among several binnings of equal size in a file, or `UNKNOWN`.

    Raises:
        DataError: No binning fits, or several do.
    """
    if given is not None:
        return _only(file, voxels, particle, {given: read_binnings(given)})
    for binning in KNOWN:
        if binning.voxels == voxels:
            return binning
    beside = sorted(file.parent.glob("binning*.xml"))
    return _only(file, voxels, particle, {path: read_binnings(path) for path in beside})


def read_binnings(path: Path) -> tuple[Binning, ...]:
    """Read the binnings of an XML file: one `Bin` per particle, of `Layer`s with `id`, `r_edges` and `n_bin_alpha`.

    Layers of fewer than two edges have no voxels and are left out.

    Raises:
        DataError: The file cannot be read, is not such XML, or declares a document type or entities.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_XML + 1)
    except OSError as error:
        raise DataError(f"{path}: the binning cannot be read: {error.strerror}") from None
    if len(content) > LARGEST_XML:
        raise DataError(f"{path}: a binning of more than {LARGEST_XML} bytes is not read")
    collected = _Collector(path)
    parser = expat.ParserCreate()
    parser.StartElementHandler = collected.element
    parser.StartDoctypeDeclHandler = collected.refuse
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise DataError(f"{path} is not the XML of a binning: {error}") from None
    return collected.binnings()


class _Collector:
    """What a parser has met so far in a binning file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: list[tuple[int, list[Layer]]] = []

    def refuse(self, *_: object) -> None:
        """Refuse a document type: it could declare entities."""
        raise DataError(f"{self._path}: a binning with a DOCTYPE is not read; remove it")

    def element(self, name: str, attributes: dict[str, str]) -> None:
        """Note a Bin or a Layer."""
        if name == "Bin":
            self._found.append((self._number(name, attributes, "pid", str(UNKNOWN)), []))
        elif name == "Layer":
            if not self._found:
                raise DataError(f"{self._path}: a Layer outside of a Bin")
            layer = self._layer(attributes)
            self._found[-1][1].extend([layer] if layer.radii else [])

    def binnings(self) -> tuple[Binning, ...]:
        """Return the binnings that have voxels."""
        return tuple(Binning(particle, tuple(layers)) for particle, layers in self._found if layers)

    def _layer(self, attributes: dict[str, str]) -> Layer:
        """Return a layer; it has no radii where fewer than two edges are given."""
        edges = [float(edge) for edge in attributes.get("r_edges", "").split(",") if edge.strip()]
        alpha = self._number("Layer", attributes, "n_bin_alpha")
        if alpha < 1 or not (np.isfinite(edges).all() and (np.diff(edges) > 0).all()):
            raise DataError(
                f"{self._path}: a Layer needs n_bin_alpha of at least 1 and ascending r_edges: {attributes}"
            )
        return Layer(self._number("Layer", attributes, "id"), alpha, max(len(edges) - 1, 0))

    def _number(self, name: str, attributes: dict[str, str], key: str, default: str | None = None) -> int:
        """Return a whole number of an element."""
        text = attributes.get(key, default)
        if text is None:
            raise DataError(f"{self._path}: a {name} without {key}")
        return int(text)


def _only(file: Path, voxels: int, particle: int, found: dict[Path, Iterable[Binning]]) -> Binning:
    """Return the one binning that fits a file."""
    fitting = {binning for binnings in found.values() for binning in binnings if binning.voxels == voxels}
    meant = {binning for binning in fitting if particle != UNKNOWN and abs(binning.particle) == particle}
    fitting = meant or fitting
    if len(fitting) == 1:
        return fitting.pop()
    sizes = "; ".join(f"{path} has {[binning.voxels for binning in found[path]]} voxels" for path in found)
    known = ", ".join(str(binning.voxels) for binning in KNOWN)
    raise DataError(
        f"{file}: showers of {voxels} voxels fit {len(fitting)} binnings; {sizes or 'no binning*.xml lies beside it'}; "
        f"give the XML file as data.binning or --binning (known without one: {known} voxels)"
    )
