"""The coordinator: the total is the total, over threads and alone, over kills and timeouts."""

import contextlib
import csv
import time

import pytest
from disks import limited_files
from fake_world import run_ranks

from hvdgan.errors import ConfigError, NotFiniteError, UsageError
from hvdgan.parallel.world import SoloWorld
from hvdgan.study import history
from hvdgan.study.leading import lead, work_alone
from hvdgan.study.messages import Advice, Alive, Done, Failed, Preempted, Pruned, Report
from hvdgan.study.opening import open_coordinator
from hvdgan.study.silence import Silence
from hvdgan.study.store.storage import load_study
from hvdgan.study.worker import serve


def bowl(assignment, group, control):
    """A smooth objective."""
    control.report(1, {"merit": 2.0})
    return Done((abs(assignment.params["gan.latent_size"] - 200) / 100,))


def study_alone(config, directory, objective, resume=False):
    """Run a study in this process; return its events."""
    told = []
    with open_coordinator(config, directory, resume, told.append, ahead=False) as coordinator:
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
                with open_coordinator(config, directory, False, told.append, ahead=True) as coordinator:
                    lead(world, coordinator, [range(rank, rank + size) for rank in range(1, world.size, size)])

    run_ranks(1 + groups * size, program)
    return told


def rows_of(config, directory):
    return history.rows(load_study(config, directory))


def test_alone_the_study_reaches_its_total(make_config, tmp_path):
    config = make_config(trials=5)
    told = study_alone(config, tmp_path, bowl)
    assert [event["event"] for event in told] == ["begun", *["started", "reported", "finished"] * 5, "ended"]
    assert [row["state"] for row in rows_of(config, tmp_path)] == ["done"] * 5
    assert told[-2]["counted"] == told[-2]["total"] == 5


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

    begun, started, reported, finished, ended = told = study_alone(make_config(trials=1), tmp_path, bowl)
    assert json.loads(json.dumps(told)) == told
    assert (begun["groups"], begun["counted"], begun["total"], ended["reason"]) == (1, 0, 1, "done")
    assert {"time", "trial", "group", "params", "source", "attempt"} <= started.keys()
    assert (reported["step"], reported["values"]) == (1, {"merit": 2.0})
    assert {"state", "value", "seconds", "failure", "counted", "total"} <= finished.keys()


def test_no_more_than_the_total_is_ever_running(make_config, open_here):
    config = make_config(trials=3)
    coordinator = open_here(config)
    given = [coordinator.next_assignment(group) for group in range(1, 6)]
    assert [assignment and assignment.number for assignment in given] == [0, 1, 2, None, None]
    coordinator.handle(1, Done((1.0,)))
    assert coordinator.next_assignment(1) is None
    assert (list(coordinator.running), coordinator.counted) == ([2, 3], 1)


def test_a_copy_of_a_preempted_trial_goes_to_a_group_that_waits(make_config, open_here):
    config = make_config(trials=1)
    coordinator = open_here(config)
    coordinator.next_assignment(1)
    assert coordinator.next_assignment(2) is None
    coordinator.handle(1, Preempted("checkpoint"))
    assert coordinator.next_assignment(2).resume_from == "checkpoint"


def test_reports_in_any_order_belong_to_their_groups(make_config, open_here):
    told = []
    config = make_config(trials=2)
    coordinator = open_here(config, told.append)
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


def test_the_timeout_lets_running_trials_end_but_starts_none(make_config, open_here):
    now = [0.0]
    coordinator = open_here(make_config(trials=9, timeout=10.0), clock=lambda: now[0])
    coordinator.next_assignment(1)
    now[0] = 10.5
    assert coordinator.next_assignment(2) is None
    assert coordinator.running
    coordinator.handle(1, Done((1.0,)))
    assert (coordinator.through, coordinator.counted, coordinator.reason()) == (True, 1, "timeout")


def test_resume_goes_on_to_the_total(make_config, tmp_path):
    study_alone(make_config(trials=2), tmp_path, bowl)
    config = make_config(trials=5)
    told = study_alone(config, tmp_path, bowl, resume=True)
    assert [event["trial"] for event in told if event["event"] == "started"] == [2, 3, 4]
    assert history.count(rows_of(config, tmp_path)) == 5


