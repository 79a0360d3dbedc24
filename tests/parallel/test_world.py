"""Worlds: solo in this process, MPI in real jobs."""

import subprocess
import sys

import pytest

from hvdgan.errors import UsageError
from hvdgan.parallel.guard import guard
from hvdgan.parallel.waiting import wait_until
from hvdgan.parallel.world import SoloWorld, open_world


def test_nobody_launched_is_a_world_of_one_without_mpi():
    code = (
        "import sys; from hvdgan.parallel.world import open_world; world = open_world({}); "
        "print(world.size, 'mpi4py' in sys.modules, 'horovod' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "False", "False"]


def test_gloo_gives_a_world_of_one_per_process():
    assert open_world({"HOROVOD_GLOO_RENDEZVOUS_ADDR": "127.0.0.1", "HOROVOD_RANK": "1"}).size == 1


def test_solo_world_talks_to_itself():
    world = SoloWorld()
    assert world.receive() is None
    world.send("first", 0)
    world.send("second", 0)
    assert [world.receive(), world.receive(0)] == [(0, "first"), (0, "second")]
    assert world.gather(7) == [7]
    assert world.agree(lambda: 3) == 3
    with world.split(0) as part, world.split(None) as nothing:
        assert (part.size, nothing) == (1, None)


def test_solo_guard_tells_an_error_without_a_traceback(capsys):
    with pytest.raises(SystemExit) as left, guard(SoloWorld(), {}):
        raise UsageError("wrong")
    assert left.value.code == 2
    assert capsys.readouterr().err == "hvdgan: wrong\n"


def test_an_agreed_error_is_told_by_the_first_process_only(capsys):
    def refuse():
        raise UsageError("wrong")

    world = SoloWorld()
    for rank in "01":
        with pytest.raises(SystemExit), guard(world, {"HOROVOD_RANK": rank}):
            world.agree(refuse)
    assert capsys.readouterr().err == "hvdgan: wrong\n"


def test_solo_guard_lets_the_unexpected_pass():
    with pytest.raises(KeyError), guard(SoloWorld(), {}):
        {}["missing"]


def test_waiting_ends_when_ready_or_late():
    answers = iter([False, False, True])
    assert wait_until(lambda: next(answers))
    assert not wait_until(lambda: False, 0.01)
    assert wait_until(lambda: True, 0)


@pytest.mark.slow
@pytest.mark.processes
def test_mpi_world_keeps_the_contract(run_mpi):
    done = run_mpi("world_checks.py", 4)
    assert done.code == 0, done.err
    assert done.said("ok ") == 4


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.parametrize(
    ("kind", "code", "message"),
    [
        ("unexpected", 1, "ValueError: one rank stumbled"),
        ("alone", 2, "a.h5 is missing here"),
        ("agreed", 2, "hvdgan: 5 ranks are too many"),
    ],
)
def test_a_failing_rank_ends_the_job_with_one_message(run_mpi, kind, code, message):
    done = run_mpi(["world_failures.py", kind], 3, timeout=30)
    assert done.code == code, done.err
    assert done.said(message) == 1
    assert done.said("hvdgan: ") == 1
    assert kind == "agreed" or done.said("hvdgan: rank 1 on ") == 1


@pytest.mark.slow
@pytest.mark.processes
def test_mpirun_of_one_is_a_world_of_one(run_mpi):
    words = [sys.executable, "-c", "from hvdgan.parallel.world import open_world; print(type(open_world()).__name__)"]
    done = run_mpi(words, 1)
    assert (done.code, done.out.strip()) == (0, "SoloWorld")
