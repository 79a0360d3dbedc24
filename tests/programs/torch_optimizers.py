"""What a ring does to torch optimizers; checks of `ring_checks.py`."""

import pytest
import torch

from hvdgan.errors import HvdganError


def check_the_optimizer_averages_gradients(ring):
    network, optimizer = wrapped(ring, "generator")
    before = network.weight.detach().clone()
    for step in range(3):
        optimizer.zero_grad()
        (network(torch.full((1, 2), float(ring.rank + 1), dtype=torch.float64)) * (step + 1)).sum().backward()
        optimizer.step()
    mean = (ring.size + 1) / 2
    expected = before - 0.5 * mean * (1 + 2 + 3)
    assert torch.allclose(network.weight, expected, rtol=0, atol=1e-15)
    assert optimizer.param_groups[0]["lr"] == 0.5
    assert optimizer.state_dict()["param_groups"][0]["lr"] == 0.5


def check_weights_in_any_layout_and_without_a_gradient(ring):
    torch.manual_seed(0)
    network = torch.nn.ModuleDict({"used": torch.nn.Conv3d(2, 3, 2), "unused": torch.nn.Linear(1, 1)})
    network.to(memory_format=torch.channels_last_3d)
    optimizer = ring.wrap(torch.optim.SGD(network.parameters(), lr=0.5), network, "generator")
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    for _ in range(2):
        optimizer.zero_grad()
        network["used"](torch.full((1, 2, 2, 2, 2), float(ring.rank + 1))).sum().backward()
        optimizer.step()
    for name, weight in network.named_parameters():
        slope = {"used.weight": (ring.size + 1) / 2, "used.bias": 1.0}.get(name, 0.0)
        assert torch.allclose(weight, before[name] - 2 * 0.5 * slope), name


def check_an_unfrozen_network_is_caught(ring):
    generator, step_generator = wrapped(ring, "generator")
    discriminator, step_discriminator = wrapped(ring, "discriminator")
    noise = torch.ones((1, 2), dtype=torch.float64)
    discriminator(noise).sum().backward()
    step_discriminator.step()
    discriminator(generator(noise)).sum().backward()
    with pytest.raises(HvdganError, match="freeze the discriminator around this step"):
        step_generator.step()
    step_discriminator.synchronize()
    step_generator.synchronize()


def check_a_frozen_network_is_not_wrapped(ring):
    network = torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.5)
    network.bias.requires_grad_(False)
    with pytest.raises(HvdganError, match="bias is frozen"):
        ring.wrap(optimizer, network, "generator")


def wrapped(ring, name):
    torch.manual_seed(0)
    network = torch.nn.Linear(2, 2, bias=False, dtype=torch.float64)
    return network, ring.wrap(torch.optim.SGD(network.parameters(), lr=0.5), network, name)
