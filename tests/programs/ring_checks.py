"""What every ring of several processes must do; run over gloo, over MPI, and over halves of an MPI world (`split`)."""

import sys

import numpy as np
import pytest
import torch

from hvdgan.errors import HvdganError, UsageError
from hvdgan.parallel.guard import guarded_world
from hvdgan.parallel.horovod_torch import open_ring

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


def check_the_optimizer_averages_gradients(ring):
    network, optimizer = wrapped(ring, "generator")
    before = network.weight.detach().clone()
    for step in range(3):
        optimizer.zero_grad()
        (network(torch.full((1, 2), float(ring.rank + 1), dtype=torch.float64)) * (step + 1)).sum().backward()
        optimizer.step()
    mean = (ring.size + 1) / 2
    expected = before - 0.5 * mean * (1 + 2 + 3)
    assert torch.allclose(network.weight, expected, rtol=0, atol=1e-15)
    assert optimizer.param_groups[0]["lr"] == 0.5
    assert optimizer.state_dict()["param_groups"][0]["lr"] == 0.5


def check_weights_in_any_layout_and_without_a_gradient(ring):
    torch.manual_seed(0)
    network = torch.nn.ModuleDict({"used": torch.nn.Conv3d(2, 3, 2), "unused": torch.nn.Linear(1, 1)})
    network.to(memory_format=torch.channels_last_3d)
    optimizer = ring.wrap(torch.optim.SGD(network.parameters(), lr=0.5), network, "generator")
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    for _ in range(2):
        optimizer.zero_grad()
        network["used"](torch.full((1, 2, 2, 2, 2), float(ring.rank + 1))).sum().backward()
        optimizer.step()
    for name, weight in network.named_parameters():
        slope = {"used.weight": (ring.size + 1) / 2, "used.bias": 1.0}.get(name, 0.0)
        assert torch.allclose(weight, before[name] - 2 * 0.5 * slope), name


def check_an_unfrozen_network_is_caught(ring):
    generator, step_generator = wrapped(ring, "generator")
    discriminator, step_discriminator = wrapped(ring, "discriminator")
    noise = torch.ones((1, 2), dtype=torch.float64)
    discriminator(noise).sum().backward()
    step_discriminator.step()
    discriminator(generator(noise)).sum().backward()
    with pytest.raises(HvdganError, match="freeze the discriminator around this step"):
        step_generator.step()
    step_discriminator.synchronize()
    step_generator.synchronize()


def check_a_frozen_network_is_not_wrapped(ring):
    network = torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.5)
    network.bias.requires_grad_(False)
    with pytest.raises(HvdganError, match="bias is frozen"):
        ring.wrap(optimizer, network, "generator")


def wrapped(ring, name):
    torch.manual_seed(0)
    network = torch.nn.Linear(2, 2, bias=False, dtype=torch.float64)
    return network, ring.wrap(torch.optim.SGD(network.parameters(), lr=0.5), network, name)


def run_in_many_rings(world, size):
    for check in checks():
        with open_ring(world) as ring:
            assert ring.size == size
            check(ring)
            ring.mean({"end": 0.0})


def run_in_one_ring(world, size):
    with open_ring(world) as ring:
        assert ring.size == size
        for check in checks():
            check(ring)
            ring.exchange_word(0)
    with pytest.raises(UsageError, match="one ring only"), open_ring(world):
        pass


def checks():
    return [check for name, check in globals().items() if name.startswith("check_")]


def main():
    mode, size = sys.argv[1], int(sys.argv[2])
    with guarded_world() as world:
        if mode == "split":
            with world.split(world.rank % 2) as part:
                run_in_many_rings(part, size)
        elif mode == "gloo":
            run_in_one_ring(world, size)
        else:
            run_in_many_rings(world, size)
    print("ok")


if __name__ == "__main__":
    main()
