"""Fixtures for all tests; `run_mpi` and `run_gloo` start real jobs, see `processes`."""

import os
import sys
from functools import cache
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is loaded: tiny networks only lose by more threads
sys.path.insert(0, str(Path(__file__).parent))

import disks
import processes
from hypothesis import settings

settings.register_profile("hvdgan", deadline=None)  # machines are shared: how long an example takes says little
settings.load_profile("hvdgan")

collect_ignore = ["programs"]


class JobsInTurn(LoadScopeScheduling):
    """Gives the tests of one room that start jobs to one worker, and other tests to whoever is free.

    All jobs at a time would be too many ranks for a small machine.
    """

    def _split_scope(self, nodeid):
        path = nodeid.partition("::")[0]
        return f"jobs of {Path(path).parent}" if _starts_jobs(path) else nodeid


@cache
def _starts_jobs(path):
    """Tell whether tests of a file have the mark `processes`."""
    return "mark.processes" in Path(__file__).parents[1].joinpath(path).read_text(encoding="utf-8")


def pytest_xdist_make_scheduler(config, log):
    return JobsInTurn(config, log)


@pytest.fixture
def run_mpi():
    return processes.run_mpi


@pytest.fixture
def run_gloo():
    return processes.run_gloo


@pytest.fixture
def run_job():
    return processes.run_job


@pytest.fixture
def tiny_disk(tmp_path):
    """A folder on a file system of 1 MB; the test is skipped where mounting is not permitted."""
    with disks.mounted(tmp_path / "disk", "1m") as folder:
        if folder is None:
            pytest.skip("mounting a tmpfs is not permitted here")
        yield folder


@pytest.fixture(scope="session")
def small_showers(tmp_path_factory):
    """A folder with three files of electron showers on 5 x 5 x 5 cells: 96, 64 and 40 events."""
    from hvdgan.calo.geometry import Geometry
    from hvdgan.calo.simulate import draw_conditions, simulate
    from hvdgan.data.formats import LcdV1

    folder = tmp_path_factory.mktemp("showers")
    geometry = Geometry.parse().with_grid(5, 5, 5)
    for number, count in enumerate((96, 64, 40)):
        conditions = draw_conditions(count, seed=3, stream=number)
        LcdV1().write(folder / f"showers_{number}.h5", simulate(conditions, geometry, 3, number))
    return folder


@pytest.fixture
def small_config(small_showers):
    """A configuration that trains in a second: tiny networks on tiny showers."""
    from hvdgan.config import parse

    return parse(
        {
            "data": {"files": [str(small_showers / "*.h5")], "validation": 0.2},
            "gan": {"latent_size": 4, "model_args": {"width": 0.05}},
            "training": {"epochs": 2, "batch_size": 16, "metric_every": 3, "shuffle_block": 16},
        }
    )
