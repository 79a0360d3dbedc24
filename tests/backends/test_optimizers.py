"""The optimizers against their definitions, written out in numpy."""

from importlib import import_module

import numpy as np
import pytest
import torch

from hvdgan.backends.torch.optimizers import OPTIMIZERS, build_optimizer, set_rate
from hvdgan.errors import ConfigError

GRADIENTS = np.random.default_rng(1).normal(size=(5, 3)) * [1.0, 1e-3, 1e-5]


def run_torch(kind):
    weight = torch.nn.Parameter(torch.ones(3, dtype=torch.float64))
    optimizer = kind([weight], lr=0.01)
    for gradient in GRADIENTS:
        weight.grad = torch.from_numpy(gradient.copy())
        optimizer.step()
    return weight.detach().numpy()


def run_keras(kind):
    import keras

    weight = keras.Variable(np.ones(3), dtype="float64")
    keras.config.set_floatx("float64")
    try:
        optimizer = kind(learning_rate=0.01)
    finally:
        keras.config.set_floatx("float32")
    optimizer.build([weight])
    for gradient in GRADIENTS:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [weight])
    return weight.numpy()


@pytest.fixture
def run(backend):
    """A function that runs one of the framework's optimizers, by name."""
    module = import_module(f"hvdgan.backends.{backend.name}.optimizers")
    return lambda name: {"torch": run_torch, "keras": run_keras}[backend.name](module.OPTIMIZERS[name])


def test_rmsprop_keeps_epsilon_inside_the_root(run):
    weight, mean_square = np.ones(3), np.zeros(3)
    for gradient in GRADIENTS:
        mean_square = 0.9 * mean_square + 0.1 * gradient**2
        weight -= 0.01 * gradient / np.sqrt(mean_square + 1e-7)
    np.testing.assert_allclose(run("rmsprop"), weight, rtol=1e-13)


def test_adam_corrects_the_bias_of_both_means(run):
    weight, mean, mean_square = np.ones(3), np.zeros(3), np.zeros(3)
    for step, gradient in enumerate(GRADIENTS, start=1):
        mean = 0.9 * mean + 0.1 * gradient
        mean_square = 0.999 * mean_square + 0.001 * gradient**2
        rate = 0.01 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        weight -= rate * mean / (np.sqrt(mean_square) + 1e-7)
    np.testing.assert_allclose(run("adam"), weight, rtol=1e-13)


@pytest.mark.backends("keras")
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_settings_and_slots_survive_being_built_again_from_the_configuration(backend, name):
    import keras

    from hvdgan.backends.keras import optimizers

    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    first = optimizers.build_optimizer(name, network)
    optimizers.set_rate(first, 0.5)
    second = type(first).from_config(first.get_config())
    second.build(network.trainable_variables)
    assert float(second.learning_rate) == 0.5
    assert getattr(second, "slots", {}).keys() == getattr(first, "slots", {}).keys()
    assert len(second.variables) == len(first.variables)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_settings_and_slots_survive_being_built_again_from_groups(name):
    network = torch.nn.Linear(2, 2)
    first = build_optimizer(name, network)
    set_rate(first, 0.5)
    second = OPTIMIZERS[name](first.param_groups)
    assert second.param_groups[0]["lr"] == 0.5
    assert [sorted(slots) for slots in second.state.values()] == [sorted(slots) for slots in first.state.values()]


def test_a_weight_without_gradient_stays():
    network = torch.nn.Linear(2, 2)
    before = network.weight.detach().clone()
    build_optimizer("adam", network).step()
    assert torch.equal(network.weight, before)


def test_an_unknown_optimizer_is_refused_with_the_legal_names():
    with pytest.raises(ConfigError, match="'lion'; legal are rmsprop, adam, sgd"):
        build_optimizer("lion", torch.nn.Linear(2, 2))
