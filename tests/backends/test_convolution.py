"""The fast layers are the plain ones: the same images, gradients and running statistics, to rounding in float64."""

import numpy as np
import pytest
import torch
from torch import nn

from hvdgan.backends.phases import collapse, group
from hvdgan.backends.torch.convolution import Grouped, Repeated, Unfolded
from hvdgan.backends.torch.dropout import Dropout
from hvdgan.backends.torch.normalisation import BatchNorm

UP2, UP3 = ((2, 2, 2), ((2, 2), (2, 2), (0, 0))), ((2, 2, 3), ((1, 1), (0, 0), (3, 3)))
"""How the published generator repeats cells, and what it puts around them."""


def upsample(factor, around, *channels_and_kernel):
    """Return what `Repeated` stands for."""
    zeros = [zero for pair in reversed(around) for zero in pair]
    return nn.Sequential(
        nn.Upsample(scale_factor=factor), nn.ConstantPad3d(zeros, 0.0), nn.Conv3d(*channels_and_kernel)
    )


CASES = {
    **{
        f"grouped {together}, padding {padding}, {z} cells": (
            lambda padding=padding, together=together: Grouped((3, 2), 5, padding, together),
            lambda padding=padding: nn.Conv3d(3, 2, 5, padding=padding),
            (3, 5, 6, z),
        )
        for padding in (1, 2)
        for together in (1, 2, 3)
        for z in (4, 7)
    },
    "grouped, wide": (lambda: Grouped((16, 2), 5, 2, 2), lambda: nn.Conv3d(16, 2, 5, padding=2), (16, 5, 4, 5)),
    "unfolded": (lambda: Unfolded(4, 5, 2), lambda: nn.Conv3d(1, 4, 5, padding=2), (1, 5, 6, 7)),
    "repeated 2": (
        lambda: Repeated((4, 3), (6, 5, 8), *UP2),
        lambda: upsample(*UP2, 4, 3, (6, 5, 8)),
        (4, 3, 4, 5),
    ),
    "repeated 3": (
        lambda: Repeated((3, 2), (3, 3, 8), *UP3),
        lambda: upsample(*UP3, 3, 2, (3, 3, 8)),
        (3, 4, 3, 5),
    ),
}


def measure(layer, image):
    """Return the images after a layer, and the gradients of its input and weights of some loss."""
    image = image.clone().requires_grad_()
    made = layer(image)
    slopes = torch.linspace(-1, 2, made.numel(), dtype=made.dtype).view(made.shape)
    return made, *torch.autograd.grad((slopes * made + made**3).sum(), (image, *layer.parameters()))


def assert_close(one, other, tolerance=1e-12):
    """Compare arrays by their largest number."""
    for a, b in zip(one, other, strict=True):
        a, b = (array.detach().numpy() if isinstance(array, torch.Tensor) else np.asarray(array) for array in (a, b))
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * np.abs(b).max())


@pytest.mark.parametrize("case", CASES)
def test_a_fast_convolution_is_the_plain_one(case):
    fast, plain, shape = CASES[case]
    fast, plain = fast().double(), plain().double()
    for weight, other in zip(plain.parameters(), fast.parameters(), strict=True):
        weight.data = other.data.clone()
    image = torch.randn(2, *shape, dtype=torch.float64)
    assert_close(measure(fast, image), measure(plain, image))


KERAS = {
    "grouped 2": (lambda keras: keras.Grouped(2, 5, 1, 2), CASES["grouped 2, padding 1, 7 cells"]),
    "grouped, wide": (lambda keras: keras.Grouped(2, 5, 2, 2), CASES["grouped, wide"]),
    "unfolded": (lambda keras: keras.Unfolded(4, 5, 2), CASES["unfolded"]),
    "repeated 2": (lambda keras: keras.Repeated(3, (6, 5, 8), *UP2), CASES["repeated 2"]),
    "repeated 3": (lambda keras: keras.Repeated(2, (3, 3, 8), *UP3), CASES["repeated 3"]),
}