def test_resume_of_a_complete_study_does_nothing(make_config, tmp_path):
    config = make_config(trials=2)
    study_alone(config, tmp_path, bowl)
    told = study_alone(config, tmp_path, bowl, resume=True)
    assert [event["event"] for event in told] == ["begun", "ended"]


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


def test_a_hopeless_trial_is_advised_to_give_up(make_config, open_here, tmp_path):
    config = make_config(trials=4, pruner="median", pruning={"startup_trials": 1})
    coordinator = open_here(config)
    for value, verdicts in ((0.5, ["go", "go"]), (5.0, ["prune", "prune"])):
        number = coordinator.next_assignment(1).number
        told = [coordinator.handle(1, Report(number, step, {"merit": value}, judged=True)) for step in (1, 2)]
        assert told == [Advice(number, verdict) for verdict in verdicts]
        coordinator.handle(1, Done((value,)) if value < 1 else Pruned(2))
    rows = rows_of(config, tmp_path)
    assert [row["state"] for row in rows] == ["done", "pruned"]
    assert coordinator.counted == 2
    assert load_study(config, tmp_path).trials[1].intermediate_values == {1: 5.0, 2: 5.0}


def test_with_several_objectives_the_chosen_metric_is_judged(make_config, open_here, tmp_path):
    config = make_config(objective=["merit", "generation_time"], pruner="median", pruning={"startup_trials": 1})
    coordinator = open_here(config)
    number = coordinator.next_assignment(1).number
    coordinator.handle(1, Report(number, 1, {"merit": 0.5}, judged=True))
    coordinator.handle(1, Done((0.5, 0.01)))
    number = coordinator.next_assignment(1).number
    assert coordinator.handle(1, Report(number, 1, {"merit": 3.0}, judged=True)) == Advice(number, "prune")
    coordinator.handle(1, Pruned(1))
    rows = rows_of(config, tmp_path)
    assert [row["values"] for row in rows] == [[0.5, 0.01], []]


def test_a_failed_trial_is_tried_again_as_often_as_wanted(make_config, open_here, tmp_path):
    config = make_config(trials=1, retries=2)
    coordinator = open_here(config)
    for attempt in range(3):
        assert coordinator.next_assignment(1).attempt == attempt
        coordinator.handle(1, Failed("exception", "broke"))
    assert (coordinator.counted, coordinator.through) == (1, True)
    rows = rows_of(config, tmp_path)
    assert [row["retry_of"] for row in rows] == [None, 0, 1]
    assert len({tuple(row["params"].items()) for row in rows}) == 1


@pytest.mark.parametrize("kind", ["nan", "config"])
def test_what_would_only_fail_again_is_not_retried(make_config, open_here, kind):
    coordinator = open_here(make_config(trials=1, retries=2))
    coordinator.next_assignment(1)
    coordinator.handle(1, Failed(kind, "again"))
    assert (coordinator.counted, coordinator.through) == (1, True)


def test_a_preempted_trial_brings_its_curve(make_config, open_here, tmp_path):
    config = make_config(trials=1)
    coordinator = open_here(config)
    coordinator.next_assignment(1)
    coordinator.handle(1, Report(0, 1, {"merit": 2.0}, judged=True))
    coordinator.handle(1, Preempted("checkpoint"))
    assert coordinator.next_assignment(2).resume_from == "checkpoint"
    assert load_study(config, tmp_path).trials[1].intermediate_values == {1: 2.0}


def wait_in_silence(coordinator, now, seconds):
    """Let a clock run, and the coordinator look every second, as it does that waits 60 s; return who was given up."""
    given_up = []
    for _ in range(seconds):
        now[0] += 1.0
        given_up += coordinator.fall_silent(60.0)
    return given_up


def test_a_silent_group_is_given_up_and_its_trial_goes_to_another(make_config, open_here):
    now, told = [0.0], []
    coordinator = open_here(make_config(trials=1), told.append, clock=lambda: now[0])
    first = coordinator.next_assignment(1)
    assert wait_in_silence(coordinator, now, 50) == []
    coordinator.handle(1, Alive(first.number))
    assert wait_in_silence(coordinator, now, 50) == []
    assert wait_in_silence(coordinator, now, 11) == [1]
    assert [event["event"] for event in told][-2:] == ["finished", "given_up"]
    assert (told[-2]["failure"], coordinator.counted, coordinator.given_up) == ("lost", 0, {1})
    second = coordinator.next_assignment(2)
    assert (second.params, second.attempt) == (first.params, 1)


