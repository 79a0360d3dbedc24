"""Shards of filters against slabs of depth: memory and bytes of one rank, from the sizes of the published networks.

Counted are float32 numbers of one event: what each layer with filters remembers for the backward pass (its input and
its output; cellwise layers behind it remember as much again as its output), weights with one optimizer slot and one
gradient, and the numbers that leave a rank in a forward and a backward pass through generator and discriminator.

    filters   weights / m; inputs and outputs / m, once more joined where one layer works; each joined input moves three
              times: forward, and in the backward pass joined again and its gradient scattered: (m - 1) / m of it each
    slabs     weights whole; cells / m with a halo of (kernel - 1) planes along z at the inner faces of each
              convolution; the halo moves forward, and its gradient backward; weights' gradients are added up
"""

from dataclasses import dataclass
from math import prod

MB = 2**20 / 4
"""Numbers of four bytes in a megabyte."""


@dataclass(frozen=True)
class Layer:
    """A convolution or a dense layer.

    Args:
        given: Channels it takes.
        cells: Of its input, padded, along x, y, z; a dense layer has one.
        made: Channels it makes.
        left: Cells of its output.
        kernel: Cells of its kernel.
        remembered: How often its output is remembered by it and the cellwise layers behind it.
    """

    given: int
    cells: tuple[int, int, int]
    made: int
    left: tuple[int, int, int]
    kernel: tuple[int, int, int]
    remembered: int = 3

    @property
    def weights(self) -> int:
        """Numbers of its kernel and biases."""
        return self.made * (self.given * prod(self.kernel) + 1)


def conv(given: int, cells: tuple[int, int, int], made: int, kernel: tuple[int, int, int]) -> Layer:
    """Return a convolution of padded cells."""
    left = tuple(have - need + 1 for have, need in zip(cells, kernel, strict=True))
    return Layer(given, cells, made, left, kernel)


def dense(given: int, made: int) -> Layer:
    """Return a dense layer."""
    return Layer(given, (1, 1, 1), made, (1, 1, 1), (1, 1, 1), 1)


FIVE = (5, 5, 5)
NETWORKS = {
    "25 x 25 x 25": [
        dense(200, 8 * 7 * 7 * 8),
        conv(8, (12, 12, 15), 64, (6, 6, 8)),
        conv(64, (18, 18, 16), 6, (6, 5, 8)),
        conv(6, (28, 28, 33), 6, (3, 3, 8)),
        conv(6, (26, 26, 26), 1, (2, 2, 2)),
        conv(1, (29, 29, 29), 32, FIVE),
        conv(32, (29, 29, 29), 8, FIVE),
        conv(8, (29, 29, 29), 8, FIVE),
        conv(8, (27, 27, 27), 8, FIVE),
        dense(8 * 11**3, 2),
    ],
    "51 x 51 x 25": [
        dense(256, 5184),
        conv(8, (54, 54, 48), 8, (6, 6, 8)),
        conv(8, (53, 53, 43), 6, (4, 4, 6)),
        conv(6, (54, 54, 40), 6, (4, 4, 6)),
        conv(6, (55, 55, 37), 6, (4, 4, 6)),
        conv(6, (54, 54, 32), 6, (3, 3, 5)),
        conv(6, (54, 54, 28), 6, (3, 3, 3)),
        conv(6, (52, 52, 26), 1, (2, 2, 2)),
        conv(1, (55, 56, 30), 16, (5, 6, 6)),
        conv(16, (51, 51, 27), 8, (5, 6, 6)),
        conv(8, (47, 46, 24), 8, (5, 6, 6)),
        conv(8, (43, 41, 19), 8, (5, 6, 6)),
        dense(19152, 2),
    ],
}
"""The published networks, with angle on the larger grid: 946,210 and 1,452,449 weights, met to half a per mille."""


def by_filters(layers: list[Layer], shards: int) -> dict[str, float]:
    """Return the megabytes of one rank that holds some filters of every layer."""
    weights = activations = moved = 0.0
    transient = 0.0
    for number, layer in enumerate(layers):
        parts = shards if layer.made >= shards else 1
        whole = layer.given * prod(layer.cells)
        comes_in_parts = number > 0 and layers[number - 1].made >= shards and layer.given > 1
        weights += 3 * layer.weights / parts
        activations += (whole / shards if comes_in_parts and parts > 1 else whole) + (
            layer.remembered * layer.made * prod(layer.left) / parts
        )
        transient = max(transient, whole if comes_in_parts else 0)
        moved += 3 * whole * (1 - 1 / shards) if comes_in_parts else 0
    return {"weights": weights / MB, "activations": activations / MB, "joined": transient / MB, "moved": moved / MB}


def by_slabs(layers: list[Layer], shards: int) -> dict[str, float]:
    """Return the megabytes of one rank that holds some planes of all activations."""
    weights = activations = moved = 0.0
    for layer in layers:
        faces = 0 if shards == 1 or layer.cells[2] == 1 else (1 if shards == 2 else 2)
        halo = faces * (layer.kernel[2] - 1) / 2 * layer.given * layer.cells[0] * layer.cells[1]
        parts = shards if layer.cells[2] > 1 else 1
        weights += 3 * layer.weights
        activations += layer.given * prod(layer.cells) / parts + halo
        activations += layer.remembered * layer.made * prod(layer.left) / parts
        moved += 2 * halo
    return {"weights": weights / MB, "activations": activations / MB, "joined": 0.0, "moved": moved / MB}


def added_up(layers: list[Layer], shards: int) -> float:
    """Return the megabytes that the gradients of whole weights move in a step, which slabs add up."""
    return 2 * (1 - 1 / shards) * sum(layer.weights for layer in layers) / MB
