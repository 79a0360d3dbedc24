"""The discriminator's one pass over real events and fakes together, beside the same in plain torch."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from hvdgan.backends.interface import LossWeights, Rates
from hvdgan.backends.torch.state import network_tensors, to_array
from hvdgan.calo.response import expected_sum

RESPONSE, WEIGHTS, RATE = ((-0.02, 2.1), (0.03, 1.9)), LossWeights(3.0, 0.2, 0.7, 0.4), 1e-3


def tensor(*parts):
    return torch.from_numpy(np.concatenate(parts).astype(np.float64))


def differentiate(gan, batch, noise):
    """Return the loss of both kinds of events in one batch, and its gradients by canonical name."""
    generator, discriminator = gan._networks.values()
    energy = tensor(batch.energy / 100, noise.energy[0] / 100)
    particle = tensor(*np.eye(2)[[batch.particle, noise.particle[0]]])
    made = {"noise": tensor(noise.latent[0]), "energy": energy[len(batch) :], "particle": particle[len(batch) :]}
    images = torch.cat((tensor(batch.images)[:, None], generator(made).detach()))
    heads = discriminator({"images": images, "energy": energy, "particle": particle})
    expected = [expected_sum(RESPONSE[kind], one) for kind, one in zip(noise.particle[0], noise.energy[0], strict=True)]
    deposited = tensor(batch.images.sum(axis=(1, 2, 3), dtype=np.float64), expected)
    odds = torch.where(tensor(~noise.flip[0], noise.flip[1]) > 0, heads["generation"], -heads["generation"])
    loss = (
        -WEIGHTS.generation * functional.logsigmoid(odds).mean()
        + 100 * WEIGHTS.auxiliary * (heads["auxiliary"] / energy - 1).abs().mean()
        + 100 * WEIGHTS.ecal * (heads["ecal"] / deposited - 1).abs().mean()
        - WEIGHTS.particle * (particle * heads["particle"].log_softmax(dim=1)).sum(dim=1).mean()
    )
    discriminator.zero_grad()
    loss.backward()
    weights = network_tensors(discriminator, "discriminator").items()
    return loss.item(), {name: to_array(weight.grad) for name, weight in weights if weight.requires_grad}


def test_the_gradients_are_those_of_one_batch_of_both(pair, showers, make_draw, train):
    settings = {"precision": "float64", "optimizer": "sgd", "weights": WEIGHTS, "response": RESPONSE}
    plain, gan = pair(**settings, particles=(11, 22), model_args={"one_pass": True, "width": 0.2})
    train(plain, 0, 1, rate=1e-4)  # away from biases of zero, with which empty cells lie on the kink of leaky units
    gan.restore(plain.state())
    batch, noise, before = showers(5, classes=2), make_draw(plain, 5, flip=0.4), gan.state()
    gan.train_step(batch, noise, Rates(0.0, RATE))
    after = gan.state()
    loss, gradients = differentiate(plain, batch, noise)
    assert gan.metrics()["discriminator_loss"] == pytest.approx(loss, rel=1e-12)
    assert sum(np.abs(gradient).max() > 1e-3 for gradient in gradients.values()) > 10
    for name, gradient in gradients.items():
        moved = (before[name] - after[name]) / RATE
        np.testing.assert_allclose(moved, gradient, rtol=0, atol=1e-10 * np.abs(gradient).max() + 1e-12, err_msg=name)
