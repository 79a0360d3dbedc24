"""Progress: a table that can be redrawn for people, plain lines for everything else."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hvdgan.report.board import Board
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


def study_events() -> list[dict]:
    """Return the events of a study of two groups: one trial ends well, one fails."""
    row = {"params": {"training.learning_rate": 0.001}, "seconds": 31.0, "source": "gp", "attempt": 0}
    end = {"counted": 1, "total": 4}
    failure = {
        "failure": "exception",
        "value": None,
        "message": f"Traceback ...\nValueError: {ESCAPE}[31mbroken\n",
        "state": "failed",
    }
    values = {"fold": 1, "epoch": 2, "generator_loss": 12.5, "merit": 0.5, "events_per_second": 411.7}
    start = {"event": "started", "attempt": 0, "source": "gp"}
    return [
        {**start, "time": 10.0, "trial": 0, "group": 1, "params": row["params"]},
        {**start, "time": 11.0, "trial": 1, "group": 2, "params": {}},
        {"event": "reported", "time": 20.0, "trial": 0, "group": 1, "step": 2, "values": values},
        {**row, "event": "finished", "time": 41.0, "trial": 0, "group": 1, "state": "done", "value": 0.41, **end},
        {**row, **failure, "event": "finished", "time": 42.0, "trial": 1, "group": 2, **end, "counted": 2},
        {"event": "something new", "time": 43.0, "trial": 1, "group": 2},
    ]


def test_piped_study_gives_one_plain_line_per_event():
    stream = io.StringIO()
    with watch_study(4, 2, stream, terminal=False) as listen:
        for event in study_events():
            listen(event)
    lines = stream.getvalue().splitlines()
    assert len(lines) == len(study_events())
    assert ESCAPE not in stream.getvalue()
    assert "trial 0 started group=1 attempt=0 source=gp training.learning_rate=0.001" in lines[0]
    assert "trial 0 reported group=1 step=2 fold=1 epoch=2 generator_loss=12.5 merit=0.5" in lines[2]
    assert "trial 0 finished group=1 state=done value=0.41 counted=1/4 seconds=31" in lines[3]
    assert (
        "trial 1 finished group=2 state=failed failure=exception counted=2/4 message='ValueError:  [31mbroken'"
        in lines[4]
    )


def test_study_on_a_terminal_is_a_table():
    stream = io.StringIO()
    with watch_study(4, 2, stream, terminal=True) as listen:
        for event in study_events():
            listen(event)
    assert ESCAPE in stream.getvalue()
    assert f"{ESCAPE}[31mbroken" not in stream.getvalue()
    assert "done 2 of 4   running 0   failed 1   best 0.41 (trial 0)" in stream.getvalue()


def test_table_is_left_in_order_when_the_study_raises():
    stream = io.StringIO()
    with pytest.raises(KeyboardInterrupt), watch_study(4, 2, stream, terminal=True):
        raise KeyboardInterrupt
    assert stream.getvalue().endswith(f"{ESCAPE}[?25h")


def test_board_follows_the_groups():
    board = Board(4, 2, clock=lambda: 30.0)
    for event in study_events()[:3]:
        board.take(event)
    assert board.running == 2
    row = dict(zip(board.columns, board.line(1), strict=True))
    assert row == {
        "group": 1, "trial": 0, "source": "gp", "fold": 1, "epoch": 2, "D loss": None, "G loss": 12.5, "merit": 0.5,
        "events/s": 412, "time": "20 s", "state": "running",
    }  # fmt: skip
    for event in study_events()[3:]:
        board.take(event)
    assert (board.counted, board.failed, board.best) == (2, 1, (0.41, 0))
    assert board.line(2)[-1] == "exception"
    assert Board(4, 2).line(2)[-1] == "idle"


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
