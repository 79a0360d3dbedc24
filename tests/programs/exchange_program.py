"""Replicas meet the centre: in a fixed order as a serial simulation does, and at random, losing nothing.

    mpirun -np 4 python exchange_program.py

Each process is a ring of one. Every kind of exchange is checked in float64; the other processes wait in turn.
"""

import numpy as np
import pytest

from hvdgan.config import Exchange, Training
from hvdgan.errors import RingBrokenError
from hvdgan.parallel.board import MEET, Board, board_size
from hvdgan.parallel.guard import guarded_world
from hvdgan.parallel.replicas import open_replicas
from hvdgan.parallel.ring import SoloRing
from hvdgan.parallel.rules import Meeting, choose_rule
from hvdgan.parallel.windows import open_window

LENGTH, ROUNDS, EXCHANGES = 1003, 6, 250
TRAINED = ("generator/a/kernel", "discriminator/b/bias")
STATISTIC = "generator/norm/mean"


def make_weights(values):
    """Return named arrays of several shapes with some values."""
    values = np.asarray(values, dtype=np.float64)
    return {TRAINED[0]: values[:1000].reshape(10, 100), TRAINED[1]: values[1000:], STATISTIC: values[:2].copy()}


def join(weights):
    """Return the trained weights in a vector."""
    return np.concatenate([weights[name].ravel() for name in TRAINED])


def drift(replica, turn):
    """Return what a replica learns between two meetings."""
    return np.random.default_rng([replica, turn]).normal(size=LENGTH)


def simulate(settings, replicas):
    """Return all local weights and the centre after the rounds, computed in one process on whole vectors."""
    rule, start = choose_rule(settings, replicas), np.linspace(-1, 1, LENGTH)
    begun = rule.begin(start)
    centre, shared = begun.centre, begun.shared
    local, own = [start.copy() for _ in range(replicas)], [rule.begin(start).own for _ in range(replicas)]
    for turn in range(ROUNDS):
        for replica in range(replicas):
            met = Meeting(local[replica] + drift(replica, turn), centre, own[replica], shared)
            parted = rule.move(met)
            local[replica], centre, own[replica], shared = parted.local, parted.centre, parted.own, parted.shared
    return local, centre


def check_in_order(exchange, world, settings):
    """Meet one after the other, and compare with the simulation; a resumed half equals an uninterrupted one."""
    local = join(start := make_weights(np.linspace(-1, 1, LENGTH)))
    exchange.start(start, TRAINED, 10, 0)
    for turn in range(ROUNDS):
        for replica in range(world.size):
            world.gather(None)
            if replica == world.rank:
                local = join(exchange.swap(make_weights(local + drift(replica, turn))))
        world.gather(None)
        if turn == ROUNDS // 2:
            centre, memory = exchange.centre(), exchange.memory()
            exchange.finish()
            exchange.start(centre, TRAINED, 10, 0)
            exchange.recall(memory)
    expected, centre = simulate(settings, world.size)
    np.testing.assert_allclose(local, expected[world.rank], rtol=0, atol=1e-6)
    np.testing.assert_allclose(join(exchange.centre()), centre, rtol=0, atol=1e-6)
    exchange.finish()


def check_conservation(exchange, world):
    """Meet as it comes: what all hold together stays, and the centre's statistics stay among the replicas'."""
    local = np.random.default_rng(world.rank).normal(size=LENGTH)
    exchange.start(make_weights(np.zeros(LENGTH)), TRAINED, 10, 0)
    before = sum(world.gather(local))
    for _ in range(EXCHANGES):
        local = join(exchange.swap(make_weights(local)))
    after, centre = sum(world.gather(local)), exchange.centre()
    np.testing.assert_allclose(after + join(centre), before, rtol=0, atol=1e-9)
    means = np.array(world.gather(local[:2]))
    assert np.all(centre[STATISTIC] <= means.max(axis=0) + 0.1)
    exchange.finish()


def check_a_lost_holder(world):
    """Let a replica fall silent while it holds a lock: the others take it from it, and it learns that it was lost."""
    with world.split(0) as leaders:
        window = open_window(leaders, board_size(world.size, 1) if world.rank == 0 else 0, np.int64)
        board, lost = Board(window, world.rank, world.size, silence=0.5, tolerant=True), world.size - 1
        if world.rank == lost:
            with board.locked(0):
                leaders.gather(None)
                leaders.gather(None)
            with pytest.raises(RingBrokenError, match=r"replica 3 gave no sign of life for 0\.5 s"):
                board.hear()
        else:
            leaders.gather(None)
            with board.locked(0):
                assert board.lost() == [lost]
            board.arrive(MEET)
            leaders.gather(None)
            assert board.missing() == [lost]
        assert not board.part(), "what needs everybody is not done"


def main():
    kinds = ({"kind": "easgd"}, {"kind": "easgd", "force": 0.5}, {"kind": "downpour"}, {"kind": "gem", "rate": 0.5})
    with guarded_world() as world:
        for values in kinds:
            settings = Training(replicas=world.size, exchange=Exchange(**values))
            with open_replicas(SoloRing(), world.rank, world, settings) as exchange:
                check_in_order(exchange, world, settings.exchange)
                if values["kind"] == "easgd":
                    check_conservation(exchange, world)
        check_a_lost_holder(world)
    print("ok")


if __name__ == "__main__":
    main()
