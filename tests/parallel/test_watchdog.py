"""The watchdog, in processes that it may end."""

import subprocess
import sys

import pytest

from hvdgan.parallel.watchdog import Watchdog


def run(code):
    program = f"import sys, time\nfrom hvdgan.parallel.watchdog import Watchdog\n{code}\nprint('survived')"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.slow
def test_it_ends_a_process_that_makes_no_progress_and_shows_where():
    done = run("def stuck():\n    time.sleep(20)\nwith Watchdog(0.3):\n    stuck()")
    assert done.returncode == 1
    assert "Timeout" in done.stderr
    assert "in stuck" in done.stderr
    assert "survived" not in done.stdout


@pytest.mark.slow
def test_it_ends_a_process_that_never_lets_the_interpreter_go():
    done = run("import ctypes\nwith Watchdog(0.3):\n    ctypes.PyDLL(None).sleep(20)")
    assert done.returncode == 1
    assert "Timeout" in done.stderr


@pytest.mark.slow
def test_beats_keep_it_quiet_and_the_block_ends_it():
    code = "with Watchdog(1.0) as dog:\n    for _ in range(30):\n        time.sleep(0.05)\n        dog.beat()\n"
    done = run(f"{code}time.sleep(1.2)")
    assert (done.returncode, done.stdout, done.stderr) == (0, "survived\n", "")


def test_without_a_time_it_never_bites():
    with Watchdog(None) as dog:
        dog.beat()
