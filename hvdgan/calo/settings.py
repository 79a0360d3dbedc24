"""How samples are compared: bins, bootstrap replicas, and the sizes of the metrics that have sizes of their own."""

from dataclasses import dataclass

from hvdgan.calo.merit import BINS


@dataclass(frozen=True)
class Settings:
    """What the metrics depend on beside the samples; the sizes are those of the definitions.

    Args:
        bins: Bins of incident energy: their number, equally populated, or their edges in GeV.
        repeats: Bootstrap replicas.
        seed: Seeds replicas, subsets and the classifier.
        frechet_sizes: Smallest and largest subset of the Frechet physics distance.
        frechet_points: Sizes between them, both included.
        frechet_draws: Subsets of each size.
        kernel_batch: Events of a batch of the kernel physics distance.
        kernel_batches: Number of batches.
        train: Share of the events the classifier learns from.
        calibrate: Share of the events it is calibrated with; the rest judges.
        iterations: Its number of trees.
    """

    bins: int | tuple[float, ...] = BINS
    repeats: int = 100
    seed: int = 0
    frechet_sizes: tuple[int, int] = (20_000, 50_000)
    frechet_points: int = 10
    frechet_draws: int = 20
    kernel_batch: int = 5000
    kernel_batches: int = 10
    train: float = 0.6
    calibrate: float = 0.2
    iterations: int = 100


DEFINED = Settings()
"""The definitions' own sizes."""
