"""The Wasserstein GAN: its loss against formulas, its conditions, and torch against Keras."""

from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest

from hvdgan.backends.interface import GanSpec, Rates
from hvdgan.calo.shower import Conditions
from hvdgan.errors import ConfigError
from hvdgan.parallel.ring import SoloRing

GRID = (5, 9, 7)
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


def build_wgan(side, classes=1, template=False, **settings):
    """Build a small one."""
    shape = (classes, 4, *GRID)
    known = np.zeros(shape, dtype=np.float32)
    known[:, 0] = np.random.default_rng(0).random(shape[2:]) * 1e-4
    spec = GanSpec(
        **{"image_shape": GRID, "latent_size": 6, "response": ((2.0,),) * classes, "optimizer": "sgd", **settings},
        model="wgan_gp",
        model_args={"width": 0.25, "critic_steps": 2},
        particles=(11, 22)[:classes],
        template=known if template else None,
    )
    return side.Gan(spec, SoloRing())


def assert_same(one, other, tolerance):
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_allclose(
            other[name], array, rtol=0, atol=tolerance * max(np.abs(array).max(), 1e-3), err_msg=name
        )


@pytest.mark.backends("keras")
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize(("classes", "template"), [(1, False), (2, True)])
def test_one_step_is_the_same_in_both(backend, torch_side, showers, make_draw, precision, classes, template):
    torch, keras = (build_wgan(side, classes, template, precision=precision) for side in (torch_side, backend))
    keras.restore(torch.state())
    before = torch.state()
    for gan in (torch, keras):
        gan.train_step(showers(4, shape=GRID, classes=classes), make_draw(torch, 4), Rates(1e-3, 1e-3))
    assert torch.metrics() == pytest.approx(keras.metrics(), rel=10 * TOLERANCE[precision])
    after = torch.state()
    assert all(not np.array_equal(after[name], before[name]) for name in after if name.endswith("kernel"))
    assert_same(after, keras.state(), TOLERANCE[precision])
    conditions = Conditions.perpendicular(np.array([50.0, 200.0]), 11)
    made = [gan.generate(conditions, 3) for gan in (torch, keras)]
    np.testing.assert_allclose(made[1], made[0], rtol=0, atol=1e-5 * made[0].max())


def test_the_penalty_of_a_linear_critic_is_known(backend):
    recipe, tensor = import_module(f"hvdgan.backends.{backend.name}.wasserstein").Wasserstein, backend.eyes.tensor
    slope = np.random.default_rng(0).normal(size=(1, 2, 3, 2, 1))
    weights = tensor(slope)
    critic = SimpleNamespace(
        measure=lambda images: images * 1.0, score=lambda cells, events: backend.eyes.total(cells * weights)
    )
    images = [tensor(np.random.default_rng(seed).random((3, 2, 3, 2, 1))) for seed in (1, 2)]
    mix = tensor(np.array([0.1, 0.5, 0.9]))
    found = recipe(critic, 1, 10.0, 1.0)._penalise(images[0], {"images": images[1]}, mix)
    assert float(found) == pytest.approx((np.linalg.norm(slope) - 1) ** 2)


def test_the_generator_begins_with_the_template_and_knows_classes(backend):
    gan = build_wgan(backend, classes=2, template=True)
    energy = np.full(40, 100.0)
    electrons, photons = (gan.generate(Conditions.perpendicular(energy, pdg), 1) for pdg in (11, 22))
    template = gan.spec.template[0, 0] * 100
    np.testing.assert_allclose(electrons.mean(axis=0).sum(), template.sum(), rtol=0.2)
    assert not np.allclose(electrons, photons, rtol=1e-3)
    assert np.corrcoef(electrons.mean(axis=0).ravel(), template.ravel())[0, 1] > 0.95


@pytest.mark.backends("torch")
def test_bfloat16_takes_second_derivatives(backend, train):
    gan = build_wgan(backend, precision="bfloat16", optimizer="adam")
    train(gan, 0, 2)
    assert np.isfinite(list(gan.metrics().values())).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"critic_steps": 0}, "critic_steps: 0 is out of range"),
        ({"hit_spread": 3.0}, "hit_spread: 3.0 is out of range"),
    ],
)
def test_arguments_out_of_range_are_refused(backend, arguments, message):
    with pytest.raises(ConfigError, match=message):
        backend.Gan(GanSpec(GRID, model="wgan_gp", model_args=arguments), SoloRing())


@pytest.mark.backends("torch")
def test_training_brings_the_slices_of_showers_nearer(backend, train, showers):
    gan = build_wgan(backend, optimizer="adam", optimizer_args={"beta1": 0.0, "beta2": 0.9})
    wanted = showers(60, shape=GRID)

    def miss():
        made = gan.generate(Conditions.perpendicular(wanted.energy), 0)
        return np.abs(made.sum(axis=(0, 1, 2)) - wanted.images.sum(axis=(0, 1, 2))).sum()

    before = miss()
    train(gan, 0, 60, batch=16, rate=2e-3)
    assert miss() < 0.5 * before


def test_the_energy_score_is_that_of_numbers(backend):
    module, tensor = import_module(f"hvdgan.backends.{backend.name}.wasserstein"), backend.eyes.tensor
    critic = SimpleNamespace(measure=lambda images: images * 0.0)
    recipe = module.Wasserstein(critic, 1, 10.0, 1.0)
    deposits = [np.full((1, 1, 1, 1, 1), energy) for energy in (3.0, 5.0, 4.0)]
    one, other, real = map(tensor, deposits)
    events = {"images": real, "template": tensor(deposits[2]), "energy": tensor(np.ones(1))}
    slices, total = 3 / (4 * (1 + module.FLOOR)), module.LOUD / 4  # of a GeV of difference: one slice along each axis
    assert float(recipe._keep_distance(one, other, events)) == pytest.approx(
        (slices + total) * (1 + 1 - 2) / 2, abs=1e-5
    )
    assert float(recipe._keep_distance(one, one, events)) == pytest.approx((slices + total) * (1 + 1 - 0) / 2, abs=1e-5)


def test_cells_share_what_one_factor_gives_to_all(backend):
    module, tensor = import_module(f"hvdgan.backends.{backend.name}.wasserstein"), backend.eyes.tensor
    random = np.random.default_rng(0)
    known, departure = (
        random.random((2, 3, 1, 2, 3, 4)) if backend.name == "torch" else random.random((2, 3, 2, 3, 4, 1))
    )
    made = module.share(tensor(known), tensor(departure), tensor(np.log([[1.0], [2.0], [0.5]])))
    sums = np.asarray(backend.eyes.total(made)) / known.sum(axis=(1, 2, 3, 4))
    assert sums.tolist() == pytest.approx([1.0, 2.0, 0.5], rel=1e-5)
