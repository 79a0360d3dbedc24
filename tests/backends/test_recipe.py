"""The loss terms of the published recipe against their formulas, written out in numpy."""

from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest

from hvdgan.backends.interface import LossWeights

WEIGHTS = LossWeights(generation=3.0, auxiliary=0.2, ecal=0.7, particle=0.4)


@pytest.fixture
def recipe(backend):
    """The framework's module of the recipe."""
    return import_module(f"hvdgan.backends.{backend.name}.recipe")


@pytest.fixture
def tensor(backend):
    """A function that makes a tensor of an array."""
    return backend.eyes.tensor


def test_percentage_error_divides_by_the_truth(recipe, tensor):
    for prediction, truth, error in (([1.5, 1.0], [1.0, 2.0], 50.0), ([1.0], [0.0], 1e9)):
        assert float(recipe.percentage_error(tensor(prediction), tensor(truth))) == pytest.approx(error)


@pytest.mark.parametrize("classes", [1, 3])
def test_the_loss_is_the_weighted_sum_of_its_terms(recipe, tensor, classes):
    generator = np.random.default_rng(0)
    logit, auxiliary, total = generator.normal(size=(3, 9))
    energy, deposited = generator.uniform(0.1, 5, (2, 9))
    label = (generator.random(9) < 0.5).astype(float)
    logits, particle = generator.normal(size=(9, classes)), np.eye(classes)[generator.integers(0, classes, 9)]
    probability = 1 / (1 + np.exp(-logit))
    terms = [
        -np.mean(label * np.log(probability) + (1 - label) * np.log(1 - probability)),
        100 * np.mean(np.abs(energy - auxiliary) / energy),
        100 * np.mean(np.abs(deposited - total) / deposited),
        -np.mean(np.sum(particle * (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))), axis=1)),
    ]
    weights = [3.0, 0.2, 0.7, 0.4]
    if classes == 1:
        del terms[3], weights[3]
    heads = {"generation": logit, "auxiliary": auxiliary, "ecal": total, "particle": logits}
    trainer = SimpleNamespace(judge=lambda images, events: {name: tensor(head) for name, head in heads.items()})
    events = {"images": None, "energy": energy, "particle": particle, "deposited": deposited, "label": label}
    events = {name: array if array is None else tensor(array) for name, array in events.items()}
    computed = recipe.TwoPass(WEIGHTS, classes).judge(trainer, events)
    np.testing.assert_allclose(computed.numpy(), [np.dot(weights, terms), *terms], rtol=1e-12)
