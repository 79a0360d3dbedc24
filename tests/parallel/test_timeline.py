"""--timeline leaves a trace that viewers open and that names our tensors; one file per ring."""

import json
import os

import pytest
from processes import BIN, mpirun

from hvdgan.errors import UsageError
from hvdgan.parallel.timeline import TIMELINE, kept_apart, place_timeline

pytestmark = pytest.mark.processes


def names(trace):
    """Return the names of the rows of a trace."""
    return {row["args"].get("name", "") for row in trace if row.get("name") == "process_name"}


@pytest.mark.slow
def test_a_ring_of_two_leaves_a_trace_of_both_networks(run_job, small_config, tmp_path):
    config, timeline = tmp_path / "small.yaml", tmp_path / "timeline.json"
    config.write_text(small_config.dump())
    words = ["train", config, "--out", tmp_path / "run", "--timeline", timeline, "--set", "training.epochs=1"]
    done = run_job(mpirun(2, [BIN / "hvdgan", *words]), timeout=90)
    assert done.code == 0, done.err
    trace = json.loads(timeline.read_text())
    assert {"allreduce.generator/conv1.weight", "allreduce.discriminator/conv1.weight"} <= names(trace)
    phases = [row["ph"] for row in trace]
    assert phases.count("B") == phases.count("E") > 100
    assert {row["name"] for row in trace if row["ph"] == "B"} >= {"NEGOTIATE_ALLREDUCE", "MPI_ALLREDUCE"}


def test_rings_of_a_study_write_files_of_their_own(monkeypatch):
    monkeypatch.setenv(TIMELINE, "/data/timeline.json")
    with kept_apart("trial-0007-ring-1"):
        assert os.environ[TIMELINE] == "/data/timeline-trial-0007-ring-1.json"
    assert os.environ[TIMELINE] == "/data/timeline.json"
    monkeypatch.delenv(TIMELINE)
    with kept_apart("trial-0007-ring-1"):
        assert TIMELINE not in os.environ


def test_a_timeline_of_nothing_or_nowhere_is_refused(tmp_path):
    assert place_timeline(None, alone=True) is None
    with pytest.raises(UsageError, match="these rings have one rank"):
        place_timeline(tmp_path / "timeline.json", alone=True)
    with pytest.raises(UsageError, match="in a folder that exists"):
        place_timeline(tmp_path / "missing" / "timeline.json", alone=False)
