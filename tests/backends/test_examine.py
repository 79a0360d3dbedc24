"""Models of the user's own behind the contract: all kinds of networks serve, and each flaw is named before training."""

from pathlib import Path

import numpy as np
import pytest

from hvdgan.backends.interface import GanSpec
from hvdgan.calo.shower import Conditions
from hvdgan.errors import ConfigError
from hvdgan.parallel.ring import SoloRing

FOLDER = str(Path(__file__).parent / "models")
GRID = (3, 4, 2)
ELECTRONS = Conditions.perpendicular(np.array([30.0, 60.0]))


@pytest.fixture
def build_own(backend):
    """Return a function that builds a Gan with the networks of `models`."""

    def build(particles=(11,), response=None, precision="float32", **arguments):
        return backend.Gan(
            GanSpec(
                GRID, 4, particles, f"own_{backend.name}:build", arguments, precision=precision, model_path=FOLDER,
                response=response or ((1.0,),) * len(particles),
            ),
            SoloRing(),
        )  # fmt: skip

    return build


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def assert_serves(gan, again, train):
    """Train a Gan a little; another one takes its state over, also the statistics, and goes on alike."""
    start = gan.state()
    assert same(again.state(), start)
    assert not any(array.any() for name, array in start.items() if name.endswith("/mean"))
    train(gan, 0, 2)
    state = gan.state()
    again.restore(state)
    assert same(again.state(), state)
    for one in (gan, again):
        train(one, 2, 3)
    assert same(again.state(), gan.state())
    assert gan.digest() == again.digest()
    kernels = {name for name in start if name.endswith("/kernel")}
    still = {name for name in kernels if np.array_equal(start[name], gan.state()[name])}
    assert still == {name for name in kernels if "/frozen/" in name or "/block/dense_1/" in name} != set()
    made = gan.generate(ELECTRONS, 1)
    assert made.shape == (2, *GRID)
    assert (made >= 0).all()


@pytest.mark.backends("torch")
@pytest.mark.parametrize("precision", ["float32", "float64", "bfloat16"])
def test_all_kinds_of_weights_and_buffers_serve_in_torch(build_own, train, precision):
    gan, again = (build_own(precision=precision) for _ in range(2))
    assert gan.state()["generator/calls"].dtype == np.int64
    assert "optimizer/generator/mean_square/frozen/kernel" not in gan.state()
    assert {"generator/scale", "generator/shape/0/kernel"} < gan.state().keys()
    assert "generator/again/kernel" not in gan.state()  # the same convolution again
    assert_serves(gan, again, train)
    assert gan.state()["generator/norm/num_batches_tracked"] == 3 * gan.passes


@pytest.mark.backends("keras")
@pytest.mark.parametrize("kind", ["subclassed", "sequential", "functional", "listed"])
def test_all_kinds_of_models_serve_in_keras(build_own, train, kind):
    gan, again = (build_own(kind=kind) for _ in range(2))
    inside = "functional/" if kind in ("functional", "listed") else ""
    names = {"dense/kernel", "block/dense/kernel", "block/dense_1/bias", "block/variable", "flawed/variable"}
    assert {f"generator/{inside}{name}" for name in names} < gan.state().keys()
    assert ("generator/slope" in gan.state()) == (kind == "subclassed")
    assert_serves(gan, again, train)


@pytest.mark.backends("keras")
@pytest.mark.parametrize("precision", ["float64", "bfloat16"])
def test_own_models_have_the_precision_of_the_spec_in_keras(build_own, train, precision):
    gan = build_own(precision=precision, particles=(11, 22))
    train(gan, 0, 1)
    kept = "float64" if precision == "float64" else "float32"
    assert {array.dtype for name, array in gan.state().items() if name != "response"} == {np.dtype(kept)}
    assert np.isfinite(gan.generate(ELECTRONS, 1)).all()


FLAWS = {
    "shape": r"what the generator of own_\w+:build returned has shape \(2, .*\); \(2, .*\) is expected",
    "type": "what the generator .* returned holds float16; float32 is expected .gan.precision: float32.",
    "negative": "cells down to -.* GeV; deposited energy is not negative: end the generator with a unit such as relu",
    "nan": "has cells that are not finite, before any training",
    "kind": "is a list; a tensor is expected",
    "list": r"the discriminator .* returned list; a dictionary with generation \(n,\), .* is expected",
    "missing": "the discriminator .* returned ecal, but not generation",
    "head": r"the head generation .* has shape \(2, 1\); \(2,\) is expected",
    "detached": "no gradient reaches the generator of own_.*; is everything frozen, or a tensor detached",
    "frozen": "no gradient reaches the discriminator",
    "alone": r"returned \w+; return generator, discriminator .each a (torch Module|keras Model)., and a recipe",
    "wordless": "the recipe of own_.*, object, has no terms, heads, passes, train",
    "one-sided": "the recipe of own_.* never updates the generator",
    "raises": r"own_\w+.py:\d+: raise ValueError\(.*\)\n  ValueError: .*no such detector",
    "shared": "the networks of own_.* share weights",
    "twice": "the generator of own_.* has several weights called .*kernel",
}


@pytest.mark.filterwarnings("ignore:Layer .* looks like it has unbuilt state")
@pytest.mark.parametrize("flaw", FLAWS)
def test_a_flaw_is_named_with_what_is_expected(build_own, flaw):
    with pytest.raises(ConfigError, match=f"(?s)gan.model: .*{FLAWS[flaw]}"):
        build_own(flaw=flaw)


def test_a_head_of_several_numbers_is_asked_for_where_there_are_several_classes(build_own):
    with pytest.raises(ConfigError, match=r"but not generation; .*, particle \(n, 2\) expected"):
        build_own(particles=(11, 22), flaw="missing")


@pytest.mark.backends("keras")
def test_an_input_that_is_none_of_the_tensors_is_refused(build_own):
    with pytest.raises(ConfigError, match="an input 'colour'; legal names of its inputs are noise, energy, particle"):
        build_own(kind="strange")
