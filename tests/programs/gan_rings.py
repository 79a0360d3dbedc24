"""GANs on a ring of two torch processes; the argument is `gloo`, or `mpi` for a part of an MPI world of three.

2 x 16 events train as 1 x 32 do, in float64 with plain SGD, 3DGAN as well as the Wasserstein GAN; the ranks' weights
are the same to the last bit after the full recipe; a discriminator that is trained by accident is caught; metrics at
the end are those of one process. `keras_rings.py` checks the first two in Keras.
"""

import sys
from contextlib import contextmanager, nullcontext

import numpy as np
import pytest
from appraisal_checks import check_appraisal

from hvdgan.backends.interface import Batch, GanSpec, Rates, UnfrozenError, is_statistic
from hvdgan.parallel.guard import guarded_world
from hvdgan.parallel.ring import SoloRing
from hvdgan.training.draws import draw

SHAPE, LATENT, EVENTS, STEPS = (8, 8, 6), 12, 16, 3
GENTLE = 1e-5
"""Learning rate at which plain SGD does not diverge here."""

EXACT = {"precision": "float64", "optimizer": "sgd", "model_args": {"width": 0.25, "batch_norm": False, "dropout": 0.0}}
ONCE = {**EXACT, "model_args": {**EXACT["model_args"], "one_pass": True}}
CRITICAL = {"precision": "float64", "optimizer": "sgd", "model": "wgan_gp", "model_args": {"width": 0.25}}
FULL = {"optimizer": "rmsprop", "model_args": {"width": 0.25}}


def make_batch(step, first, count, angles=None):
    """Return some events of the step's global batch: sparse images whose sum grows with the energy."""
    random = np.random.default_rng(step)
    energy = random.uniform(10, 500, 4 * EVENTS).astype(np.float32)
    cells = random.gamma(0.2, 1.0, (4 * EVENTS, *SHAPE)) * (random.random((4 * EVENTS, *SHAPE)) < 0.3)
    images = (cells * energy[:, None, None, None] / 1e4).astype(np.float32)
    own = slice(first, first + count)
    angle = None if angles is None else random.uniform(*angles, 4 * EVENTS).astype(np.float32)[own]
    return Batch(images[own], energy[own], np.zeros(count, dtype=np.int64), angle)


def train(gan, first, count, flips, rate, steps=STEPS):
    """Do some steps on a share of the global batches; return the mean losses."""
    for step in range(steps):
        sizes = {"latent_size": LATENT, "passes": gan.passes, "classes": 1}
        noise = draw(5, step, first, count, **sizes, energies=(10.0, 500.0), label_flip=flips, angles=gan.spec.angles)
        gan.train_step(make_batch(step, first, count, gan.spec.angles), noise, Rates(rate, rate))
    return gan.metrics()


def check_equal(ring, make):
    compare_with_serial(ring, make, GanSpec(SHAPE, LATENT, **EXACT))


def check_critic(ring, make):
    compare_with_serial(ring, make, GanSpec(SHAPE, LATENT, **CRITICAL))


def check_one_pass(ring, make):
    compare_with_serial(ring, make, GanSpec(SHAPE, LATENT, **ONCE))


def compare_with_serial(ring, make, spec):
    start, expected = make(spec, SoloRing()).state(), {}
    if ring.rank == 0:  # the ranks' histories differ from here on, which must not matter
        alone = make(spec, SoloRing())
        expected = train(alone, 0, ring.size * EVENTS, 0.05, GENTLE) | alone.state()
    together = make(spec, ring)
    expected = ring.broadcast(expected)
    losses = ring.mean(train(together, ring.rank * EVENTS, EVENTS, 0.05, GENTLE))
    worst, moved = 0.0, 0.0
    for name, array in together.state().items():
        assert np.isfinite(array).all(), name
        worst = max(worst, np.abs(array - expected[name]).max())
        moved = max(moved, np.abs(array - start[name]).max())
    assert worst < 1e-12, f"2 x {EVENTS} differs from 1 x {2 * EVENTS} by {worst}"
    assert moved > 1e-6, "nothing was trained"
    for name, loss in losses.items():
        assert abs(loss - expected[name]) <= 1e-12 * abs(loss), name
    print(f"largest difference {worst:.1e}, largest move {moved:.1e}")


def check_replicas(ring, make):
    gan = make(GanSpec(SHAPE, LATENT, **FULL), ring)
    train(gan, ring.rank * EVENTS, EVENTS, 0.05, 1e-3, steps=6)
    apart = gan.state()
    gan.average_statistics()
    for name, array in gan.state().items():
        assert np.isfinite(array).all(), name
        replicas = ring.gather(array.reshape(1, -1))
        assert all(one.tobytes() == replicas[0].tobytes() for one in replicas), name
    statistics = [name for name in apart if is_statistic(name)]
    assert any(len(np.unique(ring.gather(apart[name].reshape(1, -1)), axis=0)) > 1 for name in statistics)


def check_unfrozen(ring, make):
    gan = make(GanSpec(SHAPE, LATENT, **EXACT), ring)
    gan._trainer._frozen = lambda name: nullcontext()
    with pytest.raises(UnfrozenError, match="the generator is not frozen"):
        train(gan, ring.rank * EVENTS, EVENTS, 0.0, GENTLE)


@contextmanager
def part_of_two(launch):
    with guarded_world() as world, world.split(None if launch == "mpi" and world.rank == 0 else 0) as part:
        yield part


def run(ring, checks, make):
    assert ring.size == 2
    for check in checks:
        check(ring, make)
        print(f"{check.__name__} on {ring.rank}")
        ring.mean({"end": 0.0})


def main():
    from hvdgan.backends.torch import Gan
    from hvdgan.parallel.horovod_torch import open_ring

    with part_of_two(sys.argv[1]) as part:
        if part is not None:
            with open_ring(part) as ring:
                checks = check_equal, check_critic, check_replicas, check_unfrozen
                run(ring, (*checks, check_one_pass, check_appraisal) if sys.argv[1] == "gloo" else checks, Gan)


if __name__ == "__main__":
    main()
