"""The training step, generation and state of a Gan."""

import sys
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest

from hvdgan.backends.interface import LossWeights, Rates, UnfrozenError, metric_names
from hvdgan.calo.response import expected_sum
from hvdgan.calo.shower import Conditions
from hvdgan.errors import ConfigError
from hvdgan.parallel.ring import SoloRing

PLAIN = {"dropout": 0.0, "batch_norm": False}
STILL = Rates(0.0, 0.0)


def passes(noise):
    return zip(noise.latent, noise.energy, strict=True)


def percentage(prediction, truth):
    return float(100 * np.mean(np.abs(truth - prediction) / truth))


@pytest.mark.backends("torch")  # test_parity.py holds the same for Keras
def test_metrics_are_the_formulas_of_the_networks_outputs(backend, build, showers, make_draw):
    gan = build(model_args=PLAIN, precision="float64", weights=LossWeights(2.0, 0.3, 0.5))
    batch, noise = showers(6), make_draw(gan, 6, flip=0.4)
    gan.train_step(batch, noise, STILL)
    metrics = gan.metrics()
    terms = {"discriminator": [], "generator": []}
    real, fakes = batch.images.astype(np.float64), [backend.eyes.imagine(gan, *one) for one in passes(noise)]
    cases = [("discriminator", real, ~noise.flip[0], batch.energy / 100.0)]
    cases += [("discriminator", fakes[0], noise.flip[1], noise.energy[0] / 100)]
    cases += [("generator", fakes[number], np.ones(6, bool), noise.energy[number] / 100) for number in (1, 2)]
    for name, images, label, energy in cases:
        logit, auxiliary, total = backend.eyes.judge(gan, images)
        truth = total if images is real else expected_sum(gan.spec.response[0], energy * 100)
        entropy = float(np.mean(np.log1p(np.exp(np.where(label, -logit, logit)))))
        terms[name].append([entropy, percentage(auxiliary, energy), percentage(total, truth)])
    assert list(metrics) == metric_names(gan.recipe.terms)
    for name, rows in terms.items():
        means = np.mean(rows, axis=0)
        got = [metrics[f"{name}_{term}"] for term in ("generation", "auxiliary", "ecal", "loss")]
        np.testing.assert_allclose(got, [*means, means @ [2.0, 0.3, 0.5]], rtol=1e-6)


@pytest.mark.backends("torch")  # test_parity.py holds the same for Keras
def test_flips_tell_the_discriminator_the_wrong_label(backend, build, showers, make_draw):
    told = {}
    for wrong in (False, True):
        gan = build(model_args=PLAIN, precision="float64")
        noise = make_draw(gan, 5)
        noise = replace(noise, flip=np.full((2, 5), wrong))
        gan.train_step(showers(5), noise, STILL)
        told[wrong] = gan.metrics()
    fakes = backend.eyes.imagine(gan, noise.latent[0], noise.energy[0])
    logits = [backend.eyes.judge(gan, images)[0] for images in (showers(5).images.astype(float), fakes)]
    right = np.mean([np.log1p(np.exp(-logits[0])), np.log1p(np.exp(logits[1]))])
    wrong = np.mean([np.log1p(np.exp(logits[0])), np.log1p(np.exp(-logits[1]))])
    assert told[False]["discriminator_generation"] == pytest.approx(right, rel=1e-6)
    assert told[True]["discriminator_generation"] == pytest.approx(wrong, rel=1e-6)
    assert told[True]["generator_generation"] == told[False]["generator_generation"]


@pytest.mark.backends("torch")  # test_parity.py holds the same for Keras
def test_losses_are_means_over_the_batch(build, showers, make_draw):
    gan, whole = build(model_args=PLAIN, precision="float64"), showers(8)
    gan.train_step(whole, make_draw(gan, 8), STILL)
    together, halves = gan.metrics(), []
    for half in (slice(0, 4), slice(4, 8)):
        part = type(whole)(whole.images[half], whole.energy[half], whole.particle[half])
        gan.train_step(part, make_draw(gan, 4, half.start), STILL)
        halves.append(gan.metrics())
    for name, value in together.items():
        assert value == pytest.approx((halves[0][name] + halves[1][name]) / 2, rel=1e-12)


def test_metrics_start_anew_at_each_call(build, train):
    gan = build()
    assert gan.metrics() == {}
    train(gan, 0, 1)
    assert set(gan.metrics()) == set(metric_names(gan.recipe.terms))
    assert gan.metrics() == {}


def test_each_update_moves_its_own_network_only(build, showers, make_draw):
    for still, moving in (("generator", "discriminator"), ("discriminator", "generator")):
        gan = build()
        before = gan.state()
        rates = Rates(**{still: 0.0, moving: 1e-3})
        gan.train_step(showers(4), make_draw(gan, 4), rates)
        after = gan.state()
        moved = {name.split("/")[0] for name in before if not np.array_equal(before[name], after[name])
                 if name.endswith(("/kernel", "/bias")) and not name.startswith("optimizer")}  # fmt: skip
        assert moved == {moving}


@pytest.mark.slow
@pytest.mark.backends("torch")  # test_parity.py holds the same for Keras
def test_training_lowers_the_losses_of_an_easy_problem(build, train):
    gan = build(model_args={"width": 0.2, "dropout": 0.0, "cell_power": 0.5})
    train(gan, 0, 5, batch=16, rate=3e-3)
    early = gan.metrics()
    train(gan, 5, 120, batch=16, rate=3e-3)
    gan.metrics()
    train(gan, 120, 130, batch=16, rate=3e-3)
    late = gan.metrics()
    for name in ("generator_ecal", "generator_auxiliary", "discriminator_auxiliary", "discriminator_loss"):
        assert late[name] < 0.7 * early[name], (name, early, late)


