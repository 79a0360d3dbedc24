"""Lines of JSON, and what all-reduces and emulated steps are made of."""

import json
import math

import numpy as np
import pytest

from hvdgan.backends.interface import GanSpec
from hvdgan.backends.torch import Gan, Gradients, multiply
from hvdgan.bench import emulation, ring
from hvdgan.bench.records import RingRecord, append, environment
from hvdgan.bench.ring import Place
from hvdgan.errors import HvdganError, UsageError
from hvdgan.parallel.ring import SoloRing

PLACE = Place("mpi", "torch", "1Gb/s", 1e9)


class Pair(SoloRing):
    """Rank 0 of two that never meet."""

    size = 2


def test_a_line_holds_what_readers_ask_for(tmp_path):
    record = RingRecord("mpi", 2, 8, 1e-5, (9e-6, 2e-5), link="1Gb/s", bandwidth=1e9, drag=0.01)
    append(tmp_path / "lines.jsonl", [record, record], environment(2, "1"), repeats=3)
    one, _ = [json.loads(line) for line in (tmp_path / "lines.jsonl").read_text().splitlines()]
    about = one.pop("environment")
    assert one.pop("time").endswith("Z")
    assert one == {
        "kind": "ring", "repeats": 3, "transport": "mpi", "ranks": 2, "bytes": 8, "seconds": 1e-5,
        "spread": [9e-6, 2e-5], "backend": "torch", "link": "1Gb/s", "bandwidth": 1e9, "drag": 0.01,
    }  # fmt: skip
    assert (about["cores"], about["threads"]) == (2, 1)
    assert {"host", "python", "torch", "tensorflow", "horovod", "mpi", "hvdgan"} <= set(about)


def test_gradients_are_those_of_the_published_networks():
    shapes = emulation.shapes_of(Gan(GanSpec(emulation.PUBLISHED), SoloRing()).state())
    sizes = {name: sum(map(math.prod, tensors)) for name, tensors in shapes.items()}
    assert sizes == {"discriminator": 73_402, "generator": 872_808}


def test_an_emulated_step_sleeps_as_long_as_it_should():
    shapes = {"discriminator": [(3, 2)], "generator": [(4,)]}
    record = emulation.measure(Gradients, SoloRing(), shapes, 0.02, 2, PLACE)
    assert record.spread[0] >= 0.02
    assert (record.mode, record.ranks, record.compute, record.link) == ("emulated", 1, 0.02, "1Gb/s")


def test_ranks_that_do_not_get_the_mean_are_told():
    gradients = Gradients([(2, 2)], Pair(), "alone")
    gradients.average()
    assert np.array_equal(gradients.read()[0], np.ones((2, 2), dtype=np.float32))
    with pytest.raises(HvdganError, match=r"an all-reduce gave 1.0 where the mean of all ranks is 1.5"):
        ring.confirm(gradients, Pair(), "an all-reduce")


@pytest.mark.parametrize(
    ("ranks", "sizes", "repeats", "says"),
    [(1, (8,), 1, "launch -np 2 bench ring"), (2, (8, 6), 1, "--bytes 6"), (2, (8,), 0, "--repeats 0")],
)
def test_what_cannot_be_timed(ranks, sizes, repeats, says):
    with pytest.raises(UsageError, match=says):
        ring.check(ranks, sizes, repeats)


def test_a_product_runs_in_every_precision():
    for precision in ("float32", "float64", "bfloat16"):
        multiply(8, precision)()
