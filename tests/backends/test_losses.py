"""The loss terms against their formulas, written out in numpy."""

from importlib import import_module

import numpy as np
import pytest

from hvdgan.backends.interface import LossWeights
from hvdgan.calo.response import PUBLISHED_ELECTRON_RESPONSE
from hvdgan.calo.response import expected_sum as expected_sum_of_arrays

WEIGHTS = LossWeights(generation=3.0, auxiliary=0.2, ecal=0.7)


@pytest.fixture
def losses(backend):
    """The framework's module of losses."""
    return import_module(f"hvdgan.backends.{backend.name}.losses")


@pytest.fixture
def tensor(backend):
    """A function that makes a tensor of an array."""
    return backend.eyes.tensor


def test_expected_sum_is_the_response_polynomial(losses, tensor):
    energy = np.array([10.0, 100.0, 333.0, 500.0])
    computed = losses.expected_sum(PUBLISHED_ELECTRON_RESPONSE, tensor(energy / 100)).numpy()
    np.testing.assert_allclose(computed, expected_sum_of_arrays(PUBLISHED_ELECTRON_RESPONSE, energy), rtol=1e-13)


def test_percentage_error_divides_by_the_truth(losses, tensor):
    for prediction, truth, error in (([1.5, 1.0], [1.0, 2.0], 50.0), ([1.0], [0.0], 1e9)):
        assert float(losses.percentage_error(tensor(prediction), tensor(truth))) == pytest.approx(error)


def test_the_loss_is_the_weighted_sum_of_its_terms(losses, tensor):
    generator = np.random.default_rng(0)
    logit, auxiliary, total = generator.normal(size=(3, 9))
    energy, deposited = generator.uniform(0.1, 5, (2, 9))
    label = (generator.random(9) < 0.5).astype(float)
    probability = 1 / (1 + np.exp(-logit))
    terms = [
        -np.mean(label * np.log(probability) + (1 - label) * np.log(1 - probability)),
        100 * np.mean(np.abs(energy - auxiliary) / energy),
        100 * np.mean(np.abs(deposited - total) / deposited),
    ]
    verdict = tuple(map(tensor, (logit, auxiliary, total)))
    computed = losses.weigh(verdict, *map(tensor, (label, energy, deposited)), WEIGHTS)
    np.testing.assert_allclose(computed.numpy(), [np.dot([3.0, 0.2, 0.7], terms), *terms], rtol=1e-12)
