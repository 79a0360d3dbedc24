"""The group's side, over threads: every trial has one outcome, and the group lives on."""

import time

import pytest
from fake_world import run_ranks

from hvdgan.errors import ConfigError, NotFiniteError, RingBrokenError
from hvdgan.parallel.world import SoloWorld
from hvdgan.study.messages import Advice, Alive, Assignment, Done, Failed, Preempted, Pruned, Report, Stop
from hvdgan.study.silence import Silence
from hvdgan.study.worker import run_alone, serve


def drive(objective, count=1, group_size=3):
    """Send `count` assignments to one group beside a coordinator; return all messages rank 0 got, and all served."""

    def program(world):
        with world.split(None if world.rank == 0 else 0) as group:
            if world.rank:
                return serve(world, group, objective)
            heard = []
            for number in range(count):
                world.send(Assignment(number, {"x": number}, f"trials/{number:04d}"), 1)
                while not heard or isinstance(heard[-1], Report) or len(outcomes(heard)) <= number:
                    sender, message = world.receive()
                    assert sender == 1
                    heard.append(message)
            world.send(Stop(), 1)
            return heard

    return run_ranks(1 + group_size, program)[0]


def outcomes(heard):
    return [message for message in heard if not isinstance(message, Report)]


def test_all_ranks_get_the_assignment_and_one_outcome_comes_back():
    seen = []

    def objective(assignment, group, control):
        seen.append((group.rank, assignment.number, assignment.params["x"]))
        return Done((float(sum(group.gather(group.rank))),))

    assert drive(objective, count=2) == [Done((3.0,)), Done((3.0,))]
    assert sorted(seen) == [(rank, number, number) for rank in range(3) for number in range(2)]


@pytest.mark.parametrize("culprit", [0, 1, 2])
def test_an_exception_on_any_rank_fails_the_trial_and_the_group_lives_on(culprit):
    def objective(assignment, group, control):
        if assignment.number == 0 and group.rank == culprit:
            raise ValueError("broke")
        return Done((1.0,))

    failed, done = drive(objective, count=2)
    assert failed.kind == "exception"
    assert failed.message.startswith(f"ValueError: broke (rank {culprit + 1} on host{(culprit + 1) // 2})")
    assert "Traceback" in failed.message
    assert "in objective" in failed.message
    assert done == Done((1.0,))


def test_the_cause_is_told_and_not_the_broken_ring_of_the_peers():
    def objective(assignment, group, control):
        if group.rank == 2:
            time.sleep(0.05)
            raise NotFiniteError("generator_loss is nan at epoch 3")
        raise RingBrokenError("another rank left the ring")

    (outcome,) = drive(objective)
    assert (outcome.kind, outcome.message.partition(" (")[0]) == (
        "nan",
        "NotFiniteError: generator_loss is nan at epoch 3",
    )


def test_an_illegal_point_is_the_configurations_fault():
    def objective(assignment, group, control):
        raise ConfigError("gan.latent_size: must be positive")

    (outcome,) = drive(objective)
    assert outcome.kind == "config"
    assert len([line for line in outcome.message.splitlines() if line.startswith("also failed")]) == 2


@pytest.mark.parametrize(
    ("returned", "problem"),
    [
        (None, "not NoneType"),
        (3.5, "not float"),
        (Done((1.0,), {"model": object()}), "not JSON serializable"),
        (Done(("low",)), "could not convert"),
        (Done(0.5), "not iterable"),
    ],
)
def test_what_cannot_be_stored_is_a_failure_of_the_trial(returned, problem):
    (outcome,) = drive(lambda assignment, group, control: returned, group_size=1)
    assert isinstance(outcome, Failed)
    assert problem in outcome.message


@pytest.mark.parametrize("ending", [Pruned(2, {"a": 1}), Failed("stall", "silence"), Preempted("here")])
def test_every_ending_travels_as_it_is(ending):
    assert drive(lambda assignment, group, control: ending, group_size=1) == [ending]


