"""A study ends at its total, at its target, when it gets no better, at its time, or when somebody wants to leave."""

import pytest

from hvdgan.study.ending import Ending, reached


def rows(*values):
    """Return ended trials: a value, "failed", "unused" or "retried" (continued by the next one)."""
    table = []
    for number, value in enumerate(values):
        is_done = isinstance(value, float)
        row = {"number": number, "state": "done" if is_done else "failed", "value": value if is_done else None}
        row |= {"failure": None if is_done else value, "retry_of": None, "resume_of": None}
        if number and values[number - 1] == "retried":
            row["retry_of"] = number - 1
        table.append(row)
    return table


@pytest.mark.parametrize(
    ("ended", "reason"),
    [
        ([], None),
        (["failed"] * 9, None),
        ([0.5], None),
        ([0.5, 0.6], None),
        ([0.5, 0.6, "failed"], None),
        ([0.5, 0.6, "failed", 0.7], "patience"),
        ([0.5, 0.6, "failed", 0.4], None),
        ([0.5, 0.5, 0.5, 0.5], "patience"),
        ([0.5, "unused", "retried", 0.6, 0.7], None),
        ([0.9, 0.9, 0.2], "target"),
        ([0.1], "target"),
    ],
)
def test_values_end_a_study(make_config, ended, reason):
    assert reached(make_config(target=0.2, patience=3).study, rows(*ended)) == reason


def test_without_target_and_patience_values_end_nothing(make_config):
    assert reached(make_config().study, rows(*[0.5] * 100)) is None


def test_the_total_comes_before_the_wish_to_leave_and_that_before_the_clock(make_config):
    now, leaving = [0.0], [False]
    ending = Ending(make_config(trials=3, timeout=10.0).study, lambda: leaving[0], lambda: now[0])
    assert ending.reason([], 2) is None
    now[0] = 10.0
    assert ending.reason([], 2) == "timeout"
    leaving[0] = True
    assert ending.reason([], 2) == "preempted"
    assert ending.reason([], 3) == "done"
