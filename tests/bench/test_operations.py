"""Operations of 3DGAN: those that the real layers do, and the published step's."""

import pytest
import torch
from torch import nn

from hvdgan.backends.torch.networks import build_3dgan
from hvdgan.bench.operations import count_discriminator, count_generator, count_step


def watch(network):
    """Return a list that takes the operations of every layer that the network runs, for one event."""
    done = []

    def note(layer, _, output):
        cells = output[0, 0].numel() if isinstance(layer, nn.Conv3d) else 1
        done.append(2 * cells * layer.weight.numel())

    for layer in network.modules():
        if isinstance(layer, nn.Conv3d | nn.Linear):
            layer.register_forward_hook(note)
    return done


@pytest.mark.parametrize(
    ("grid", "width", "classes"), [((25, 25, 25), 1.0, 1), ((12, 9, 14), 0.4, 1), ((7, 5, 6), 0.1, 4)]
)
def test_layers_do_what_is_counted(grid, width, classes):
    generator, _ = build_3dgan(grid, 1, 20, width=width)
    _, judge = build_3dgan(grid, classes, 20, width=width)
    events = {"noise": torch.randn(2, 20), "energy": torch.ones(2)}
    made, judged = watch(generator), watch(judge)
    images = generator(events)
    judge({**events, "images": images})
    counted = count_generator(grid, 20, width), count_discriminator(grid, width, classes)
    assert [sum(made), sum(judged)] == [one.forward for one in counted]
    assert [made[0], judged[0]] == [one.first for one in counted]


def test_the_published_step():
    assert count_step("3dgan", (25, 25, 25), 200, {}, 1) == pytest.approx(19.2e9, rel=0.02)
    assert count_step("wgan_gp", (25, 25, 25), 200, {}, 1) is None
