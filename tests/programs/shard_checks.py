"""Models in shards over real processes; the arguments are a framework and what to check.

A model of some shards trains as a model in one piece does, in float64: outputs, losses, weights and optimizer slots
after three steps, dropout and batch normalisation included; two models of two shards, as one model on all events. Its
state is whole, whoever wrote it and whoever reads it.
"""

import sys
from importlib import import_module
from itertools import groupby

import gan_rings
import keras_rings
import numpy as np
from gan_rings import EXACT, LATENT, STEPS

from hvdgan.backends import load
from hvdgan.backends.interface import GanSpec
from hvdgan.calo.shower import Conditions
from hvdgan.parallel.agreement import gather_texts
from hvdgan.parallel.guard import guarded_world
from hvdgan.parallel.ring import SoloRing
from hvdgan.parallel.shards import model_of
from hvdgan.parallel.topology import Nesting
from hvdgan.run.processes import open_part

FULL = {"precision": "float64", "model_args": {"width": 0.5}, "averaging": 0.5}
CRITICAL = {"precision": "float64", "optimizer": "adam", "model": "wgan_gp", "model_args": {"width": 0.5}}
ANGLED = {"precision": "float64", "model": "3dgan_angle", "model_args": {"width": 0.5}, "angles": (1.0, 2.0)}
ROUGH = {"precision": "bfloat16", "model_args": {"width": 0.5}}
TOGETHER = {**EXACT, "model_args": {**EXACT["model_args"], "width": 0.5}}
ASKED = Conditions.perpendicular(np.array([50.0, 300.0]), np.array([11, 11]))
SHAPE, EVENTS = (6, 5, 7), 4


def learn(gan, first, count, rate):
    """Train, and return everything that can be seen of a Gan by name: losses, weights, slots, showers, sizes."""
    losses = gan_rings.train(gan, first, count, 0.05, rate)
    gan.average_statistics()
    sizes = {f"parameters/{name}": np.array(count) for name, count in gan.parameters().items()}
    return {**losses, **gan.state(), **sizes, "showers": gan.generate(ASKED, 0)}


def train_alone(spec, make, events, rate):
    """Train a model in one piece; return what can be seen of it, and prove that its training changed it."""
    gan = make(spec, SoloRing())
    start = gan.state()
    seen = learn(gan, 0, events, rate)
    assert any(np.abs(seen[name] - array).max(initial=0) > 1e-6 for name, array in start.items()), "nothing was trained"
    return {name: np.asarray(value) for name, value in seen.items()}


def compare(ring, make, settings, rate):
    """Compare a model in shards, or several, with one in one piece on rank 0."""
    spec, models = GanSpec(SHAPE, LATENT, **settings), model_of(ring)
    alone = train_alone(spec, make, models.size * EVENTS, rate) if ring.rank == 0 else {}
    gan = make(spec, ring)
    alone = ring.broadcast(alone)
    found = ring.mean(learn(gan, models.rank * EVENTS, EVENTS, rate))
    assert found.keys() == alone.keys()
    for name, value in alone.items():
        error = np.abs(np.asarray(found[name]) - value).max(initial=0)
        assert error <= (1e-5 if name == "showers" else 1e-10) * np.abs(value).max(initial=0), (name, error)
    digests = ring.gather(np.frombuffer(gan.digest().encode(), dtype=np.uint8).reshape(1, -1))
    count = ring.shards.count
    assert all((digests[rank] == digests[rank % count]).all() for rank in range(ring.size))
    assert len({digest.tobytes() for digest in digests}) == count
    return gan, found


def host_of(rank):
    """Return the host that a launcher with two of them would start a rank on if it went round hosts."""
    return f"host{rank % 2}"


def check_hosts(ring, world):
    """Where the shards of a model find room on a host they are there, however ranks are numbered."""
    row = gather_texts(ring, world.hosts[world.rank])
    for start in range(0, ring.size, ring.shards.count):
        model = row[start : start + ring.shards.count]
        assert len(set(model)) == 1 or ring.shards.count > row.count(model[0]), row


def check_a_model_in_shards_is_the_same(ring, make):
    compare(ring, make, FULL, 1e-3)


def check_a_slope_in_shards_is_the_same(ring, make):
    compare(ring, make, CRITICAL, 1e-3)


def check_an_angled_model_in_shards_is_the_same(ring, make):
    compare(ring, make, ANGLED, 1e-3)


def check_half_the_digits_come_close(ring, make):
    """In bfloat16 a model in shards differs from one in one piece by rounding, which larger steps would amplify."""
    spec = GanSpec(SHAPE, LATENT, **ROUGH)
    alone = gan_rings.train(make(spec, SoloRing()), 0, EVENTS, 0.05, 1e-4)
    found = gan_rings.train(make(spec, ring), 0, EVENTS, 0.05, 1e-4)
    for name, value in alone.items():
        np.testing.assert_allclose(found[name], value, rtol=0.02, err_msg=name)


def check_two_models_are_one(ring, make):
    compare(ring, make, TOGETHER, gan_rings.GENTLE)


def check_states_are_whole(ring, make):
    """A state goes through one piece and back, and the training after it does not notice."""
    spec = GanSpec(SHAPE, LATENT, **FULL)
    gan = make(spec, ring)
    gan_rings.train(gan, 0, EVENTS, 0.05, 1e-3, steps=1)
    alone, again = make(spec, SoloRing()), make(spec, ring)
    alone.restore(gan.state())
    again.restore(alone.state())
    gan_rings.train(gan, 0, EVENTS, 0.05, 1e-3, steps=1)
    gan_rings.train(again, 0, EVENTS, 0.05, 1e-3, steps=1)
    assert gan.digest() == again.digest()
    held = sum(array.size for array in map(np.asarray, alone.state().values()))
    own = sum(int(np.prod(tensor.shape)) for tensor in gan._tensors().values())
    assert own < 0.62 * held, f"a shard holds {own} of {held} numbers"


JOBS = {
    "halves": (2, [check_a_model_in_shards_is_the_same]),
    "angle": (2, [check_an_angled_model_in_shards_is_the_same]),
    "slope": (2, [check_a_slope_in_shards_is_the_same]),
    "rough": (2, [check_half_the_digits_come_close]),
    "quarters": (4, [check_a_model_in_shards_is_the_same, check_states_are_whole]),
    "pairs": (2, [check_two_models_are_one]),
}


def main():
    framework, *jobs = sys.argv[1:]
    gan_rings.SHAPE, gan_rings.EVENTS = SHAPE, EVENTS
    with guarded_world() as world:
        world.hosts = tuple(host_of(rank) for rank in range(world.size))
        make = keras_rings.make if framework == "keras" else load(framework).Gan
        import_module(f"hvdgan.backends.{framework}.collectives").ROOM = 2**15  # feeds some layers in slices, some not
        module = import_module(f"hvdgan.parallel.horovod_{framework}")
        for shards, group in groupby(jobs, key=lambda job: JOBS[job][0]):
            with (
                open_part(world, Nesting(shards=shards)) as (part, _),
                module.open_ring(part, 60.0, shards=shards) as ring,
            ):
                assert (ring.shards.count, ring.shards.index) == (shards, ring.rank % shards)
                check_hosts(ring, world)
                for job, check in [(one, check) for one in group for check in JOBS[one][1]]:
                    check(ring, make)
                    print(f"{check.__name__} {job} on {ring.rank} in {STEPS} steps")
                    ring.mean({"end": 0.0})


if __name__ == "__main__":
    main()