def test_a_coordinator_that_was_held_up_hears_its_groups_before_it_gives_them_up(make_config, open_here):
    now = [0.0]
    coordinator = open_here(make_config(trials=1), clock=lambda: now[0])
    assignment = coordinator.next_assignment(1)
    for _ in range(20):
        now[0] += 1000.0
        assert coordinator.fall_silent(60.0) == []
        coordinator.handle(1, Alive(assignment.number))


def test_a_trial_that_loses_its_groups_again_and_again_is_not_given_to_the_last(make_config, open_here):
    now = [0.0]
    coordinator = open_here(make_config(trials=1), clock=lambda: now[0])
    for group in (1, 2):
        coordinator.next_assignment(group)
        assert wait_in_silence(coordinator, now, 61) == [group]
    assert (coordinator.counted, coordinator.next_assignment(3)) == (1, None)


def test_a_group_that_never_answers_does_not_hold_the_others(make_config, tmp_path):
    config, told = make_config(trials=4), []

    def stuck(assignment, group, control):
        time.sleep(3.0 if assignment.number == 0 else 0.02)
        return Done((1.0,))

    def program(world):
        with world.split(None if world.rank == 0 else world.rank) as group:
            if group is not None:
                return serve(world, group, stuck)
            with open_coordinator(config, tmp_path, False, told.append, ahead=True) as coordinator:
                lead(world, coordinator, [(1,), (2,)], Silence(stall=0.4))
                return coordinator.given_up

    (lost, *_) = run_ranks(3, program)
    rows = rows_of(config, tmp_path)
    assert len(lost) == 1
    assert [row["failure"] for row in rows if row["failure"] not in (None, "unused")] == ["lost"]
    assert history.count(rows) == 4
    assert sum(row["state"] == "done" for row in rows) == 4


def test_a_wish_to_leave_reaches_groups_that_did_not_hear_of_it(make_config, tmp_path):
    config, wanted = make_config(trials=4), []

    def patient(assignment, group, control):
        wanted.append(True)
        end = time.monotonic() + 20
        while control.advice() == "go" and time.monotonic() < end:
            time.sleep(0.01)
        return Preempted("here")

    def program(world):
        with world.split(None if world.rank == 0 else world.rank) as group:
            if group is not None:
                return serve(world, group, patient)
            opened = open_coordinator(config, tmp_path, False, lambda event: None, lambda: len(wanted) == 2, ahead=True)
            with opened as coordinator:
                lead(world, coordinator, [(1,), (2,)])
                return coordinator.reason()

    assert run_ranks(3, program)[0] == "preempted"
    rows = rows_of(config, tmp_path)
    assert [row["failure"] for row in rows if row["resume_of"] is None and row["failure"] != "unused"] == [
        "preempted"
    ] * 2
    assert [row["state"] for row in rows].count("waiting") == 2
    assert history.count(rows) == 0


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

    def opened():
        return open_coordinator(config, tmp_path, False, print, ahead=False)

    with opened(), pytest.raises(UsageError, match="another coordinator"):
        opened().__enter__()


def test_an_illegal_space_is_refused_before_anything_is_stored(make_config, tmp_path):
    with pytest.raises(ConfigError, match=r"study\.space is empty"):
        study_alone(make_config(space={}), tmp_path, bowl)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_process_finds_the_bottom_of_a_bowl(make_config, tmp_path):
    def thoughtful_bowl(assignment, group, control):
        time.sleep(0.4)
        return bowl(assignment, group, control)

    config = make_config(trials=14, sampler="gp", n_startup_trials=4)
    study_in_groups(config, tmp_path, thoughtful_bowl)
    rows = rows_of(config, tmp_path)
    found = {row["value"]: row["source"] for row in rows if row["state"] == "done"}
    assert list(found.values()).count("gp") >= 4
    assert set(found.values()) <= {"startup", "gp", "quasi-random"}
    assert min(value for value, source in found.items() if source == "gp") < 0.2
