"""A world of threads: the contract of the MPI world in one process, for every order of messages without mpirun."""

import copy
import queue
import threading
from contextlib import contextmanager

from hvdgan.errors import HvdganError

NOBODY = 2**31 - 1
"""No process has this id: threads cannot be ended like processes."""

PATIENCE = 30.0
"""Seconds after which a thread that waits for another is a failed test, not a hanging one."""


class Room:
    """What the ranks of one fake world share."""

    def __init__(self, size):
        self.size = size
        self.mailboxes = [queue.Queue() for _ in range(size)]
        self.desk = [None] * size
        self.barrier = threading.Barrier(size, timeout=PATIENCE)
        self.parts = {}


class FakeWorld:
    """One rank's view of a room."""

    communicator = None

    def __init__(self, room, rank, hosts):
        self._room, self.rank, self.size, self.hosts = room, rank, room.size, tuple(hosts)
        self.processes = (NOBODY,) * self.size

    @contextmanager
    def split(self, color, order=0):
        """Make one room per color."""
        asked = self.gather((color, order))
        colors = [color for color, _ in asked]
        if self.rank == 0:
            self._room.parts = {one: Room(colors.count(one)) for one in set(colors)}
        self._room.barrier.wait()
        part = self._room.parts[color]
        self._room.barrier.wait()
        mates = sorted((rank for rank in range(self.size) if colors[rank] == color), key=lambda rank: asked[rank][1])
        hosts = [self.hosts[rank] for rank in mates]
        yield None if color is None else FakeWorld(part, mates.index(self.rank), hosts)

    def send(self, message, to):
        """Put a copy into the other rank's mailbox."""
        self._room.mailboxes[to].put((self.rank, copy.deepcopy(message)))

    def receive(self, timeout=None):
        """Take the oldest message of this rank's mailbox."""
        try:
            return self._room.mailboxes[self.rank].get(timeout=PATIENCE if timeout is None else max(timeout, 1e-9))
        except queue.Empty:
            if timeout is None:
                raise TimeoutError(f"rank {self.rank} waited {PATIENCE} s for a message") from None
            return None

    def agree(self, compute):
        """Compute on rank 0 and share what came out."""
        answer = None
        if self.rank == 0:
            try:
                answer = (compute(), None)
            except HvdganError as error:
                answer = (None, error)
        value, failure = self.gather(answer)[0]
        if failure is not None:
            raise failure
        return value

    def gather(self, value):
        """Lay copies on the desk, meet, and read them all."""
        self._room.desk[self.rank] = copy.deepcopy(value)
        self._room.barrier.wait()
        values = list(self._room.desk)
        self._room.barrier.wait()
        return values

    def abort(self, code):
        """Let nobody wait any longer."""
        self._room.barrier.abort()
        raise SystemExit(code)


def run_ranks(size, program, hosts=None):
    """Run `program(world)` on every rank, each in a thread; return their values or raise the first rank's error.

    Each host has two ranks, where none are given.
    """
    room, results = Room(size), [None] * size
    hosts = hosts or [f"host{rank // 2}" for rank in range(size)]

    def work(rank):
        try:
            results[rank] = (program(FakeWorld(room, rank, hosts)), None)
        except BaseException as error:
            room.barrier.abort()
            results[rank] = (None, error)

    threads = [threading.Thread(target=work, args=(rank,), daemon=True) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * PATIENCE)
    assert all(result is not None for result in results), "a rank never came back"
    errors = [error for _, error in results if error is not None]
    genuine = [error for error in errors if not isinstance(error, threading.BrokenBarrierError)]
    if errors:
        raise (genuine or errors)[0]
    return [value for value, _ in results]
