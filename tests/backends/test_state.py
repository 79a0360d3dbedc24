"""States: canonical names, exact round trips, and errors that say what does not fit."""

import numpy as np
import pytest

from hvdgan.backends.interface import is_trained
from hvdgan.errors import DataError


def same(first, second):
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


def test_names_and_axes_are_canonical(build):
    gan = build(image_shape=(12, 12, 12), model_args={"width": 0.5})
    shapes = {name: array.shape for name, array in gan.state().items()}
    assert shapes["generator/seed/kernel"] == (4 * 4 * 4 * 6, 8)
    assert shapes["generator/conv1/kernel"] == (32, 4, 6, 6, 8)
    assert shapes["generator/norm1/variance"] == (32,)
    assert shapes["discriminator/conv1/kernel"] == (16, 1, 5, 5, 5)
    assert shapes["discriminator/generation/bias"] == (1,)
    assert shapes["optimizer/generator/mean_square/conv1/kernel"] == (32, 4, 6, 6, 8)
    assert shapes["optimizer/discriminator/mean_square/norm4/gamma"] == (4,)
    assert shapes["response"] == (1, 2)
    assert "generator/conv4/bias" not in shapes


@pytest.mark.parametrize("optimizer", ["rmsprop", "adam", "sgd"])
@pytest.mark.parametrize("channels_last", [False, True])
def test_restored_and_continued_equals_uninterrupted_bit_for_bit(backend, build, train, optimizer, channels_last):
    if backend.name == "keras" and (optimizer, channels_last) != ("adam", True):
        pytest.skip("Keras has one layout; test_parity.py has the other optimizers")
    settings = {"optimizer": optimizer, "channels_last": channels_last}
    whole, first = build(**settings), build(**settings)
    train(whole, 0, 2)
    train(first, 0, 1)
    state = first.state()
    second = build(**settings, seed=99, response=((1.0,),))
    second.restore(state)
    assert same(second.state(), state)
    assert second.digest() == first.digest()
    train(second, 1, 2)
    assert same(second.state(), whole.state())


def test_a_state_is_a_copy(build, train):
    gan = build()
    state = gan.state()
    kept = {name: array.copy() for name, array in state.items()}
    train(gan, 0, 1)
    assert same(state, kept)
    gan.restore(state)
    state["generator/seed/kernel"][:] = 7.0
    assert same(gan.state(), kept)


def test_some_weights_are_taken_over_and_nothing_else(build, train):
    gan, other = build(averaging=0.5), build(averaging=0.5, seed=1)
    train(gan, 0, 1)
    weights, before = gan.weights(), other.state()
    assert same(weights, {name: gan.state()[name] for name in weights})
    trained = {name: array for name, array in weights.items() if is_trained(name)}
    other.take(trained)
    assert same(other.state(), {**before, **trained})
    names = {name.split("/")[0] for name in weights.keys() - trained.keys()}
    assert names == {"generator", "discriminator", "average"}


def test_any_trained_weight_changes_the_digest(build):
    gan = build()
    digest, state = gan.digest(), gan.state()
    for name in ("generator/conv4/kernel", "discriminator/norm2/beta", "optimizer/generator/mean_square/conv1/bias"):
        changed = dict(state)
        changed[name] = state[name] + 1
        gan.restore(changed)
        assert gan.digest() != digest


def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(build):
    gan = build()
    state = gan.state()
    kernel = "generator/conv1/kernel"
    cases = [
        ({name: array for name, array in state.items() if name != kernel}, f"missing {kernel}; unknown nothing"),
        ({**state, "generator/conv9/kernel": np.zeros(3)}, "missing nothing; unknown generator/conv9/kernel"),
        ({**state, kernel: state[kernel][:-1]}, f"{kernel} has shape .* these networks need"),
        ({**state, kernel: state[kernel].astype(np.float64)}, f"{kernel} holds float64; these networks need float32"),
        ({**state, "response": np.zeros((2, 2))}, r"response has shape \(2, 2\)"),
        ({name: array for name, array in state.items() if name != "response"}, r"response has shape \(0,\)"),
        (build(model_args={"width": 0.3}).state(), "has shape"),
        (build(optimizer="adam").state(), "unknown optimizer/discriminator/mean/.* and [0-9]+ more"),
    ]
    for wrong, message in cases:
        with pytest.raises(DataError, match=message):
            gan.restore(wrong)
        assert same(gan.state(), state)


def test_a_template_is_kept_and_must_fit(build):
    template = np.random.default_rng(0).random((1, 4, 6, 5, 7), dtype=np.float32)
    gan, other, without = build(template=template), build(template=np.zeros_like(template)), build()
    other.restore(gan.state())
    np.testing.assert_array_equal(other.state()["template"], template)
    with pytest.raises(DataError, match=r"template has shape \(1, 4, 6, 5, 7\); these networks need None"):
        without.restore(gan.state())


def test_a_restored_response_is_the_one_that_is_trained_with(build, train):
    gan, other = build(), build(response=((5.0,),))
    other.restore(gan.state())
    for one in (gan, other):
        train(one, 0, 1)
    assert gan.metrics() == other.metrics()
