"""Progress: a table that can be redrawn for people, plain lines for everything else."""

import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hvdgan.report.live import study_line, watch_study, watch_training
from hvdgan.report.terminal import is_terminal, trace_stdouts

ESCAPE = "\x1b"
TERMINAL, OTHER, PIPE, FILE = "/dev/pts/3", "/dev/pts/9", "pipe:[4711]", "/home/user/out.txt"
RANK, TAG, GLOO = {"OMPI_COMM_WORLD_RANK": "0"}, {"OMPI_MCA_orte_tag_output": "1"}, "HOROVOD_GLOO_RENDEZVOUS_ADDR"


@pytest.mark.parametrize(
    ("environ", "stdouts", "expected"),
    [
        ({}, [TERMINAL, TERMINAL], True),
        ({}, ["/dev/tty1"], True),
        ({}, [PIPE, TERMINAL], False),
        ({}, [FILE, TERMINAL], False),
        ({}, [], False),
        ({"TERM": "dumb"}, [TERMINAL, TERMINAL], False),
        (RANK, [OTHER, TERMINAL, TERMINAL], True),
        (RANK, [OTHER, PIPE, TERMINAL], False),
        (RANK, [OTHER, FILE, TERMINAL], False),
        (RANK, [OTHER, OTHER, TERMINAL], True),
        (RANK, [OTHER, OTHER, PIPE, TERMINAL], False),
        (RANK, [OTHER, OTHER], False),
        (RANK, [OTHER], False),
        (RANK, [PIPE, TERMINAL], False),
        ({"PMIX_RANK": "0"}, [OTHER, PIPE], False),
        (RANK | TAG, [OTHER, TERMINAL], False),
        ({GLOO: "127.0.0.1"}, [PIPE, TERMINAL], False),
        ({GLOO: "127.0.0.1"}, [TERMINAL, TERMINAL], False),
    ],
)
def test_is_terminal(environ, stdouts, expected):
    assert is_terminal(environ, stdouts) is expected


def test_stdouts_of_a_piped_process_start_with_the_pipe():
    program = "from hvdgan.report.terminal import trace_stdouts; print(trace_stdouts()[0])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("pipe:")


def test_stdouts_without_process_folder(tmp_path):
    assert trace_stdouts(tmp_path) == ["/dev/tty" if os.isatty(1) else "other"]


def test_piped_study_gives_one_plain_line_per_event_and_a_summary(small_study):
    stream = io.StringIO()
    with watch_study(4, 2, stream, terminal=False) as listen:
        for event in small_study:
            listen(event)
    first, *lines, summary = stream.getvalue().splitlines()
    assert len(lines) == len(small_study)
    assert ESCAPE not in stream.getvalue()
    assert first.endswith("study of 4 trials on 2 groups")
    assert "study begun counted=0/4 groups=2" in lines.pop(0)
    assert "trial 0 started group=1 attempt=0 source=gp training.learning_rate=0.001" in lines[0]
    assert "trial 0 reported group=1 step=2 fold=1 epoch=2 generator_loss=12.5 merit=0.5" in lines[2]
    assert "trial 0 finished group=1 state=done value=0.41 counted=1/4 seconds=31" in lines[3]
    assert (
        "trial 1 finished group=2 state=failed failure=exception counted=2/4 message='ValueError:  [31mbroken'"
        in lines[4]
    )
    assert "study given_up group=2 reason='silent for 5 s'" in lines[5]
    assert "study ended reason=done" in lines[7]
    assert "2 of 4 trials  done 1  pruned 0  running 0  failed 1  best merit 0.41 (trial 0)" in summary


def test_study_on_a_terminal_is_a_table(small_study):
    stream = io.StringIO()
    with watch_study(4, 2, stream, terminal=True) as listen:
        for event in small_study:
            listen(event)
    assert ESCAPE in stream.getvalue()
    assert f"{ESCAPE}[31mbroken" not in stream.getvalue()
    assert "done 1  pruned 0  running 0  failed 1" in stream.getvalue()
    assert "0.41 (trial 0)" in stream.getvalue()


def test_the_table_is_there_before_anything_happens_and_knows_earlier_jobs(small_study):
    for terminal in (True, False):
        stream = io.StringIO()
        with watch_study(9, 3, stream, terminal, past=small_study):
            assert ("idle" if terminal else "study of 9 trials on 3 groups") in stream.getvalue()
            assert ("best merit 0.41" in stream.getvalue()) is terminal


def test_the_clocks_of_the_table_run_while_nothing_happens():
    class Stream(io.StringIO):
        """Tells when enough was written."""

        def write(self, text):
            """Count drawings."""
            if "trials" in text:
                drawn.release()
            return super().write(text)

    drawn = threading.Semaphore(0)
    with watch_study(4, 2, Stream(), terminal=True):
        assert all(drawn.acquire(timeout=30) for _ in range(3))


def test_table_is_left_in_order_when_the_study_raises():
    stream = io.StringIO()
    with pytest.raises(KeyboardInterrupt), watch_study(4, 2, stream, terminal=True):
        raise KeyboardInterrupt
    assert stream.getvalue().endswith(f"{ESCAPE}[?25h")


def test_line_of_a_preempted_trial_says_where_it_goes_on():
    event = {"event": "finished", "time": 0.0, "trial": 3, "group": 1, "state": "failed", "failure": "preempted"}
    assert "trial 3 finished group=1 state=failed failure=preempted" in study_line(event)


@pytest.mark.parametrize("terminal", [True, False])
def test_training_lines(terminal):
    stream = io.StringIO()
    with watch_training(30, stream, terminal) as told:
        told({"kind": "untrained", "epoch": 0, "steps": 0, "merit": 2.4})
        told({"kind": "step", "epoch": 0, "steps": 20, "generator_loss": 12.5, "events_per_second": 411.7})
        told({"kind": "epoch", "epoch": 1, "steps": 20, "merit": 0.5, "best_merit": 0.5})
    text = stream.getvalue()
    assert (ESCAPE in text) is terminal
    assert "epoch  1/30 step     20 generator_loss=12.5 events_per_second=412" in text
    assert "merit=0.5 best_merit=0.5" in text
    assert "epoch  0/30 untrained, step      0 merit=2.4" in text
    assert len(text.splitlines()) == 3


MPIRUN = Path(sys.executable).with_name("mpirun")

PROGRAM = """
import os
from hvdgan.report.live import watch_study
if os.environ["OMPI_COMM_WORLD_RANK"] == "0":
    with watch_study(1, 1) as listen:
        print("a terminal:", os.isatty(1))
        listen({"event": "begun", "time": 0.0, "groups": 1, "counted": 0, "total": 1})
        listen({"event": "started", "time": 0.0, "trial": 0, "group": 1, "params": {"training.seed": 3}})
"""


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.skipif(not MPIRUN.exists(), reason="no mpirun beside this Python")
def test_mpirun_into_a_pipe_gives_plain_lines_although_its_ranks_have_terminals():
    flags = ["--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-np", "2"]
    command = [str(MPIRUN), *flags, sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "a terminal: True" in done.stdout
    assert "trial 0 started group=1 training.seed=3" in done.stdout
    assert ESCAPE not in done.stdout
