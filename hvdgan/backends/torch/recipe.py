"""The recipe of 3DGAN: discriminator on real events, discriminator on fakes, or on both at once; generator twice."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from hvdgan.backends.interface import LossWeights
from hvdgan.backends.model import Events, Trainer

SMALLEST = 1e-7
"""Percentage errors divide by the true value, or by this where the true value is smaller (as Keras does)."""


class TwoPass:
    """The published step and its losses: real or fake, incident energy, sum of cells; particle class where it varies.

    A discriminator that tells the angle, too, has the absolute error in radians added, to the slope of the real event
    where a fake is paired with one, and to theta elsewhere.

    github.com/svalleco/3Dgan; EPJ Web Conf. 214 (2019) 06025.

    Args:
        weights: Of the loss terms.
        classes: Number of particle classes.
        angle: Whether the discriminator tells the angle.
    """

    passes = 3

    def __init__(self, weights: LossWeights, classes: int = 1, angle: bool = False) -> None:
        self.heads = {"generation": 1, "auxiliary": 1, "ecal": 1} | ({"particle": classes} if classes > 1 else {})
        self.heads |= {"angle": 1} if angle else {}
        self.terms = tuple(self.heads)
        self.weights = [getattr(weights, term) for term in self.terms]

    def train(self, trainer: Trainer, real: Events, fakes: Sequence[Events]) -> None:
        """Do one step; the generator learns on fresh noise."""
        self.teach(trainer, real, fakes[0])
        for fake in fakes[1:]:
            trainer.update("generator", self.fool, fake)

    def teach(self, trainer: Trainer, real: Events, fake: Events) -> None:
        """Train the discriminator on real events, then on fakes."""
        trainer.update("discriminator", self.judge, real)
        trainer.update("discriminator", self.judge, trainer.imagine(fake))

    def judge(self, trainer: Trainer, events: Events) -> Tensor:
        """Return the discriminator's loss of some events and its terms."""
        return self._weigh(trainer.judge(events["images"], events), events["label"], events)

    def fool(self, trainer: Trainer, fakes: Events) -> Tensor:
        """Return the generator's loss of some fakes, which should be taken for real, and its terms."""
        heads = trainer.judge(trainer.make(fakes), fakes)
        return self._weigh(heads, torch.ones_like(fakes["energy"]), fakes)

    def _weigh(self, heads: Events, label: Tensor, events: Events) -> Tensor:
        """Return the weighted loss and its terms, (1 + terms,)."""
        terms = {
            "generation": functional.binary_cross_entropy_with_logits(heads["generation"], label),
            "auxiliary": percentage_error(heads["auxiliary"], events["energy"]),
            "ecal": percentage_error(heads["ecal"], events["deposited"]),
        }
        if "particle" in self.heads:
            terms["particle"] = functional.cross_entropy(heads["particle"], events["particle"])
        if "angle" in self.heads:
            terms["angle"] = (heads["angle"] - events.get("slope", events["angle"])).abs().mean()
        total = sum(weight * term for weight, term in zip(self.weights, terms.values(), strict=True))
        return torch.stack((total, *terms.values()))


class OnePass(TwoPass):
    """The step of 3DGAN with one update of the discriminator, on real events and fakes in one batch of twice the size.

    Its batch normalisations see both kinds together, where two passes normalise each by itself. The published option
    of this name (github.com/vlimant/NNLO, GanModel.py) also gives the generator one update on twice the noise; here it
    keeps its two.
    """

    def teach(self, trainer: Trainer, real: Events, fake: Events) -> None:
        """Train the discriminator on real events and fakes together."""
        trainer.update("discriminator", self.judge_both, real, trainer.imagine(fake))

    def judge_both(self, trainer: Trainer, real: Events, made: Events) -> Tensor:
        """Return the discriminator's loss of one batch of real events and fakes, and its terms."""
        return self.judge(trainer, {name: torch.cat((real[name], made[name])) for name in made})


def percentage_error(prediction: Tensor, truth: Tensor) -> Tensor:
    """Return the mean absolute percentage error, 100 |truth - prediction| / |truth|, over the batch."""
    return 100.0 * ((truth - prediction).abs() / truth.abs().clamp(min=SMALLEST)).mean()
