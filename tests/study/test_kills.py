"""Coordinators that die, and coordinators that meet: nothing is lost, nobody waits, one at a time."""

import json
import sys

import pytest
from processes import PROGRAMS, Job, mpirun

pytestmark = [pytest.mark.slow, pytest.mark.processes]


@pytest.mark.parametrize("url", ["default", "journal://study.journal"])
def test_ten_kills_in_a_row_lose_and_tear_nothing(run_job, tmp_path, url):
    job = run_job([sys.executable, PROGRAMS / "killed_writer.py", tmp_path, url, "10"])
    assert job.code == 0, job.err
    rounds = [json.loads(line) for line in job.out.splitlines()]
    assert len(rounds) == 10
    for before, after in zip([{"acknowledged": 0}, *rounds], rounds, strict=False):
        assert (after["lost"], after["torn"], after["twice"]) == ([], [], 0)
        assert after["running"] <= 1
        assert after["acknowledged"] <= after["done"]
        assert before["acknowledged"] < after["acknowledged"]
    assert not list(tmp_path.glob("*.lock.*")) + list(tmp_path.glob("study*.lock"))


def test_a_second_job_is_told_who_is_at_work_and_a_dead_one_keeps_nobody_out(run_mpi, tmp_path):
    words = ["study_program.py", tmp_path, "plod"]
    with Job(mpirun(3, [*words, "500"])) as first:
        first.wait_for(tmp_path / "trials" / "0001")
        second = run_mpi([*words, "500", "--resume"], np=3)
        assert second.code == 2
        assert second.said("another coordinator is at work on this study: process ") == 1
        assert second.said("wait for it or stop it") == 1
        assert first.process.poll() is None
        number = len(list((tmp_path / "trials").iterdir()))
        first.wait_for(tmp_path / "trials" / f"{number + 1:04d}")
        first.kill()
        first.process.wait(30)
    third = run_mpi([*words, "2", "--resume"], np=3)
    assert third.code == 0, third.err
