"""The coordinator: the total is the total, over threads and alone, over kills and timeouts."""

import contextlib
import csv

import pytest
from disks import limited_files
from fake_world import run_ranks

from hvdgan.errors import ConfigError, NotFiniteError, UsageError
from hvdgan.parallel.world import SoloWorld
from hvdgan.study import history
from hvdgan.study.coordinator import Coordinator, lead, open_coordinator, work_alone
from hvdgan.study.messages import Done, Failed, Preempted, Report
from hvdgan.study.storage import load_study
from hvdgan.study.worker import serve


def bowl(assignment, group, control):
    """A smooth objective."""
    control.report(1, {"merit": 2.0})
    return Done((abs(assignment.params["gan.latent_size"] - 200) / 100,))


def study_alone(config, directory, objective, resume=False):
    """Run a study in this process; return its events."""
    told = []
    with open_coordinator(config, directory, resume, told.append) as coordinator:
        work_alone(coordinator, objective, SoloWorld())
    return told


def study_in_groups(config, directory, objective, groups=2, size=2):
    """Run a study over threads: a coordinator and some groups; return its events."""
    told = []

    def program(world):
        number = None if world.rank == 0 else (world.rank - 1) // size
        with world.split(number) as group:
            if group is not None:
                serve(world, group, objective)
            else:
                with open_coordinator(config, directory, False, told.append) as coordinator:
                    lead(world, coordinator, leaders=range(1, world.size, size))

    run_ranks(1 + groups * size, program)
    return told


def rows_of(config, directory):
    return history.rows(load_study(config, directory))


def test_alone_the_study_reaches_its_total(make_config, tmp_path):
    config = make_config(trials=5)
    told = study_alone(config, tmp_path, bowl)
    assert [event["event"] for event in told] == ["started", "reported", "finished"] * 5
    assert [row["state"] for row in rows_of(config, tmp_path)] == ["done"] * 5
    assert told[-1]["counted"] == told[-1]["total"] == 5


def test_groups_reach_the_total_whatever_their_trials_do(make_config, tmp_path):
    def objective(assignment, group, control):
        if assignment.number % 3 == 1 and group.rank == 1:
            raise ValueError("broke on a rank that is not the leader")
        if assignment.number % 3 == 2:
            raise NotFiniteError("loss is nan")
        return bowl(assignment, group, control)

    config = make_config(trials=9)
    told = study_in_groups(config, tmp_path, objective)
    rows = rows_of(config, tmp_path)
    assert [row["failure"] for row in rows] == [None, "exception", "nan"] * 3
    assert history.count(rows) == 9
    assert {row["group"] for row in rows} == {1, 2}
    assert len([event for event in told if event["event"] == "finished"]) == 9


def test_events_are_plain_and_complete(make_config, tmp_path):
    import json

    started, reported, finished = study_alone(make_config(trials=1), tmp_path, bowl)
    assert json.loads(json.dumps([started, reported, finished])) == [started, reported, finished]
    assert {"time", "trial", "group", "params", "source", "attempt"} <= started.keys()
    assert (reported["step"], reported["values"]) == (1, {"merit": 2.0})
    assert {"state", "value", "seconds", "failure", "counted", "total"} <= finished.keys()


def test_no_more_than_the_total_is_ever_running(make_config, open_ledger):
    config = make_config(trials=3)
    coordinator = Coordinator(open_ledger(config), config.study, listen=lambda event: None)
    given = [coordinator.next_assignment(group) for group in range(1, 6)]
    assert [assignment and assignment.number for assignment in given] == [0, 1, 2, None, None]
    coordinator.handle(1, Done((1.0,)))
    assert coordinator.next_assignment(1) is None
    assert (coordinator.busy, coordinator.counted) == (True, 1)


def test_a_copy_of_a_preempted_trial_goes_to_a_group_that_waits(make_config, open_ledger):
    config = make_config(trials=1)
    coordinator = Coordinator(open_ledger(config), config.study, listen=lambda event: None)
    coordinator.next_assignment(1)
    assert coordinator.next_assignment(2) is None
    coordinator.handle(1, Preempted("checkpoint"))
    assert coordinator.next_assignment(2).resume_from == "checkpoint"


