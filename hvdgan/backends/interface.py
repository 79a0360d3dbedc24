"""The contract between a training run and a framework: arrays in, arrays out.

Both backends (`backends.torch` and its mirror `backends.keras`) offer the same public names: `Gan`, `MODELS`,
`use_device`, `count_devices`, `list_whole_layers`, `peak_memory` and `seed`, and for measurements `Gradients` and
`multiply`. No tensor crosses this line, and nothing here knows a framework.

Canonical names of the state, the same in every framework (`/` separates the parts):

    generator/<layer>/kernel | bias          weights; convolution kernels are (out, in, x, y, z), dense ones (out, in)
    generator/<layer>/gamma | beta | mean | variance   batch normalisation; mean and variance are each rank's own
                                                       until `average_statistics`
    discriminator/<layer>/...                the same for the discriminator
    optimizer/generator/<slot>/<layer>/<weight>        optimizer slots, shaped like the weight they belong to
    optimizer/discriminator/<slot>/<layer>/<weight>    (rmsprop: mean_square; adam: mean, mean_square, steps; sgd: none)
    average/<layer>/<weight>, average/updates          the averaged generator, where the spec wants one
    template                                           coefficients of the mean shower by class, where the spec has some
    response                                 coefficients of the expected cell sum by class, see `GanSpec.response`

Flattening goes channel first, then x, y, z.
"""

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from hvdgan.calo.shower import Conditions
from hvdgan.errors import HvdganError

State = dict[str, NDArray]
"""Everything a network pair remembers, by canonical name."""

ENERGY_UNIT = 100.0
"""Incident energy in GeV that counts as 1 inside the networks."""

NETWORKS = ("discriminator", "generator")


class UnfrozenError(HvdganError):
    """The update of one network was about to train the other too."""

    def __init__(self, updated: str, trained: str) -> None:
        super().__init__(
            f"the {trained} is not frozen in the {updated}'s update: its weights would collect gradients, and a ring "
            "would all-reduce them out of turn; set requires_grad to False around the update"
        )


def metric_names(terms: tuple[str, ...]) -> list[str]:
    """Return the names of `Gan.metrics`: of each network its total loss and the terms, before weighting.

    >>> metric_names(("generation", "ecal"))[:2], metric_names(("generation", "ecal"))[-1]
    (['discriminator_loss', 'discriminator_generation'], 'generator_ecal')
    """
    return [f"{network}_{term}" for network in NETWORKS for term in ("loss", *terms)]


def is_statistic(name: str) -> bool:
    """Tell whether a canonical name is a batch-norm statistic, which no gradient trains and no ring averages.

    >>> is_statistic("generator/norm1/mean"), is_statistic("optimizer/generator/mean/norm1/gamma")
    (True, False)
    """
    return name.rpartition("/")[2] in ("mean", "variance")


