"""The networks: the published ones at 25 x 25 x 25, and what they become on other grids."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hvdgan.backends.published import seed_shape
from hvdgan.backends.torch.cells import CellScale
from hvdgan.backends.torch.networks import build_3dgan
from hvdgan.backends.torch.state import network_tensors
from hvdgan.errors import ConfigError

CHAIN = {
    "unflatten": (8, 7, 7, 8),
    "conv1": (64, 7, 7, 8),
    "conv2": (6, 13, 14, 9),
    "conv3": (6, 26, 26, 26),
    "conv4": (1, 25, 25, 25),
    "cut": (1, 25, 25, 25),
}


def count(network):
    return sum(tensor.numel() for tensor in network_tensors(network, "any").values())


def noise(count, latent_size, seed=0):
    generator = torch.Generator().manual_seed(seed)
    energy = 0.1 + 4.9 * torch.rand((count, 1), generator=generator)
    latent = torch.randn((count, latent_size), generator=generator)
    return {"noise": latent, "energy": energy[:, 0], "particle": torch.ones(count, 1)}


def test_published_networks_have_the_published_parameters():
    generator, discriminator = build_3dgan((25, 25, 25), 1, 200)
    assert (count(generator), count(discriminator)) == (872_948, 73_450)


def test_published_generator_goes_through_the_published_shapes():
    generator, _ = build_3dgan((25, 25, 25), 1, 200)
    shapes = {}
    for name, layer in generator.items():
        layer.register_forward_hook(lambda _, inputs, output, name=name: shapes.update({name: tuple(output.shape[1:])}))
    with torch.no_grad():
        generator(noise(1, 200))
    assert {name: shapes[name] for name in CHAIN} == CHAIN


def test_published_discriminator_flattens_to_the_published_features():
    _, discriminator = build_3dgan((25, 25, 25), 1, 200)
    assert discriminator["generation"].in_features == 10_648
    assert {layer.negative_slope for layer in discriminator.values() if hasattr(layer, "negative_slope")} == {0.3}


@pytest.mark.parametrize("grid", [(4, 4, 4), (5, 6, 7), (12, 12, 12), (9, 12, 25), (25, 25, 4)])
def test_other_grids_get_images_and_verdicts_of_their_shape(grid):
    generator, discriminator = build_3dgan(grid, 1, 10, width=0.1)
    images = generator(noise(3, 10))
    assert images.shape == (3, 1, *grid)
    heads = discriminator({"images": images})
    assert {name: head.shape for name, head in heads.items()} == dict.fromkeys(
        ("generation", "auxiliary", "ecal"), (3,)
    )
    torch.testing.assert_close(heads["ecal"], images.sum(dim=(1, 2, 3, 4)))


@given(st.tuples(*[st.integers(4, 200)] * 3))
def test_the_seed_is_the_smallest_that_covers_the_grid(grid):
    sx, sy, sz = seed_shape(grid)
    covered = (4 * sx - 3, 4 * sy - 3, 6 * sz - 23)
    one_less = (4 * (sx - 1) - 3, 4 * (sy - 1) - 3, 6 * (sz - 1) - 23)
    assert all(less < cells <= now for less, cells, now in zip(one_less, grid, covered, strict=True))


@pytest.mark.parametrize("grid", [(4, 4, 4), (8, 8, 12), (12, 12, 12)])
@pytest.mark.parametrize("arguments", [{}, {"cell_unit": 1e-3, "cell_power": 0.5}], ids=["published", "rooted"])
def test_an_untrained_generator_is_not_dead(grid, arguments):
    for seed in range(15):
        torch.manual_seed(seed)
        generator, _ = build_3dgan(grid, 1, 16, width=0.1, **arguments)
        images = generator(noise(8, 16, seed))
        images.sum().backward()
        assert (images.sum(dim=(1, 2, 3, 4)) > 0).float().mean() >= 0.5
        assert all(weight.grad.abs().sum() > 0 for name, weight in generator.named_parameters() if weight.dim() > 1)


def test_a_grid_smaller_than_the_kernels_is_refused_with_the_minimum():
    with pytest.raises(ConfigError, match="12 x 3 x 12 cells; at least 4 along each axis"):
        build_3dgan((12, 3, 12), 1, 10)


@pytest.mark.parametrize(
    ("name", "value"),
    [("width", 0.0), ("dropout", 1.0), ("dropout", -0.1), ("cell_unit", 0.0), ("cell_power", 0.0), ("cell_power", 1.5)],
)
def test_arguments_out_of_range_are_refused(name, value):
    with pytest.raises(ConfigError, match=rf"gan.model_args.{name}: {value} is out of range"):
        build_3dgan((6, 6, 6), 1, 10, **{name: value})


def test_width_and_batch_norm_do_what_they_say():
    generator, discriminator = build_3dgan((6, 6, 6), 1, 10, width=0.5, batch_norm=False)
    assert generator["conv1"].out_channels == 32
    assert [discriminator[f"conv{number}"].out_channels for number in (1, 2, 3, 4)] == [16, 4, 4, 4]
    names = network_tensors(generator, "g").keys() | network_tensors(discriminator, "d").keys()
    assert not [name for name in names if name.endswith(("/mean", "/gamma"))]


def test_the_cut_keeps_the_central_cells():
    generator, _ = build_3dgan((4, 5, 4), 1, 10, width=0.1)
    whole = torch.rand(1, 1, 5, 5, 7)
    torch.testing.assert_close(generator["cut"](whole), whole[:, :, 0:4, 0:5, 1:5])


def test_published_cells_are_seen_in_gev():
    images = torch.rand(2, 1, 4, 4, 4)
    assert torch.equal(CellScale(1.0, 1.0).compress(images), images)
    assert torch.equal(CellScale(1.0, 1.0).expand(images), images)


def test_rooted_cells_have_finite_slopes_and_come_back():
    images = torch.tensor([0.0, 1e-3, 0.1, 2.0], requires_grad=True)
    scale = CellScale(0.001, 0.5)
    compressed = scale.compress(images)
    compressed.sum().backward()
    assert compressed[0] == 0
    assert torch.isfinite(images.grad).all()
    torch.testing.assert_close(scale.expand(compressed[2:]), images[2:], rtol=0.03, atol=0)
