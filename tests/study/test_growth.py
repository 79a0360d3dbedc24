"""Hundreds of trials of a millisecond: neither the coordinator nor a group holds more and more."""

import json
import os
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.processes]

ROOT = Path(__file__).parents[2]
TRIALS, EARLY = 600, 200
"""Of the study; and those after which everything is loaded and every cache has its size."""
CASE = {"name": "growth", "groups": 2, "seconds": 0.001, "sampler": "random", "trials": TRIALS, "parameters": 1}


def grown(looks):
    """Return how much memory (MB), open files and threads have come since the early trials, at most."""
    early = next(one for one in looks if one["trials"] >= EARLY)
    return {key: max(one[key] for one in looks[EARLY // 100 :]) - early[key] for key in ("memory", "files", "threads")}


def test_hundreds_of_trials_leave_nothing_behind(run_mpi, tmp_path):
    path = os.pathsep.join([str(ROOT / "scripts" / "benchmarks"), str(ROOT), os.environ.get("PYTHONPATH", "")])
    words = [sys.executable, "-m", "efficiency.rank", tmp_path, json.dumps(CASE)]
    job = run_mpi(words, np=3, env={"PYTHONPATH": path})
    assert job.code == 0, job.err
    coordinator, *groups = [json.loads((tmp_path / f"rank-{rank}.json").read_text()) for rank in range(3)]
    assert sum(len(group["trials"]) for group in groups) == len(coordinator["sources"]) == TRIALS
    growth = grown(coordinator["resources"])
    assert growth["memory"] < 8, "more than what is known of 400 trials"
    assert (growth["files"], growth["threads"]) == (0, 0)
    for group in groups:
        growth = grown(group["resources"])
        assert growth["memory"] < 1
        assert growth["files"] == 0
        assert growth["threads"] <= 1, "a watchdog that is just ending may be counted"
