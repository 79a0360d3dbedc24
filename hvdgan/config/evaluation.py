"""The section of an evaluation: how generated and reference showers are compared, by a study or by `evaluate`."""

from typing import Annotated

from pydantic import Field, model_validator

from hvdgan.config.sections import Fraction, NotNegative, Positive, Section

AtLeastTwo = Annotated[int, Field(ge=2)]


class FrechetDistance(Section):
    """Sizes of the Frechet physics distance."""

    smallest: AtLeastTwo = Field(20_000, description="events of the smallest subsets")
    largest: AtLeastTwo = Field(50_000, description="of the largest; both shrink with samples that are smaller")
    sizes: Annotated[int, Field(ge=4)] = Field(10, description="sizes, equally spaced in 1 / size")
    draws: AtLeastTwo = Field(20, description="subsets of each size")

    @model_validator(mode="after")
    def _rise(self) -> "FrechetDistance":
        """Check that there is room between the sizes."""
        if self.smallest >= self.largest:
            raise ValueError(f"smallest {self.smallest} does not lie below largest {self.largest}")
        return self


class KernelDistance(Section):
    """Sizes of the kernel physics distance."""

    batch: AtLeastTwo = Field(5000, description="events of a batch; at most half of the events")
    batches: AtLeastTwo = Field(10, description="number of batches")


class Classifier(Section):
    """How the classifier two-sample test is done."""

    train: Fraction = Field(0.6, gt=0, description="share of the events the classifier learns from")
    calibrate: Fraction = Field(0.2, gt=0, description="share of the events it is calibrated with; the rest judges")
    iterations: Positive = Field(100, description="number of boosted trees")

    @model_validator(mode="after")
    def _leave_some(self) -> "Classifier":
        """Check that events are left to judge with."""
        if self.train + self.calibrate > 0.95:
            raise ValueError(f"train {self.train} and calibrate {self.calibrate} leave less than 0.05 to judge with")
        return self


class Evaluation(Section):
    """How generated and reference showers are compared."""

    bins: int | list[float] = Field(
        4, description="bins of incident energy: how many, equally populated, or their edges in GeV"
    )
    repeats: AtLeastTwo = Field(100, description="bootstrap replicas")
    seed: NotNegative = Field(0, description="seeds replicas, subsets, the classifier and the halves of the reference")
    frechet: FrechetDistance = Field(FrechetDistance(), description="sizes of the metric fpd")
    kernel: KernelDistance = Field(KernelDistance(), description="sizes of the metric kpd")
    classifier: Classifier = Field(Classifier(), description="of the metrics auc and jsd")

    @model_validator(mode="after")
    def _bins_hold_something(self) -> "Evaluation":
        """Check the number or the edges of the bins."""
        edges = self.bins if isinstance(self.bins, list) else [0.0, float(self.bins)]
        if len(edges) < 2 or edges != sorted(set(edges)) or edges[0] < 0:
            raise ValueError(
                f"bins {self.bins} hold no energy; give a number, or rising edges in GeV, as [10, 100, 500]"
            )
        return self