@pytest.mark.backends("keras")
@pytest.mark.parametrize("case", KERAS)
def test_keras_does_the_same(backend, case):
    import tensorflow as tf

    from hvdgan.backends.keras import convolution

    make, (_, plain, shape) = KERAS[case]
    plain, layer = plain().double(), make(convolution)
    layer.dtype_policy = "float64"
    image = torch.randn(2, *shape, dtype=torch.float64)
    made, slope, *slopes = measure(plain, image)
    events = tf.constant(image.permute(0, 2, 3, 4, 1).numpy())
    layer.build(events.shape)
    weight, bias = (one.detach().numpy() for one in plain.parameters())
    layer.kernel.assign(weight.transpose(2, 3, 4, 1, 0))
    layer.bias.assign(bias)
    with tf.GradientTape() as tape:
        tape.watch(events)
        cells = tf.transpose(layer(events), (0, 4, 1, 2, 3))
        loss = tf.reduce_sum(tf.reshape(np.linspace(-1, 2, cells.numpy().size), cells.shape) * cells + cells**3)
    found = tape.gradient(loss, [events, layer.kernel.value, layer.bias.value])
    assert layer.compute_output_shape((None, *events.shape[1:]))[1:4] == tuple(cells.shape[2:])
    found = [found[0].numpy().transpose(0, 4, 1, 2, 3), found[1].numpy().transpose(4, 3, 0, 1, 2), found[2]]
    assert_close((cells, *found), (made, slope, *slopes))


@pytest.mark.backends("keras")
def test_the_slope_of_a_slope_is_the_plain_one(backend):
    import tensorflow as tf

    from hvdgan.backends.keras import convolution

    layer = convolution.Grouped(2, 5, 2, 2, dtype="float64")
    image = tf.constant(np.random.default_rng(0).normal(size=(2, 5, 4, 5, 16)))
    layer(image)

    def differentiate(convolve):
        with tf.GradientTape() as outer, tf.GradientTape() as inner:
            inner.watch(image)
            score = tf.reduce_sum(convolve(image) ** 3)
            penalty = tf.reduce_sum(inner.gradient(score, image) ** 2)
        return outer.gradient(penalty, layer.kernel.value)

    plain = differentiate(lambda image: tf.nn.conv3d(image, layer.kernel.value, [1] * 5, "SAME") + layer.bias.value)
    assert_close([differentiate(layer)], [plain])


def test_every_element_of_a_kernel_is_used_once_for_each_cell():
    for axis in (group(9, 5, 2, 2), group(8, 5, 1, 3), collapse(7, 6, (2, 2), 2), collapse(9, 8, (3, 3), 3)):
        np.testing.assert_array_equal(axis.spread.sum(axis=(1, 2)), 1)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_dropout_drops_the_fraction_and_keeps_the_mean(precision):
    torch.manual_seed(0)
    image = torch.ones(2, 8, 25, 24, 23, dtype=precision, requires_grad=True)
    made = Dropout(0.2)(image)
    made.sum().backward()
    kept = made != 0
    assert torch.equal(image.grad, made.detach())
    assert made.detach().float().unique().tolist() == [0.0, pytest.approx(1.25, rel=1e-4)]
    five_sigma = 5 * (0.2 * 0.8 / kept.numel()) ** 0.5
    assert kept.float().mean().item() == pytest.approx(0.8, abs=five_sigma)
    pairs = kept[..., 1:] & kept[..., :-1]
    assert pairs.float().mean().item() == pytest.approx(0.64, abs=2 * five_sigma)
    assert torch.equal(Dropout(0.2).eval()(image), image)


def test_batch_normalisation_is_torchs_own_and_exact_in_float32():
    image = 3 + torch.randn(4, 6, 25, 25, 25, dtype=torch.float64)
    plain, ours, single = (one(6, 1e-3, 0.5) for one in (nn.BatchNorm3d, BatchNorm, BatchNorm))
    last = image.float().contiguous(memory_format=torch.channels_last_3d)
    truth = measure(plain.double(), image)
    assert_close(measure(ours.double(), image), truth, 1e-10)
    assert_close([single(last)], truth[:1], 1e-6)
    for statistic in ("running_mean", "running_var"):
        assert_close([getattr(ours, statistic)], [getattr(plain, statistic)])
        assert_close([getattr(single, statistic)], [getattr(plain, statistic)], 1e-6)
