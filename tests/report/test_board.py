"""The board knows how a study stands from its events alone, also from those of earlier jobs."""

import io

import pytest
from rich.console import Console

from hvdgan.report.board import Board
from hvdgan.report.screen import Screen, board_text
from hvdgan.report.timeline import follow_jobs, total_utilisation


def follow(events, now=30.0):
    """Return a board that has taken some events."""
    board = Board(clock=lambda: now)
    for event in events:
        board.take(event)
    return board


def line(board, group):
    """Return a row of the table by its columns."""
    return dict(zip(board.columns, board.line(group), strict=True))


def drawn(board, width, height=24):
    """Return the lines of the live table as they stand on a screen."""
    stream = io.StringIO()
    Console(file=stream, width=width, height=height).print(Screen(board))
    return stream.getvalue().splitlines()


def report(time, group, **values):
    """Return a report."""
    return {"event": "reported", "time": time, "trial": group - 1, "group": group, "step": 1, "values": values}


def test_board_follows_the_groups(small_study):
    board = follow(small_study[:4])
    assert board.running == 2
    assert line(board, 1) == {
        "group": 1, "trial": 0, "source": "gp", "fold": 1, "epoch": 2, "D loss": None, "G loss": 12.5, "merit": 0.5,
        "events/s": 412, "time": "20 s", "ETA": "-", "state": "running",
    }  # fmt: skip
    assert board.job.utilisation(30.0) == pytest.approx((20 + 19) / 40)
    board = follow(small_study)
    assert (board.counted, board.endings, board.best) == (2, {"done": 1, "pruned": 0, "failed": 1}, (0.41, 0))
    assert (line(board, 1)["state"], line(board, 1)["merit"]) == ("done", 0.41)
    assert line(board, 2)["state"] == "given up"
    assert "silent for 5 s" in board.note
    assert Board(4, 2).line(2)[-1] == "idle"


def test_a_trial_that_tells_its_progress_has_an_eta_of_its_own(small_study):
    events = [*small_study[:3], report(20.0, 1, fold=0, folds=2, epoch=2, epochs=4)]
    assert line(follow(events, 22.0), 1)["ETA"] == "28 s"
    assert line(follow(events, 22.0), 1)["epoch"] == "2/4"
    assert line(follow(events, 22.0), 2)["ETA"] == "-"


def test_a_resumed_trial_is_as_fast_as_between_its_reports(small_study):
    begun, start = small_study[:2]
    events = [begun, {**start, "attempt": 1}, report(12.0, 1, epoch=6, epochs=10), report(14.0, 1, epoch=7, epochs=10)]
    assert line(follow(events[:-1], 14.0), 1)["ETA"] == "-"
    assert line(follow(events, 14.0), 1)["ETA"] == "6 s"


def test_other_trials_take_as_long_as_those_before(make_trials, make_events):
    rows = [{**row, "state": "done", "value": 1.0, "values": [1.0]} for row in make_trials(6)]
    events = make_events(rows, 2)
    board = follow([event for event in events if event["time"] <= 110.0], 112.0)
    assert line(board, 1)["ETA"] == "8 s"
    assert board.left() == 18.0
    assert follow(events, 130.0).left() is None
    assert follow(events, 130.0).job.utilisation() == 1.0


def test_a_resumed_job_starts_the_groups_anew_and_keeps_what_was_found(small_study):
    again = {"event": "begun", "time": 90.0, "groups": 3, "counted": 2, "total": 8}
    board = follow([*small_study[:-1], again], 95.0)
    assert [line(board, group)["state"] for group in board.groups] == ["idle"] * 3
    assert (board.total, board.counted, board.best) == (8, 2, (0.41, 0))
    assert board.job.utilisation(95.0) == 0.0
    first, second = follow_jobs([*small_study[:3], again])
    assert {span.ending for span in first.spans} == {"lost"}
    assert (second.begin, second.groups, second.spans) == (90.0, 3, [])


def test_a_group_that_was_given_up_does_not_count_as_idle(small_study):
    (job,) = follow_jobs(small_study)
    assert job.utilisation() == total_utilisation([job]) == pytest.approx((31 + 31) / (40 + 37))
    assert total_utilisation([]) == 0.0


def test_several_objectives_have_a_front(small_study):
    begun = {**small_study[0], "objectives": ["generation_time", "merit"]}
    ends = [
        {"event": "finished", "time": 20.0, "trial": number, "group": 1, "state": "done", "values": values}
        for number, values in enumerate([[1.0, 5.0], [5.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    ]
    board = follow([begun, *ends])
    assert sorted(board.values) == [0, 1, 2]
    assert "Pareto front of 3 trials" in board.headline()


def test_points_that_nobody_ran_and_preempted_trials_are_no_losses(small_study):
    ends = [
        {"event": "finished", "time": 20.0, "trial": 0, "group": 1, "state": "failed", "failure": "preempted"},
        {"event": "finished", "time": 20.0, "trial": 7, "group": 2, "state": "failed", "failure": "unused"},
    ]
    board = follow([*small_study[:3], *ends])
    assert (board.endings["failed"], board.note) == (0, "")
    assert [line(board, group)["state"] for group in (1, 2)] == ["preempted", "running"]


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("groups", [2, 8, 40])
def test_the_table_fits_the_screen(make_trials, make_events, width, groups):
    events = make_events(make_trials(3 * groups), groups)
    values = {"fold": 0, "epoch": 12, "discriminator_loss": 1.23456, "generator_loss": 12345.6, "merit": 0.4123}
    starts = [{**event, "time": 200.0} for event in events if event["event"] == "started"][:groups]
    reports = [report(201.0, group, **values, epochs=30, events_per_second=12345.6) for group in range(1, groups + 1)]
    lines = drawn(follow([*events, *starts, *reports], 202.0), width)
    assert len(lines) <= 23
    assert max(map(len, lines)) <= width
    head = next(line for line in lines if line.startswith("group"))
    assert head.split()[:2] == ["group", "trial"]
    assert head.rstrip().endswith("state")
    assert ("events/s" in head) is (width > 40)
    assert any("more groups" in line for line in lines) is (groups == 40)


def test_the_plain_table_has_no_codes(small_study):
    text = board_text(follow(small_study[:-3]))
    assert "trial 1 failed (exception): ValueError:  [31mbroken" in text
    assert "\x1b" not in text
    assert text.splitlines()[0].startswith("2 of 4 trials  done 1  pruned 0  running 0  failed 1  best merit 0.41")
    assert [line.split()[-1] for line in text.splitlines()[2:4]] == ["done", "exception"]