@pytest.mark.backends("torch")  # Keras asks for the gradients of one network's weights alone
def test_an_unfrozen_network_is_caught_with_our_message(build, train, monkeypatch):
    gan = build()
    monkeypatch.setattr(type(gan._trainer), "_frozen", lambda trainer, name: nullcontext())
    with pytest.raises(UnfrozenError, match="the generator is not frozen in the discriminator's update"):
        train(gan, 0, 1)


@pytest.mark.backends("torch")
def test_weights_are_free_again_after_a_failed_update(build, showers, make_draw):
    gan = build()
    noise = make_draw(gan, 4)
    with pytest.raises(RuntimeError):
        gan.train_step(showers(4), replace(noise, latent=noise.latent[:, :, :-1]), STILL)
    assert all(weight.requires_grad for network in gan._networks.values() for weight in network.parameters())


def test_initial_weights_depend_on_the_seed_alone(backend, build):
    backend.seed(1)
    first = build(seed=4).digest()
    backend.seed(2)
    expected = backend.eyes.random()
    backend.seed(2)
    assert build(seed=4).digest() == first
    assert backend.eyes.random() == expected
    assert build(seed=5).digest() != first


def test_dropout_depends_on_the_draws_seed_alone(build, showers, make_draw):
    digests = []
    for seed in (1, 1, 2):
        gan = build(model_args={"dropout": 0.5})
        noise = make_draw(gan, 4)
        gan.train_step(showers(4), replace(noise, seed=seed), Rates(1e-3, 1e-3))
        digests.append(gan.digest())
    assert digests[0] == digests[1] != digests[2]


def test_generated_events_depend_on_seed_index_and_condition_alone(build, train, monkeypatch):
    gan = build()
    train(gan, 0, 1)
    conditions = Conditions.perpendicular(np.linspace(20, 400, 13))
    whole = gan.generate(conditions, seed=9)
    assert whole.shape == (13, *gan.spec.image_shape)
    assert whole.dtype == np.float32
    assert (whole >= 0).all()
    np.testing.assert_allclose(gan.generate(conditions[5:9], 9, first=5), whole[5:9], rtol=1e-4, atol=1e-7)
    monkeypatch.setattr(sys.modules[type(gan).__module__], "CELLS_TOGETHER", 3 * int(np.prod(gan.spec.image_shape)))
    np.testing.assert_allclose(gan.generate(conditions, 9), whole, rtol=1e-4, atol=1e-7)
    assert not np.allclose(gan.generate(conditions, 10), whole, rtol=1e-2)


def test_generating_leaves_the_training_as_it_was(build, train):
    quiet, busy = build(), build()
    for gan in (quiet, busy):
        train(gan, 0, 1)
    busy.generate(Conditions.perpendicular(np.full(3, 50.0)), 1)
    for gan in (quiet, busy):
        train(gan, 1, 2)
    assert quiet.digest() == busy.digest()


@pytest.mark.parametrize("channels_last", [False, True])
def test_bfloat16_trains_and_generates_finite_numbers(backend, build, train, channels_last):
    if backend.name == "keras" and not channels_last:
        pytest.skip("Keras has one layout")
    gan = build(precision="bfloat16", channels_last=channels_last)
    train(gan, 0, 2)
    assert np.isfinite(list(gan.metrics().values())).all()
    assert np.isfinite(gan.generate(Conditions.perpendicular(np.array([10.0, 500.0])), 1)).all()
    assert {array.dtype for name, array in gan.state().items() if name != "response"} == {np.dtype(np.float32)}


def test_float64_is_float64_throughout(build, train):
    gan = build(precision="float64")
    train(gan, 0, 1)
    assert {array.dtype for array in gan.state().values()} == {np.dtype(np.float64)}


@pytest.mark.backends("torch")
def test_layouts_agree(build, train):
    outputs = []
    for channels_last in (False, True):
        gan = build(precision="float64", channels_last=channels_last)
        train(gan, 0, 3)
        outputs.append(gan.generate(Conditions.perpendicular(np.array([100.0, 200.0])), 1))
    np.testing.assert_allclose(*outputs, rtol=1e-6)


class HalvingRing(SoloRing):
    """A ring whose means are half of what this rank says."""

    def mean(self, values):
        """Return half of the values."""
        return {name: value / 2 for name, value in values.items()}


def test_statistics_and_nothing_else_are_averaged_over_the_ring(build, train):
    gan = build(ring=HalvingRing())
    train(gan, 0, 1)
    before, digest = gan.state(), gan.digest()
    gan.average_statistics()
    after = gan.state()
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == {name for name in before if "/norm" in name and name.split("/")[-1] in ("mean", "variance")}
    np.testing.assert_array_equal(after["generator/norm1/variance"], before["generator/norm1/variance"] / 2)
    assert gan.digest() == digest


def test_parameters_are_counted_by_network(build):
    gan = build()
    state = gan.state()
    for name, number in gan.parameters().items():
        assert number == sum(array.size for key, array in state.items() if key.startswith(f"{name}/"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "4dgan"}, "gan.model: there is no '4dgan'; legal are 3dgan"),
        ({"model_args": {"widht": 1.0}}, r"widht: unknown; did you mean width\?; given: 1.0; 3dgan takes width"),
        ({"image_shape": (2, 6, 6)}, "at least 4 along each axis"),
        ({"optimizer": "lion"}, "training.optimizer"),
        ({"precision": "float16"}, "gan.precision: there is no 'float16'; legal are float32, float64, bfloat16"),
    ],
)
def test_what_cannot_be_built_is_refused(build, settings, message):
    with pytest.raises(ConfigError, match=message):
        build(**settings)


def test_a_closed_gan_holds_nothing(build):
    gan = build()
    gan.close()
    assert not vars(gan)
