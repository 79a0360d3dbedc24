"""Small Gans of every framework, the events and draws to train them with, and eyes to look into them.

A test that takes `backend`, or a fixture that does, runs for torch and for Keras, unless it is marked with
`backends(...)`. Keras' steps are not compiled here, which takes seconds for each Gan: `test_keras_graphs.py` shows that
compiled steps do the same.
"""

import random
from types import SimpleNamespace

import numpy as np
import pytest

from hvdgan.backends import load
from hvdgan.backends.interface import ENERGY_UNIT, Batch, GanSpec, Rates
from hvdgan.parallel.ring import SoloRing
from hvdgan.training.draws import draw

GRID = (6, 5, 7)
RESPONSE = ((-0.02, 2.1),)
ENERGIES = (10.0, 500.0)


def pytest_generate_tests(metafunc):
    if "backend" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("backends")
        metafunc.parametrize("backend", mark.args if mark else ("torch", "keras"), indirect=True)


@pytest.fixture
def backend(request, torch_side):
    """The framework: its public names, its name, and `eyes` that look into its Gans."""
    if request.param == "torch":
        yield torch_side
        return
    tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    tf.config.run_functions_eagerly(True)
    yield side("keras", KerasEyes())
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def torch_side():
    """torch, for a test that takes another framework as its `backend`."""
    return side("torch", TorchEyes())


def side(name, eyes):
    """Return a framework as tests see it."""
    module = load(name)
    return SimpleNamespace(name=name, eyes=eyes, **{public: getattr(module, public) for public in module.__all__})


def single_class(gan, like, tensor, energy=None):
    """Return events of one particle class, of 100 GeV where nothing else is said, with some noise."""
    energy = np.ones(len(like)) if energy is None else energy / ENERGY_UNIT
    arrays = {"noise": like, "energy": energy, "particle": np.ones((len(like), 1))}
    arrays |= {"angle": np.full(len(like), gan.spec.angles[0])} if gan.spec.angles else {}
    return {name: tensor(array.astype(like.dtype)) for name, array in arrays.items()}


class TorchEyes:
    """What tests want to see of torch."""

    def tensor(self, array):
        """Return a tensor of an array."""
        import torch

        return torch.from_numpy(np.array(array))

    def judge(self, gan, images):
        """Return what the discriminator says in training of images (n, x, y, z)."""
        with self.no_grad():
            heads = gan._trainer.judge(self.tensor(images)[:, None], single_class(gan, images, self.tensor))
        return [head.numpy() for head in heads.values()]

    def imagine(self, gan, latent, energy):
        """Return the images (n, x, y, z) the generator makes in training."""
        with self.no_grad():
            return gan._trainer.make(single_class(gan, latent, self.tensor, energy))[:, 0].numpy()

    def total(self, tensor):
        """Return the sum of all but the first axis."""
        return tensor.flatten(1).sum(dim=1)

    def no_grad(self):
        """Return a block without gradients."""
        import torch

        return torch.no_grad()

    def random(self):
        """Return the next numbers of the global generator."""
        import torch

        return torch.rand(3).tolist()


class KerasEyes:
    """What tests want to see of Keras."""

    def tensor(self, array):
        """Return a tensor of an array."""
        import tensorflow as tf

        return tf.constant(array)

    def judge(self, gan, images):
        """Return what the discriminator says in training of images (n, x, y, z)."""
        heads = gan._trainer.judge(self.tensor(images[..., None]), single_class(gan, images, self.tensor))
        return [head.numpy() for head in heads.values()]

    def imagine(self, gan, latent, energy):
        """Return the images (n, x, y, z) the generator makes in training."""
        return gan._trainer.make(single_class(gan, latent, self.tensor, energy))[..., 0].numpy()

    def total(self, tensor):
        """Return the sum of all but the first axis."""
        import tensorflow as tf

        return tf.reduce_sum(tensor, axis=range(1, len(tensor.shape)))

    def random(self):
        """Return the next numbers of the global generators."""
        import keras

        return [random.random(), *np.asarray(keras.random.uniform((2,))).tolist()]


@pytest.fixture
def build(backend):
    """Return a function that builds a small Gan; keywords go to its spec."""
    return lambda *args, **settings: build_gan(backend, *args, **settings)


@pytest.fixture
def build_in():
    """Return a function that builds a small Gan in the framework it is given."""
    return build_gan


def build_gan(side, ring=None, model_args=None, **settings):
    """Build a small Gan of a framework; keywords go to its spec."""
    arguments = {"width": 0.1, "cell_unit": 0.01, **(model_args or {})}
    spec = GanSpec(**{"image_shape": GRID, "latent_size": 8, "response": RESPONSE, **settings}, model_args=arguments)
    return side.Gan(spec, ring or SoloRing())


@pytest.fixture
def pair(backend, torch_side, build_in):
    """Return a function that builds the same Gan in torch and in Keras, without dropout and with the same weights."""

    def build_pair(**settings):
        arguments = {"dropout": 0.0, **settings.pop("model_args", {})}
        torch = build_in(torch_side, **settings, model_args=arguments)
        keras = build_in(backend, **settings, model_args=arguments, seed=7)
        keras.restore(torch.state())
        return torch, keras

    return build_pair


@pytest.fixture
def showers():
    """Return a function that makes easy showers: a bright core, a little noise, the expected sum of cells."""

    def make(count, seed=0, shape=GRID, classes=1, angles=None):
        generator = np.random.default_rng(seed)
        energy = generator.uniform(*ENERGIES, count)
        axes = [np.exp(-0.5 * (np.arange(cells) - (cells - 1) / 2) ** 2) for cells in shape]
        core = np.einsum("i,j,k->ijk", *axes) * generator.uniform(0.8, 1.2, (count, *shape))
        deposited = np.polyval(RESPONSE[0], energy / 100) * energy / 100
        images = core * (deposited / core.sum(axis=(1, 2, 3)))[:, None, None, None]
        angle = None if angles is None else generator.uniform(*angles, count).astype(np.float32)
        return Batch(images.astype(np.float32), energy.astype(np.float32), np.arange(count) % classes, angle)

    return make


@pytest.fixture
def make_draw():
    """Return a function that draws what a Gan needs for a step."""

    def make(gan, count, first=0, flip=0.0, seed=1, step=0):
        sizes = {"passes": gan.passes, "classes": len(gan.spec.particles), "angles": gan.spec.angles}
        return draw(seed, step, first, count, gan.spec.latent_size, **sizes, energies=ENERGIES, label_flip=flip)

    return make


@pytest.fixture
def train(showers, make_draw):
    """Return a function that trains a Gan from one step to another."""

    def train_gan(gan, first, last, batch=4, rate=1e-3):
        for step in range(first, last):
            noise = make_draw(gan, batch, flip=0.1, seed=3, step=step)
            events = showers(batch, step, gan.spec.image_shape, len(gan.spec.particles), gan.spec.angles)
            gan.train_step(events, noise, Rates(rate, rate))

    return train_gan
