"""Keras on a ring of two, all in one job; the argument is `gloo`, or `mpi` for a part of an MPI world of three.

What every ring must do, what it does to Keras optimizers, GANs on two ranks, and a rank that fails in the middle: over
MPI the ring is opened again and again. A graph takes seconds to build: 3DGAN goes over MPI, the Wasserstein GAN over
gloo. TensorFlow comes after MPI, as in `hvdgan` itself, and not to an idle rank.
"""

import sys

import gan_rings
import pytest
import ring_checks
from ring_broken import run_pair

from hvdgan.backends import load
from hvdgan.errors import RingShutError, UsageError


def make_keras_learner(ring, where):
    """Return a function that does one step of an optimizer, compiled."""
    import keras
    import tensorflow as tf

    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    optimizer = ring.wrap(keras.optimizers.SGD(learning_rate=0.1), network, "generator")

    @tf.function(autograph=False)
    def compiled(events):
        weights = network.trainable_variables
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(network(events))
        optimizer.apply(tape.gradient(loss, weights), weights)

    def learn():
        with ring.guarded():
            compiled(tf.ones((1, 2)))

    return learn


def make(spec, ring):
    """Build a Gan; alone it is not compiled, which saves time and shows that compiled steps are no others."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(ring.size == 1)
    return load("keras").Gan(spec, ring)


def check_a_lost_rank_is_told(ring):
    """Rank 1 leaves for good; over gloo there is no second ring."""
    learn = make_keras_learner(ring, "step")
    learn()
    if ring.rank == 0:
        with pytest.raises(RingShutError, match="another rank of the ring left"):
            learn()


def run(part, launch):
    load("keras")
    import keras_optimizers

    from hvdgan.parallel.horovod_keras import open_ring

    with open_ring(part) as ring:
        if launch == "gloo":
            gan_rings.run(ring, (gan_rings.check_critic,), make)
            check_a_lost_rank_is_told(ring)
        else:
            for check in ring_checks.checks(keras_optimizers):
                check(ring)
                ring.mean({"end": 0.0})
            gan_rings.run(ring, (gan_rings.check_equal, gan_rings.check_replicas), make)
    if launch == "gloo":
        with pytest.raises(UsageError, match="one ring only"), open_ring(part):
            pass
    else:
        for where in ("word", "step"):
            run_pair(part, where, open_ring, make_keras_learner)
    print("ok")


def main():
    with gan_rings.part_of_two(sys.argv[1]) as part:
        if part is not None:
            run(part, sys.argv[1])


if __name__ == "__main__":
    main()
