"""What every ring of several processes must do; run over `gloo`, or over an `mpi` world and then over its halves.

The rings are torch's here; `keras_rings.py` makes the same checks on Keras' rings.
"""

import sys

import numpy as np
import pytest

from hvdgan.errors import HvdganError, UsageError
from hvdgan.parallel.guard import guarded_world

STATE = {
    "weights": np.arange(6, dtype=np.float32).reshape(2, 3) / 7,
    "wide": np.array([[np.pi, -0.0, np.inf, np.nan]]),
    "counts": np.array([2**40, -1]),
    "flags": np.array([True, False]),
    "empty": np.empty((0, 5)),
    "scalar": np.array(1e-300),
    "half": np.array([0.1], dtype=np.float16),
    "strided": np.arange(12.0).reshape(3, 4).T,
    "text": np.array(["rmsprop"]),
}


def check_broadcast_keeps_types_shapes_and_bits(ring):
    got = ring.broadcast(STATE if ring.rank == 0 else {"other": np.zeros(3)})
    assert list(got) == list(STATE)
    for name, expected in STATE.items():
        assert (got[name].dtype, got[name].shape) == (expected.dtype, expected.shape), name
        assert got[name].tobytes() == expected.tobytes(), name
    got["weights"][0, 0] = 1.0


def check_mean_is_in_double_precision(ring):
    mine = {"loss": 1.0 + ring.rank * 1e-12, "array": np.full((2, 2), ring.rank, dtype=np.float32), "count": ring.rank}
    backwards = dict(reversed(mine.items())) if ring.rank else mine
    got = ring.mean(backwards)
    middle = (ring.size - 1) / 2
    assert abs(got["loss"] - (1.0 + middle * 1e-12)) < 1e-15
    assert got["array"].dtype == np.float32
    assert np.array_equal(got["array"], np.full((2, 2), middle, dtype=np.float32))
    assert got["count"] == middle
    assert list(got) == list(backwards)
    assert ring.mean({}) == {}


def check_mean_keeps_nan(ring):
    assert np.isnan(ring.mean({"loss": float("nan") if ring.rank == 0 else 1.0})["loss"])


def check_gather_takes_uneven_rows_of_any_type(ring):
    for kind in (np.float64, np.float32, np.int16, np.bool_, "U5"):
        rows = np.arange(3 * ring.rank).reshape(ring.rank, 3).astype(kind)
        parts = [np.arange(3 * rank).reshape(rank, 3).astype(kind) for rank in range(ring.size)]
        got = ring.gather(rows)
        assert got.dtype == rows.dtype
        assert np.array_equal(got, np.concatenate(parts))
    assert ring.gather(np.empty((0, 4))).shape == (0, 4)
    assert ring.gather(np.array(ring.rank)).tolist() == list(range(ring.size))


def check_gather_refuses_what_does_not_fit(ring):
    with pytest.raises(HvdganError, match="same type and trailing shape"):
        ring.gather(np.zeros((1, 2 + ring.rank)))


def check_words_are_joined_one_call_later(ring):
    ring.exchange_word(0)
    assert ring.exchange_word(1 << ring.rank) == 0
    assert ring.exchange_word(0) == 2**ring.size - 1
    assert ring.exchange_word(1 << 15 if ring.rank == ring.size - 1 else 0) == 0
    assert ring.exchange_word(0) == 1 << 15


def check_many_words(ring):
    ring.exchange_word(0)
    got = [ring.exchange_word(step % 7 if ring.rank == 0 else 0) for step in range(200)]
    assert got == [0, *(step % 7 for step in range(199))]


def run_in_many_rings(world, size, open_ring, checks):
    for check in checks:
        with open_ring(world) as ring:
            assert ring.size == size
            check(ring)
            ring.mean({"end": 0.0})
    print(f"a ring of {size}")


def run_in_one_ring(world, size, open_ring, checks):
    with open_ring(world) as ring:
        assert ring.size == size
        for check in checks:
            check(ring)
            ring.exchange_word(0)
    with pytest.raises(UsageError, match="one ring only"), open_ring(world):
        pass


def checks(*modules):
    """Return the checks of this program and of others."""
    names = {name: check for module in (globals(), *map(vars, modules)) for name, check in module.items()}
    return [check for name, check in names.items() if name.startswith("check_")]


def main():
    import torch_optimizers

    from hvdgan.parallel.horovod_torch import open_ring

    how = open_ring, checks(torch_optimizers)
    with guarded_world() as world:
        if sys.argv[1] == "gloo":
            run_in_one_ring(world, 2, *how)
        else:
            run_in_many_rings(world, world.size, *how)
            with world.split(world.rank % 2) as part:
                run_in_many_rings(part, part.size, *how)
    print("ok")


if __name__ == "__main__":
    main()
