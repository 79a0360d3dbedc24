"""Keras over real rings: what every ring must do, 3DGAN equal to one process, bit-equal replicas, a lost rank."""

from importlib.util import find_spec

import pytest

from hvdgan.parallel.ring import SoloRing
from hvdgan.parallel.world import SoloWorld

pytestmark = pytest.mark.skipif(find_spec("tensorflow") is None, reason="TensorFlow is not installed")


@pytest.mark.slow
@pytest.mark.processes
def test_over_gloo(run_gloo):
    done = run_gloo(["keras_rings.py", "gloo"], 2)
    assert done.code == 0, done.err
    assert [done.out.count(word) for word in ("check_critic", "ok")] == [2, 2]


@pytest.mark.slow
@pytest.mark.processes
def test_over_a_part_of_an_mpi_world(run_mpi):
    done = run_mpi(["keras_rings.py", "mpi"], 3)
    assert done.code == 0, done.err
    assert [done.out.count(word) for word in ("check_equal", "check_replicas", "ok")] == [2, 2, 2]


def test_alone_is_a_solo_ring():
    from hvdgan.parallel.horovod_keras import open_ring

    with open_ring(SoloWorld()) as ring:
        assert isinstance(ring, SoloRing)


def test_a_solo_ring_lets_every_error_pass():
    with pytest.raises(KeyError), SoloRing().guarded():
        raise KeyError
