"""A full disk under real processes: told once, with the file; everybody leaves; nothing is lost; resume goes on."""

import pytest

from hvdgan.config import parse
from hvdgan.files import read_json_lines
from hvdgan.study import history
from hvdgan.study.store.storage import load_study
from hvdgan.training.checkpoint import load_checkpoint

pytestmark = [pytest.mark.slow, pytest.mark.processes]


def rows_of(directory, url):
    study = {"storage": None if url == "default" else url}
    return history.rows(load_study(parse({"data": {"files": ["none.h5"]}, "study": study}), directory))


@pytest.mark.parametrize(("url", "name"), [("default", "study.db"), ("journal://study.journal", "study.journal")])
def test_at_the_coordinator_it_ends_the_job_and_resume_finishes(run_mpi, tmp_path, url, name):
    job = run_mpi(["full_disk.py", tmp_path, url, "coordinator", "300"], np=3)
    assert job.code == 1
    assert job.said("no room to write ") == 1
    assert job.said(f"{tmp_path / name}: no file may exceed ") == 1
    assert job.said("lift the limit, then go on with --resume") == 1
    assert job.said("Traceback") == 0
    done = [row for row in rows_of(tmp_path, url) if row["state"] == "done"]
    ended = [event for event in read_json_lines(tmp_path / "events.jsonl") if event["event"] == "finished"]
    assert len(done) >= len(ended) >= 2
    total = len(done) + 2
    assert run_mpi(["full_disk.py", tmp_path, url, "none", total, "--resume"], np=3).code == 0
    rows = rows_of(tmp_path, url)
    assert history.count(rows) == total
    assert {row["number"] for row in done} <= {row["number"] for row in rows if row["state"] == "done"}


def test_at_a_worker_it_fails_the_trial_and_the_study_goes_on(run_mpi, tmp_path):
    job = run_mpi(["full_disk.py", tmp_path, "default", "worker", "3"], np=3)
    assert job.code == 0, job.err
    first, second, third = rows_of(tmp_path, "default")
    assert (first["state"], third["state"]) == ("done", "done")
    assert (second["state"], second["failure"]) == ("failed", "exception")
    assert "state.safetensors: no file may exceed 20,000 bytes" in second["message"].splitlines()[0]
    assert load_checkpoint(tmp_path / "trials" / "0001").manifest["step"] == 1
