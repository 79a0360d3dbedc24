"""The harness itself: it must notice what tests rely on it to notice."""

import sys
import time

import pytest
from processes import Job, marked, run_job

DETACHED = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], **{})"


def test_a_job_gives_code_and_output():
    done = run_job([sys.executable, "-c", "import sys; print('out'); sys.exit('err')"])
    assert (done.code, done.out, done.err) == (1, "out\n", "err\n")


@pytest.mark.slow
def test_a_process_left_behind_fails_the_test_and_is_killed(monkeypatch):
    monkeypatch.setattr("processes.LINGER", 0.2)
    quiet = {"stdout": -3, "stderr": -3, "start_new_session": True}
    job = Job([sys.executable, "-c", DETACHED.format(quiet)])
    with pytest.raises(pytest.fail.Exception, match="left processes behind"), job:
        job.finish(20)
    wait_until_gone(job)


@pytest.mark.slow
def test_a_job_that_takes_too_long_fails_and_is_killed():
    job = Job([sys.executable, "-c", "import time; print('started', flush=True); time.sleep(60)"])
    with pytest.raises(pytest.fail.Exception, match=r"(?s)took more than 1 s.*started"), job:
        job.finish(1)
    wait_until_gone(job)


def wait_until_gone(job):
    end = time.monotonic() + 5
    while marked(job.mark) and time.monotonic() < end:
        time.sleep(0.02)
    assert marked(job.mark) == []