def is_trained(name: str) -> bool:
    """Tell whether a canonical name of `Gan.weights` is a weight that gradients train, not a statistic or an average.

    >>> is_trained("generator/norm1/gamma"), is_trained("generator/norm1/mean"), is_trained("average/conv1/kernel")
    (True, False, False)
    """
    return name.startswith(tuple(f"{network}/" for network in NETWORKS)) and not is_statistic(name)


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms of the 3DGAN loss (real/fake, incident energy, cell sum, particle class, angle)."""

    generation: float = 2.0
    auxiliary: float = 0.1
    ecal: float = 0.1
    particle: float = 1.0
    angle: float = 25.0


@dataclass(frozen=True)
class GanSpec:
    """What a Gan is built from; the same spec and seed give the same networks on every rank.

    Args:
        image_shape: Cells along x, y, z of one shower image.
        latent_size: Length of the latent vector.
        particles: The particle classes, as absolute PDG ids; a class is known to the networks by its place here.
        model: Name of a built-in model, or `module:function` of the user's own, see `backends.resolve`.
        model_args: The model's own hyper-parameters (keyword arguments of its builder).
        weights: Loss weights.
        optimizer: "rmsprop", "adam" or "sgd".
        optimizer_args: The optimizer's own settings, such as adam's `beta1`.
        precision: Arithmetic of the networks; "bfloat16" means autocast over float32 weights.
        averaging: The generator that is judged and generated with is averaged over about this fraction of the steps so
            far; 0 takes it as it is.
        channels_last: Store networks channels-last; 3dgan's fast layers, and TensorFlow, always do, whatever this says.
        seed: Seeds the initial weights.
        model_path: Folder of the user's own module; None where it is installed.
        response: Of each class the coefficients c of the expected cell sum in GeV of a shower of incident energy E in
            GeV, sum = polyval(c, E / 100) * E / 100 (highest power first); fitted to the training data.
        template: Of each class the coefficients of the mean shower, see `calo.template`, (classes, terms, x, y, z);
            None tells the networks of none.
        angles: Range of theta, the polar angle of incidence, in radians, in the training data; None where all
            particles enter alike, and the networks are told no angle.
    """

    image_shape: tuple[int, int, int]
    latent_size: int = 200
    particles: tuple[int, ...] = (11,)
    model: str = "3dgan"
    model_args: dict[str, Any] = field(default_factory=dict)
    weights: LossWeights = LossWeights()
    optimizer: str = "rmsprop"
    optimizer_args: dict[str, float] = field(default_factory=dict)
    precision: Literal["float32", "float64", "bfloat16"] = "float32"
    averaging: float = 0.0
    channels_last: bool = False
    seed: int = 0
    model_path: str | None = None
    response: tuple[tuple[float, ...], ...] = ((0.0018, -0.023, 0.11, -0.28, 2.21),)
    template: NDArray[np.float32] | None = field(default=None, compare=False, repr=False)
    angles: tuple[float, float] | None = None


@dataclass(frozen=True)
class Batch:
    """One rank's share of a global batch.

    Args:
        images: Deposited energy in GeV, (n, x, y, z), float32.
        energy: Incident energy in GeV, (n,), float32.
        particle: Particle class, its place in `GanSpec.particles`, (n,), int64.
        angle: Theta in radians, (n,), float32; None where `GanSpec.angles` is None.
    """

    images: NDArray[np.float32]
    energy: NDArray[np.float32]
    particle: NDArray[np.int64]
    angle: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.energy)


@dataclass(frozen=True)
class Draw:
    """Every random number of one training step, drawn outside the framework so that all ranks and backends agree.

    A step runs the generator p times, which its model decides (`Gan.passes`): the published one once for the
    discriminator's fakes and twice for the generator's own updates.

    Args:
        latent: Standard normal, (p, n, latent_size), float64.
        energy: Incident energy in GeV of the fakes of each pass, (p, n), float64.
        particle: Particle class of the fakes of each pass, (p, n), int64.
        mix: Uniform in (0, 1), (p, n), float64: where between a real and a fake event a critic's slope is looked at.
        flip: Label noise: True where the discriminator is told the wrong label, (2, n) bool: row 0 real, row 1 fake.
        seed: Seeds dropout of this step on this rank.
        angle: Theta in radians of the fakes of each pass, (p, n), float64; None where `GanSpec.angles` is None.
    """

    latent: NDArray[np.float64]
    energy: NDArray[np.float64]
    particle: NDArray[np.int64]
    mix: NDArray[np.float64]
    flip: NDArray[np.bool_]
    seed: int
    angle: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Rates:
    """Learning rates of one step."""

    generator: float
    discriminator: float


class Gan(Protocol):
    """A generator, a discriminator, their losses and optimizers; built by `Gan(spec, ring)`.

    Built as `Gan(spec, ring)`: the ring wraps both optimizers, and solo rings leave them as they are.
    """

    spec: GanSpec
    passes: int
    """How often a step runs the generator: passes of a `Draw`."""

    def prepare(self, events: int) -> None:
        """Compile the step for batches of so many events, so that no step is slowed down by it; changes nothing else.

        Collective: a framework may take a step, whose effects it takes back.
        """

    def train_step(self, batch: Batch, draw: Draw, rates: Rates) -> None:
        """Update both networks, as often and in the order that the model says. Never synchronises with the host."""

    def metrics(self) -> dict[str, float]:
        """Return the mean losses of this rank since the last call, by `metric_names`; empty when there was no step.

        A network's losses are means over its updates, terms before weighting.
        """

    def generate(self, conditions: Conditions, seed: int, first: int = 0) -> NDArray[np.float32]:
        """Return showers for given conditions.

        Args:
            conditions: n events, of the classes of the spec.
            seed: Of the whole generated set.
            first: Index in the set of the first of these events: ranks that share a set pass where their part begins.

        Returns:
            Deposits in GeV, (n, x, y, z); event first + i depends on its seed, index and condition alone.

        Raises:
            ConfigError: An event is of a class that the networks were not trained with.
        """

    def state(self) -> State:
        """Return a copy of all weights, batch-norm statistics and optimizer slots, by canonical name."""

    def restore(self, state: State) -> None:
        """Take over a state.

        Raises:
            DataError: A name is missing or unknown, or an array has another shape; says which and what is needed.
        """

    def weights(self) -> State:
        """Return a copy of what the networks are made of, by canonical name: weights, statistics and the average.

        A part of `state`, without the optimizers: what replicas exchange.
        """

    def take(self, weights: State) -> None:
        """Take over some of the arrays of `weights`; what is not given, and the optimizers, stay as they are."""

    def average_statistics(self) -> None:
        """Replace the batch-norm statistics of every rank by their mean over the ring. Collective.

        Before evaluating and storing: until then each rank has seen the statistics of its own events only.
        """

    def digest(self) -> str:
        """Return a hash of all trained weights and optimizer slots: equal on all replicas after every step.

        Batch-norm statistics, each rank's own, and the response are left out.
        """

    def parameters(self) -> dict[str, int]:
        """Return the number of parameters by network, batch-norm statistics included."""

    def close(self) -> None:
        """Give the memory back."""
