"""3DGAN with angle: the published networks, torch against Keras, and what they make of theta."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from hvdgan.backends.interface import GanSpec, LossWeights, Rates
from hvdgan.calo.shower import Conditions
from hvdgan.errors import ConfigError
from hvdgan.parallel.ring import SoloRing

ANGLES = (1.0, 2.1)
SMALL = {"image_shape": (6, 9, 10), "latent_size": 6, "model": "3dgan_angle", "angles": ANGLES}
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}
WIDTH = {"width": 0.2, "cell_unit": 1e-3, "aspect": 0.7}


def slant(theta, shape=(7, 41, 20), aspect=1.0):
    """Return one shower, a line of one energy in each layer that enters at an angle."""
    y = (shape[1] - 1) / 2 + (np.arange(shape[2]) - (shape[2] - 1) / 2) / np.tan(theta) / aspect
    low = np.floor(y).astype(int)
    image = np.zeros((1, *shape))
    image[0, shape[0] // 2, low, np.arange(shape[2])] = 1 - (y - low)
    image[0, shape[0] // 2, low + 1, np.arange(shape[2])] += y - low
    return 1e-2 * image


def enter(energy, pdg, theta):
    """Return the conditions of particles of one class."""
    columns = (energy, np.float32), (np.full(len(energy), pdg), np.int32), (theta, np.float32)
    return Conditions(*(np.array(one, kind) for one, kind in columns), np.zeros(len(energy), np.float32))


def test_the_published_networks_have_the_published_parameters(backend):
    gan = backend.Gan(GanSpec((51, 51, 25), 254, model="3dgan_angle", angles=ANGLES), SoloRing())
    assert gan.parameters() == {"generator": 1_365_047, "discriminator": 87_402}


@pytest.mark.parametrize("aspect", [1.0, 0.6])
def test_the_slope_of_a_line_is_its_angle(backend, aspect):
    measure = import_module(f"hvdgan.backends.{backend.name}.angle").measure_angle
    for theta in (1.1, np.pi / 2, 2.0):
        found = measure(backend.eyes.tensor(slant(theta, aspect=aspect)), aspect)
        assert found.numpy() == pytest.approx([theta], abs=1e-2)
    dark = backend.eyes.tensor(np.zeros((2, 5, 4, 3), dtype=np.float32))
    assert measure(dark, 1.0).numpy().tolist() == [0, 0]


@pytest.mark.backends("keras")
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_the_same_weights_do_the_same_in_both(backend, torch_side, pair, showers, make_draw, precision):
    weights = LossWeights(3.0, 0.1, 0.1, 1.0, 25.0)
    settings = {**SMALL, "particles": (11, 22), "response": ((2.0,), (1.0,))}
    torch, keras = pair(precision=precision, optimizer="sgd", model_args=WIDTH, weights=weights, **settings)
    assert torch.parameters() == keras.parameters()
    batch, noise, before = showers(4, 0, (6, 9, 10), 2, ANGLES), make_draw(torch, 4, flip=0.3), torch.state()
    for gan in (torch, keras):
        gan.train_step(batch, noise, Rates(1e-5, 1e-5))
    losses, others = torch.metrics(), keras.metrics()
    assert list(losses)[-1] == "generator_angle"
    np.testing.assert_allclose(list(others.values()), list(losses.values()), rtol=TOLERANCE[precision])
    after = torch.state()
    assert all(not np.array_equal(after[name], before[name]) for name in after if name.endswith("kernel"))
    for name, array in keras.state().items():
        largest = max(np.abs(array).max(), 1e-3)
        np.testing.assert_allclose(after[name], array, rtol=0, atol=TOLERANCE[precision] * largest, err_msg=name)
    conditions = enter([80.0, 300.0], 22, [1.2, 1.9])
    made = [gan.generate(conditions, 3) for gan in (torch, keras)]
    np.testing.assert_allclose(made[1], made[0], rtol=0, atol=1e-5 * made[0].max())


@pytest.mark.backends("torch")
@pytest.mark.parametrize("one_pass", [False, True])
def test_fakes_have_the_conditions_and_the_slope_of_the_real_batch(backend, build, showers, make_draw, one_pass):
    gan = build(**SMALL, model_args={**WIDTH, "one_pass": one_pass})
    seen, batch = [], showers(4, 0, (6, 9, 10), angles=ANGLES)
    measure = import_module("hvdgan.backends.torch.angle").measure_angle
    slope = measure(backend.eyes.tensor(batch.images), WIDTH["aspect"])
    make = gan._trainer.make
    gan._trainer.make = lambda events: seen.append(events) or make(events)
    gan.train_step(batch, make_draw(gan, 4), Rates(1e-3, 1e-3))
    for events in seen:
        np.testing.assert_allclose(events["angle"], batch.angle)
        np.testing.assert_allclose(events["energy"], batch.energy / 100)
        np.testing.assert_allclose(events["deposited"], batch.images.sum(axis=(1, 2, 3)), rtol=1e-6)
        np.testing.assert_allclose(events["slope"], slope, rtol=1e-6)
    assert len({events["noise"].numpy().tobytes() for events in seen}) == gan.passes == 3


@pytest.mark.parametrize("model", ["3dgan_angle", "wgan_gp"])
def test_generated_showers_depend_on_the_angle_asked_for(backend, train, model):
    arguments = {"width": 0.2} if model == "wgan_gp" else WIDTH
    gan = backend.Gan(GanSpec(**{**SMALL, "model": model}, model_args=arguments, response=((2.0,),)), SoloRing())
    train(gan, 0, 1)
    images, again = (gan.generate(enter([100.0], 11, [theta]), 1) for theta in ANGLES)
    assert not np.allclose(images, again, rtol=1e-4)
    assert np.isfinite(list(gan.metrics().values())).all()


def test_a_model_of_ones_own_is_told_of_angles_and_tells_them(backend, train):
    own = {"model": f"angled_{backend.name}:build", "model_path": str(Path(__file__).parent / "models")}
    gan = backend.Gan(GanSpec(**{**SMALL, **own}, response=((2.0,),)), SoloRing())
    train(gan, 0, 1)
    assert 0 < gan.metrics()["discriminator_angle"] < np.pi
    with pytest.raises(ConfigError, match="3dgan_angle learns from"):
        backend.Gan(GanSpec(**{**SMALL, **own, "angles": None}), SoloRing())


def test_data_of_one_angle_is_refused(backend):
    with pytest.raises(ConfigError, match="3dgan_angle learns from particles that enter at different angles"):
        backend.Gan(GanSpec((8, 8, 8), model="3dgan_angle"), SoloRing())
    with pytest.raises(ConfigError, match="aspect: 0 is out of range"):
        backend.Gan(GanSpec((8, 8, 8), model="3dgan_angle", angles=ANGLES, model_args={"aspect": 0}), SoloRing())
    with pytest.raises(ConfigError, match="angles: unknown"):
        backend.Gan(GanSpec((8, 8, 8), model="wgan_gp", model_args={"angles": True}), SoloRing())