def converse(objective, answer):
    """Run one trial of a group of two; `answer(message)` is what the coordinator sends back, or None."""

    def program(world):
        with world.split(None if world.rank == 0 else 0) as group:
            if world.rank:
                return serve(world, group, objective, silence=Silence(stall=0.2))
            heard = []
            world.send(Assignment(0, {}, "trials/0000"), 1)
            while not heard or isinstance(heard[-1], Report | Alive):
                heard.append(world.receive()[1])
                if (reply := answer(heard[-1])) is not None:
                    world.send(reply, 1)
            world.send(Stop(), 1)
            return heard

    return run_ranks(3, program)[0]


def test_a_judged_report_is_answered_before_the_trial_goes_on():
    def objective(assignment, group, control):
        verdicts = [control.report(step, {"merit": 1.0}, judged=True) for step in (1, 2)] if group.rank == 0 else []
        return Pruned(2, {"verdicts": group.gather(verdicts)[0]})

    verdicts = iter(["go", "prune"])
    heard = converse(objective, lambda message: Advice(0, next(verdicts)) if isinstance(message, Report) else None)
    assert heard == [
        Report(0, 1, {"merit": 1.0}, judged=True),
        Report(0, 2, {"merit": 1.0}, judged=True),
        Pruned(2, {"verdicts": ["go", "prune"]}),
    ]


def test_a_trial_does_not_hang_on_an_answer_that_never_comes():
    def objective(assignment, group, control):
        return Done((1.0,), {"verdict": control.report(1, {"merit": 1.0}, judged=True)})

    assert converse(objective, lambda message: None)[-1] == Done((1.0,), {"verdict": "go"})


def test_advice_reaches_the_leader_between_steps_and_words_on_other_trials_do_not():
    def objective(assignment, group, control):
        control.report(0, {"loss": 1.0})
        end = time.monotonic() + 10
        while group.rank == 0 and control.advice() == "go" and time.monotonic() < end:
            time.sleep(0.01)
        return Done((1.0,), {"advice": control.advice()})

    replies = [Advice(7, "stop"), Alive(), Advice(0, "preempt")]

    def answer(message):
        return replies.pop(0) if replies and isinstance(message, Report | Alive) else None

    def chatty(assignment, group, control):
        for step in range(2):
            control.report(step, {"loss": 1.0})
        return objective(assignment, group, control)

    assert converse(chatty, answer)[-1] == Done((1.0,), {"advice": "preempt"})


def test_a_long_trial_gives_signs_of_life_but_not_at_every_step():
    def objective(assignment, group, control):
        for _ in range(300):
            control.beat()
            time.sleep(0.001)
        return Done((1.0,))

    alive = [message for message in converse(objective, lambda message: None) if message == Alive(0)]
    assert 2 <= len(alive) <= 20


def test_only_the_leader_reports_and_every_rank_goes_on():
    verdicts = []

    def objective(assignment, group, control):
        verdicts.append(control.report(group.rank, {"merit": 0.5, "epoch": 2}))
        group.gather(None)
        return Done((1.0,))

    heard = drive(objective)
    assert heard == [Report(0, 0, {"merit": 0.5, "epoch": 2}), Done((1.0,))]
    assert verdicts == ["go"] * 3


def test_a_report_that_is_no_number_fails_the_trial():
    def objective(assignment, group, control):
        control.report(1, {"merit": "low"})
        return Done((1.0,))

    (outcome,) = drive(objective)
    assert "could not convert string to float" in outcome.message


def test_messages_a_failed_trial_leaves_behind_do_not_reach_the_next():
    def objective(assignment, group, control):
        if assignment.number == 0:
            group.send("forgotten", (group.rank + 1) % group.size)
            raise ValueError("broke before anybody received")
        return Done((float(assignment.number),))

    assert drive(objective, count=3)[1:] == [Done((1.0,)), Done((2.0,))]


def test_alone_the_same_rules_hold():
    heard = []

    def objective(assignment, group, control):
        control.report(1, {"merit": 0.5})
        raise ValueError("broke")

    outcome = run_alone(objective, Assignment(0, {}, "here"), SoloWorld(), heard.append)
    assert heard == [Report(0, 1, {"merit": 0.5})]
    assert outcome.kind == "exception"
    assert "ValueError: broke (rank 0 on" in outcome.message
