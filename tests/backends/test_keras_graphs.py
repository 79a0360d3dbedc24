"""Compiled steps of Keras: one trace for all, which does what the uncompiled step does, and gives its memory back."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hvdgan.calo.shower import Conditions

PROGRAMS = Path(__file__).parents[1] / "programs"
pytestmark = pytest.mark.backends("keras")


def test_one_trace_serves_all_steps_and_does_what_the_uncompiled_step_does(backend, build, train):
    import tensorflow as tf

    plain = build(precision="float64")
    train(plain, 0, 3)
    made = plain.generate(Conditions.perpendicular(np.array([50.0, 90.0])), 3)
    tf.config.run_functions_eagerly(False)
    compiled = build(precision="float64")
    before = compiled.state()
    compiled.prepare(4)
    assert compiled.metrics() == {}
    assert all(np.array_equal(array, before[name]) for name, array in compiled.state().items())
    graphs = compiled._step, compiled._train_discriminator, compiled._train_generator
    assert [graph.experimental_get_tracing_count() for graph in graphs] == [1, 1, 1]
    train(compiled, 0, 2)
    compiled.restore(compiled.state())
    train(compiled, 2, 3, rate=1e-3)
    assert [graph.experimental_get_tracing_count() for graph in graphs] == [1, 1, 1]
    expected = plain.state()
    for name, array in compiled.state().items():
        np.testing.assert_allclose(array, expected[name], rtol=1e-9, atol=1e-12, err_msg=name)
    assert compiled.metrics() == pytest.approx(plain.metrics(), rel=1e-10)
    for count in (1, 2):
        again = compiled.generate(Conditions.perpendicular(np.array([50.0, 90.0])[:count]), 3)
        np.testing.assert_allclose(again, made[:count], rtol=1e-5)
    assert compiled._shower.experimental_get_tracing_count() == 1


def test_a_closed_gan_leaves_the_others_alone(build, train):
    closed, other = build(), build()
    train(other, 0, 1)
    closed.close()
    train(other, 1, 2)
    assert np.isfinite(list(other.metrics().values())).all()


@pytest.mark.slow
def test_trials_give_their_memory_back():
    program = [sys.executable, PROGRAMS / "keras_memory.py", "3", "1"]  # by hand 50 and 10, which takes minutes
    done = subprocess.run(program, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
