"""torch and Keras are the same: the same weights give the same numbers, and a run can change from one to the other.

Tolerances: 1e-5 of the largest number in float32, whose rounding (6e-8) adds up over sums of some hundred products in
another order; 1e-10 in float64 (seen: below 1e-13).
"""

import numpy as np
import pytest

from hvdgan.backends.interface import Rates, is_statistic
from hvdgan.calo.shower import Conditions

PUBLISHED = {"image_shape": (25, 25, 25), "latent_size": 200, "model_args": {"width": 1.0, "cell_unit": 1.0}}
ODD = {"image_shape": (5, 9, 11), "latent_size": 6, "model_args": {"width": 0.2, "cell_unit": 1e-3, "cell_power": 0.5}}
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


def assert_same(one, other, tolerance, names=None):
    """Compare two states, each array by its largest number."""
    assert one.keys() == other.keys()
    for name in names or one:
        largest = max(np.abs(one[name]).max(), 1e-3)
        np.testing.assert_allclose(other[name], one[name], rtol=0, atol=tolerance * largest, err_msg=name)


@pytest.mark.backends("keras")
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("settings", [PUBLISHED, ODD], ids=["published", "odd"])
def test_the_same_weights_give_the_same_images_and_verdicts(backend, torch_side, pair, showers, settings, precision):
    torch, keras = pair(precision=precision, **settings)
    assert torch.digest() == keras.digest()
    assert torch.parameters() == keras.parameters()
    if settings is PUBLISHED:
        assert keras.parameters() == {"generator": 872_948, "discriminator": 73_450}
    tolerance = TOLERANCE[precision]
    noise = np.random.default_rng(0).normal(size=(1, settings["latent_size"])).astype(precision)
    energy = np.array([320.0], dtype=precision)
    images = [eyes.imagine(gan, noise, energy) for eyes, gan in ((torch_side.eyes, torch), (backend.eyes, keras))]
    np.testing.assert_allclose(images[1], images[0], rtol=0, atol=tolerance * images[0].max())
    events = np.concatenate([images[0], showers(1, shape=settings["image_shape"]).images.astype(precision)])
    for one, other in zip(torch_side.eyes.judge(torch, events), backend.eyes.judge(keras, events), strict=True):
        np.testing.assert_allclose(other, one, rtol=0, atol=tolerance * np.abs(one).max())
    conditions = Conditions.perpendicular(np.array([200.0]))
    made = [gan.generate(conditions, 3) for gan in (torch, keras)]  # by the running statistics, which saw one batch
    np.testing.assert_allclose(made[1], made[0], rtol=0, atol=1e-5 * made[0].max())


@pytest.mark.backends("keras")
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_one_step_gives_the_same_losses_weights_and_statistics(pair, showers, make_draw, precision):
    torch, keras = pair(precision=precision, optimizer="sgd", **ODD)
    noise = make_draw(torch, 4, flip=0.3)
    before = torch.state()
    for gan in (torch, keras):
        gan.train_step(showers(4, shape=ODD["image_shape"]), noise, Rates(1e-4, 1e-4))
    losses, others = torch.metrics(), keras.metrics()
    assert losses.keys() == others.keys()
    np.testing.assert_allclose(list(others.values()), list(losses.values()), rtol=TOLERANCE[precision])
    after = torch.state()
    assert all(not np.array_equal(after[name], before[name]) for name in after if name.endswith(("kernel", "gamma")))
    assert any(is_statistic(name) for name in after)
    assert_same(after, keras.state(), TOLERANCE[precision])


@pytest.mark.backends("keras")
@pytest.mark.parametrize("optimizer", ["rmsprop", "adam"])
def test_a_run_goes_on_in_the_other_framework(pair, train, optimizer):
    torch, keras = pair(precision="float64", optimizer=optimizer, **ODD)
    train(torch, 0, 2)
    keras.restore(torch.state())
    assert keras.digest() == torch.digest()
    for gan in (torch, keras):
        train(gan, 2, 4)
    assert_same(torch.state(), keras.state(), 1e-8)  # the roots of slots amplify the rounding of small gradients
    torch.restore(keras.state())
    assert keras.digest() == torch.digest()


@pytest.mark.backends("keras")
def test_initial_weights_have_the_same_distributions(pair, build):
    torch, _ = pair(**PUBLISHED)
    state, other = torch.state(), build(**PUBLISHED).state()
    for name, array in state.items():
        if name.startswith("optimizer") or not name.endswith("/kernel"):
            np.testing.assert_array_equal(other[name], array, err_msg=name)
            continue
        assert not np.array_equal(other[name], array)
        spread = 5 / np.sqrt(2 * array.size)  # relative standard deviation of a standard deviation, five times
        assert other[name].std() == pytest.approx(array.std(), rel=spread), name
        assert np.abs(other[name]).max() == pytest.approx(np.abs(array).max(), rel=max(0.01, 2 * spread)), name
