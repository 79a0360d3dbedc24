"""Compiled steps of Keras: one trace for all, which does what the uncompiled step does, and gives its memory back."""

import gc
import weakref

import numpy as np
import pytest

from hvdgan.calo.shower import Conditions

pytestmark = pytest.mark.backends("keras")


@pytest.mark.slow
def test_one_trace_serves_all_steps_and_does_what_the_uncompiled_step_does(backend, build, train):
    import tensorflow as tf

    plain = build(precision="float64")
    train(plain, 0, 2)
    made = plain.generate(Conditions.perpendicular(np.array([50.0, 90.0])), 3)
    tf.config.run_functions_eagerly(False)
    others = find_graphs()
    compiled = build(precision="float64")
    before = compiled.state()
    compiled.prepare(4)
    assert compiled.metrics() == {}
    assert all(np.array_equal(array, before[name]) for name, array in compiled.state().items())
    assert count_traces(compiled) == [1, 1, 1]
    train(compiled, 0, 1)
    compiled.restore(compiled.state())
    train(compiled, 1, 2)
    assert count_traces(compiled) == [1, 1, 1]
    expected = plain.state()
    for name, array in compiled.state().items():
        np.testing.assert_allclose(array, expected[name], rtol=1e-9, atol=1e-12, err_msg=name)
    assert compiled.metrics() == pytest.approx(plain.metrics(), rel=1e-10)
    for count in (1, 2):
        again = compiled.generate(Conditions.perpendicular(np.array([50.0, 90.0])[:count]), 3)
        np.testing.assert_allclose(again, made[:count], rtol=1e-5)
    assert compiled._shower.experimental_get_tracing_count() == 1
    assert_nothing_is_kept(compiled, others)


def count_traces(gan):
    graphs = gan._step, *gan._trainer._graphs.values()
    return [graph.experimental_get_tracing_count() for graph in graphs]


def find_graphs():
    return {id(thing): weakref.ref(thing) for thing in gc.get_objects() if type(thing).__name__ == "FuncGraph"}


def assert_nothing_is_kept(gan, others):
    """Close a Gan and see all its graphs go: they are what a process with many trials could drown in."""
    graphs = [graph for number, graph in find_graphs().items() if number not in others]
    assert len(graphs) >= 4
    gan.close()
    gc.collect()
    assert [graph for graph in graphs if graph() is not None] == []


def test_a_closed_gan_leaves_the_others_alone(build, train):
    closed, other = build(), build()
    train(other, 0, 1)
    closed.close()
    train(other, 1, 2)
    assert np.isfinite(list(other.metrics().values())).all()