def test_reports_in_any_order_belong_to_their_groups(make_config, open_ledger):
    told = []
    config = make_config(trials=2)
    coordinator = Coordinator(open_ledger(config), config.study, listen=told.append)
    first, second = coordinator.next_assignment(1), coordinator.next_assignment(2)
    coordinator.handle(2, Report(second.number, 1, {"merit": 2.0}))
    coordinator.handle(1, Report(first.number, 1, {"merit": 1.0}))
    coordinator.handle(2, Failed("exception", "broke"))
    coordinator.handle(1, Done((1.0,)))
    assert [(event["event"], event["group"], event["trial"]) for event in told[2:]] == [
        ("reported", 2, 1),
        ("reported", 1, 0),
        ("finished", 2, 1),
        ("finished", 1, 0),
    ]


def test_the_timeout_lets_running_trials_end_but_starts_none(make_config, open_ledger):
    now = [0.0]
    config = make_config(trials=9, timeout=10.0)
    coordinator = Coordinator(open_ledger(config), config.study, lambda event: None, clock=lambda: now[0])
    coordinator.next_assignment(1)
    now[0] = 10.5
    assert coordinator.next_assignment(2) is None
    assert coordinator.busy
    coordinator.handle(1, Done((1.0,)))
    assert (coordinator.busy, coordinator.counted, coordinator.reason()) == (False, 1, "timeout")


def test_resume_goes_on_to_the_total(make_config, tmp_path):
    study_alone(make_config(trials=2), tmp_path, bowl)
    config = make_config(trials=5)
    told = study_alone(config, tmp_path, bowl, resume=True)
    assert [event["trial"] for event in told if event["event"] == "started"] == [2, 3, 4]
    assert history.count(rows_of(config, tmp_path)) == 5


def test_resume_of_a_complete_study_does_nothing(make_config, tmp_path):
    config = make_config(trials=2)
    study_alone(config, tmp_path, bowl)
    assert study_alone(config, tmp_path, bowl, resume=True) == []


def test_an_interrupted_study_is_resumed_without_loss(make_config, tmp_path):
    def interrupted(assignment, group, control):
        if assignment.number == 2:
            raise KeyboardInterrupt
        return bowl(assignment, group, control)

    config = make_config(trials=4)
    with pytest.raises(KeyboardInterrupt):
        study_alone(config, tmp_path, interrupted)
    study_alone(config, tmp_path, bowl, resume=True)
    rows = rows_of(config, tmp_path)
    assert [(row["state"], row["retry_of"]) for row in rows] == [
        ("done", None),
        ("done", None),
        ("failed", None),
        ("done", 2),
        ("done", None),
    ]
    assert history.count(rows) == 4
    assert rows[3]["params"] == rows[2]["params"]


def test_a_table_without_room_does_not_hide_why_a_study_ended(make_config, tmp_path):
    def interrupted(assignment, group, control):
        stack.enter_context(limited_files(0))
        raise KeyboardInterrupt

    with contextlib.ExitStack() as stack, pytest.raises(KeyboardInterrupt):
        study_alone(make_config(storage="journal://study.journal"), tmp_path, interrupted)
    assert not (tmp_path / "trials.csv").exists()


def test_a_table_is_left_behind(make_config, tmp_path):
    study_alone(make_config(trials=3), tmp_path, bowl)
    with (tmp_path / "trials.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [line["number"] for line in table] == ["0", "1", "2"]
    assert all(50 <= int(line["gan.latent_size"]) <= 400 for line in table)


def test_a_second_coordinator_is_refused(make_config, tmp_path):
    config = make_config()
    with open_coordinator(config, tmp_path, False, print), pytest.raises(UsageError, match="another coordinator"):
        open_coordinator(config, tmp_path, False, print).__enter__()


def test_an_illegal_space_is_refused_before_anything_is_stored(make_config, tmp_path):
    with pytest.raises(ConfigError, match=r"study\.space is empty"):
        study_alone(make_config(space={}), tmp_path, bowl)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_process_finds_the_bottom_of_a_bowl(make_config, tmp_path):
    config = make_config(trials=14, sampler="gp", n_startup_trials=4)
    study_in_groups(config, tmp_path, bowl)
    rows = rows_of(config, tmp_path)
    sources = [row["source"] for row in rows]
    assert sources.count("gp") >= 4
    assert set(sources) == {"startup", "gp"}
    assert min(row["value"] for row in rows if row["source"] == "gp") < 0.2
