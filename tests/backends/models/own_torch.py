"""Networks in torch of many kinds, and with one flaw each; see `test_examine.py`."""

from math import prod

import torch
from torch import nn


class Generator(nn.Module):
    """Every kind of weight and buffer that torch knows."""

    def __init__(self, image_shape, flaw):
        super().__init__()
        self.image_shape, self.flaw = image_shape, flaw
        self.seed = nn.LazyLinear(prod(image_shape))
        self.norm = nn.BatchNorm3d(1, momentum=None)
        self.drift = nn.InstanceNorm3d(1, track_running_stats=True)
        self.shape = nn.Sequential(nn.Conv3d(1, 1, 1), nn.Dropout(0.3))
        self.again = self.shape[0]
        self.frozen = nn.Linear(1, 1).requires_grad_(False)
        self.scale = nn.Parameter(torch.ones(()))
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
        if flaw == "twice":
            self.kernel, self.weight = (nn.Parameter(torch.ones(1)) for _ in range(2))

    def forward(self, events):
        """Return images, or what the flaw makes of them."""
        if self.flaw == "raises":
            raise ValueError("no such detector")
        self.calls += self.training
        image = self.seed(torch.cat((events["noise"], events["energy"][:, None], events["particle"]), 1))
        image = self.again(self.shape(self.drift(self.norm(image.reshape(-1, 1, *self.image_shape)))))
        image = nn.functional.softplus(image) * self.scale
        flawed = {"shape": image[:, 0], "type": image.half(), "negative": -image, "nan": image / 0 * 0, "kind": [image]}
        return flawed.get(self.flaw, image.detach() if self.flaw == "detached" else image)


class Discriminator(nn.Module):
    """One linear layer."""

    def __init__(self, cells, classes, flaw):
        super().__init__()
        self.flaw, self.heads = flaw, nn.Linear(cells, 2 + classes).requires_grad_(flaw != "frozen")

    def forward(self, events):
        """Return heads, or what the flaw makes of them."""
        told = self.heads(events["images"].flatten(1))
        total = events["images"].sum(dim=(1, 2, 3, 4))
        heads = {"generation": told[:, 0], "auxiliary": told[:, 1], "ecal": total, "particle": told[:, 2:]}
        flawed = {"list": list(heads.values()), "head": heads | {"generation": told[:, :1]}, "missing": {"ecal": total}}
        return flawed.get(self.flaw, heads)


class Lazy:
    """A recipe that never trains the generator."""

    terms, heads, passes = ("half",), {"generation": 1}, 1

    def train(self, trainer, real, fakes):
        """Train the discriminator on nothing but real events."""
        trainer.update("discriminator", self.judge, real)

    def judge(self, trainer, real):
        """Return a loss."""
        loss = trainer.judge(real["images"], real)["generation"].mean()
        return torch.stack([loss, loss])


def build(image_shape, classes, latent_size, *, flaw: str = "none"):
    """Build networks with a flaw."""
    generator, discriminator = Generator(image_shape, flaw), Discriminator(prod(image_shape), classes, flaw)
    if flaw == "alone":
        return generator
    if flaw == "shared":
        discriminator.scale = generator.scale
    recipes = {"wordless": (object(),), "one-sided": (Lazy(),)}
    return generator, discriminator, *recipes.get(flaw, ())
