"""Rings of several processes: over gloo, over MPI, over parts of an MPI world."""

import json
import subprocess
import sys

import numpy as np
import pytest

from hvdgan.errors import MissingDependencyError, UsageError
from hvdgan.parallel.horovod_start import is_alone, load_horovod, stall_settings
from hvdgan.parallel.horovod_torch import open_ring
from hvdgan.parallel.ring import SoloRing
from hvdgan.parallel.world import SoloWorld


def test_importing_horovod_says_and_initialises_nothing():
    code = (
        "import sys, hvdgan.parallel.horovod_torch as ours, horovod.torch as hvd\n"
        "assert not hvd.is_initialized()\n"
        "assert 'mpi4py' not in sys.modules and 'tensorflow' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_alone_is_a_solo_ring_without_horovod():
    code = (
        "import sys\n"
        "from hvdgan.parallel.world import open_world\n"
        "from hvdgan.parallel.horovod_torch import open_ring\n"
        "with open_ring(open_world()) as ring:\n"
        "    assert ring.size == 1 and 'horovod' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with open_ring(SoloWorld()) as ring:
        assert isinstance(ring, SoloRing)


def test_gloo_counts_its_own_processes():
    gloo = {"HOROVOD_GLOO_RENDEZVOUS_ADDR": "127.0.0.1"}
    assert is_alone(SoloWorld(), {})
    assert is_alone(SoloWorld(), {**gloo, "HOROVOD_SIZE": "1"})
    assert not is_alone(SoloWorld(), {**gloo, "HOROVOD_SIZE": "2"})


def test_solo_ring_gives_back_what_it_gets():
    ring, network = SoloRing(), object()
    assert ring.wrap("optimizer", network, "generator") == "optimizer"
    assert ring.mean({"loss": 1.5}) == {"loss": 1.5}
    assert ring.gather(np.arange(3)).tolist() == [0, 1, 2]
    assert [ring.exchange_word(word) for word in (4, 0, 2)] == [0, 4, 0]


def test_a_missing_framework_names_the_way_out():
    with pytest.raises(MissingDependencyError, match="built for lightning: run scripts/setup"):
        load_horovod("lightning")


@pytest.mark.parametrize(
    ("seconds", "environ", "expected"),
    [
        (300.0, {}, ["60", "300"]),
        (30.2, {}, ["7", "31"]),
        (0.5, {}, ["1", "2"]),
        (30.0, {"HOROVOD_STALL_SHUTDOWN_TIME_SECONDS": "0"}, ["60", "0"]),
        (30.0, {"HOROVOD_STALL_SHUTDOWN_TIME_SECONDS": "80"}, ["20", "80"]),
        (30.0, {"HOROVOD_STALL_CHECK_TIME_SECONDS": "12"}, ["12", "30"]),
    ],
)
def test_stall_times_follow_the_configuration_unless_the_environment_sets_them(seconds, environ, expected):
    assert list(stall_settings(seconds, environ).values()) == expected


def test_stall_times_that_horovod_would_ignore_are_refused():
    with pytest.raises(UsageError, match="must be larger"):
        stall_settings(20, {"HOROVOD_STALL_CHECK_TIME_SECONDS": "60"})
    with pytest.raises(UsageError, match="whole seconds"):
        stall_settings(300, {"HOROVOD_STALL_CHECK_TIME_SECONDS": "a minute"})


@pytest.mark.slow
@pytest.mark.processes
def test_ring_over_gloo(run_gloo):
    done = run_gloo(["ring_checks.py", "gloo"], 2)
    assert done.code == 0, done.err
    assert done.out.count("ok") == 2


@pytest.mark.slow
@pytest.mark.processes
def test_ring_over_an_mpi_world_and_over_its_halves(run_mpi):
    done = run_mpi(["ring_checks.py", "mpi"], 4)
    assert done.code == 0, done.err
    assert [done.out.count(word) for word in ("ring of 4", "ring of 2", "ok")] == [4, 4, 4]


@pytest.mark.slow
@pytest.mark.processes
def test_two_rings_side_by_side_are_opened_again_and_again_each_with_a_timeline(run_mpi, tmp_path):
    done = run_mpi(["ring_cycles.py", "12"], 4, env={"HOROVOD_TIMELINE": str(tmp_path / "timeline.json")})
    assert done.code == 0, done.err
    assert done.out.count("ok") == 4
    written = list(tmp_path.glob("timeline-*.json"))
    assert len(written) == 3 * (2 + 2 + 2 + 1)
    assert all(json.loads(file.read_text()) for file in written)


@pytest.mark.slow
@pytest.mark.processes
def test_a_failing_rank_frees_its_peer_and_both_go_on(run_mpi):
    done = run_mpi(["ring_broken.py", "mean", "broadcast", "gather", "word", "step", "backward"], 2)
    assert done.code == 0, done.err
    assert done.out.count("ok") == 2


@pytest.mark.slow
@pytest.mark.processes
def test_a_failing_rank_frees_its_peer_over_gloo(run_gloo):
    done = run_gloo(["ring_broken.py", "step"], 2)
    assert done.code == 0, done.err
    assert done.out.count("ok") == 2


@pytest.mark.slow
@pytest.mark.processes
def test_a_stalled_rank_frees_its_peer(run_mpi):
    times = {"HOROVOD_STALL_CHECK_TIME_SECONDS": "1", "HOROVOD_STALL_SHUTDOWN_TIME_SECONDS": "2"}
    done = run_mpi(["ring_broken.py", "stall"], 2, env=times)
    assert done.code == 0, done.err
    assert done.out.count("ok") == 2
