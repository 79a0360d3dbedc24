"""Keras over real rings: what every ring must do, 3DGAN equal to one process, bit-equal replicas, a lost rank."""

import subprocess
import sys

import pytest

from hvdgan.parallel.ring import SoloRing

pytest.importorskip("tensorflow", reason="TensorFlow is not installed")


@pytest.mark.slow
@pytest.mark.processes
def test_over_gloo(run_gloo):
    done = run_gloo(["keras_rings.py", "gloo"], 2, timeout=115)
    assert done.code == 0, done.err
    assert [done.out.count(word) for word in ("check_equal", "ok")] == [2, 2]


@pytest.mark.slow
@pytest.mark.processes
def test_over_a_part_of_an_mpi_world(run_mpi):
    done = run_mpi(["keras_rings.py", "mpi"], 3, timeout=115)
    assert done.code == 0, done.err
    assert [done.out.count(word) for word in ("check_equal", "check_replicas", "ok")] == [2, 2, 2]


def test_alone_is_a_solo_ring_and_without_horovod_the_error_says_what_to_do():
    code = (
        "import sys; from types import SimpleNamespace; sys.modules['horovod.tensorflow'] = None\n"
        "from hvdgan.errors import MissingDependencyError\n"
        "from hvdgan.parallel.world import open_world\n"
        "from hvdgan.parallel.horovod_keras import open_ring\n"
        "with open_ring(open_world()) as ring:\n"
        "    assert ring.size == 1 and 'horovod' not in sys.modules\n"
        "try:\n"
        "    with open_ring(SimpleNamespace(size=2)): pass\n"
        "except MissingDependencyError as error: print(error)\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    assert "which needs Horovod built for tensorflow: run scripts/setup" in done.stdout


def test_a_solo_ring_lets_every_error_pass():
    with pytest.raises(KeyError), SoloRing().guarded():
        raise KeyError
