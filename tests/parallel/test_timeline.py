"""Where --timeline writes: one file per ring; `run/test_verbs.py` reads one."""

import os

import pytest

from hvdgan.errors import UsageError
from hvdgan.parallel.timeline import TIMELINE, kept_apart, place_timeline


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
