"""The ranks of a group talk while they train folds: threads of a fake world, in every order."""

import random
import threading
import time
from functools import reduce
from operator import or_

import pytest
from fake_world import FakeWorld, Room, run_ranks
from hypothesis import given, settings
from hypothesis import strategies as st

from hvdgan.parallel.topology import place_folds
from hvdgan.run import conversation
from hvdgan.run.conversation import Chair, Leader, Member, cry, open_voice
from hvdgan.run.curve import InTurn, SideBySide
from hvdgan.run.mail import Beaten, Left, Mail, Wish
from hvdgan.training.loop import PREEMPT, PRUNE, STOP

EPOCHS, STEPS = 3, 4
LONG = 1000
"""Epochs of a training that nobody wants to end by itself, however late its threads hear of it."""


class Study:
    """A line to a coordinator that keeps what it is told and answers as the test says."""

    def __init__(self, verdicts=None):
        self.reports, self.beats, self.say = [], 0, "go"
        self._verdicts = verdicts or {}

    def report(self, step, values, judged=False):
        """Keep it."""
        self.reports.append((step, values["merit"], judged))
        return self._verdicts.get(step, "go")

    def advice(self):
        """Say what the test says."""
        return self.say

    def beat(self):
        """Count it."""
        self.beats += 1


class TrainingError(Exception):
    """What a rank of the tests fails with."""


class BrokenError(Exception):
    """What its peers see."""


def train(world, cell, voice, fold, fault, pause, epochs):
    """Do what the training loop does with its hooks; the OR over the ring is a gather."""
    voice.begin(fold, [])
    for epoch in range(1, epochs + 1):
        for step in range(STEPS):
            time.sleep(pause.uniform(0, 0.002))
            if (world.rank, epoch, step) == fault:
                cell._room.barrier.abort()
                raise TrainingError
            voice.beat()
            try:
                word = reduce(or_, cell.gather(voice.word()))
            except threading.BrokenBarrierError:
                raise BrokenError from None
            if word:
                return word, epoch
        if cell.rank == 0:
            voice.reach(fold, epoch, {"merit": 10.0 * fold + epoch})
    voice.end(fold, {"merit": 10.0 * fold + epochs})
    return 0, epochs


def group_of(folds, study, fault=None, wanted=None, seed=0, epochs=LONG):
    """Return the program of a group that trains one trial: (word, epoch) or the exception's class of every rank."""

    def program(world):
        places, mail = place_folds(["node"] * world.size, folds), Mail(world)
        own = (lambda: PREEMPT) if world.rank == wanted else (lambda: 0)
        curve = SideBySide(study, folds, epochs)
        voice = open_voice(mail, places, world.rank, curve, study, own)
        with world.split(places[world.rank]) as cell:
            try:
                pause = random.Random(f"{seed}{world.rank}")
                ending = train(world, cell, voice, places[world.rank], fault, pause, epochs)
                voice.leave(ending[0])
            except (TrainingError, BrokenError) as error:
                cry(mail, places, world.rank)
                ending = type(error)
            endings = mail.close(ending)
        assert world.receive(0) is None, "a letter was left for the next trial"
        return endings

    return program


@pytest.mark.parametrize("seed", range(4))
def test_all_folds_train_and_their_mean_is_reported(seed):
    study = Study()
    endings = run_ranks(6, group_of(3, study, seed=seed, epochs=EPOCHS))
    assert endings == [[(0, EPOCHS)] * 6] * 6
    assert study.reports == [(epoch, 10.0 + epoch, True) for epoch in range(1, EPOCHS + 1)]
    assert study.beats > 0


@pytest.mark.parametrize("rank", range(6))
def test_a_failure_on_any_rank_stops_every_fold(rank):
    endings = run_ranks(6, group_of(3, Study(), fault=(rank, 1, 1)))[0]
    assert endings[rank] is TrainingError
    assert endings[rank ^ 1] is BrokenError
    others = [ending for number, ending in enumerate(endings) if number // 2 != rank // 2]
    assert {word for word, _ in others} == {STOP}
    assert max(epoch for _, epoch in others) < LONG


def test_one_judged_epoch_prunes_every_fold():
    study = Study({1: "prune"})
    endings = run_ranks(4, group_of(2, study))[0]
    assert {word for word, _ in endings} == {PRUNE}
    assert [step for step, _, _ in study.reports][:1] == [1]


@pytest.mark.parametrize("rank", range(4))
def test_a_wish_of_one_rank_preempts_every_fold(rank):
    endings = run_ranks(4, group_of(2, Study(), wanted=rank))[0]
    assert {word for word, _ in endings} == {PREEMPT}


@pytest.mark.parametrize(("say", "word"), [("preempt", PREEMPT), ("stop", STOP), ("prune", PRUNE)])
def test_the_studys_advice_reaches_every_fold(say, word):
    study = Study()
    study.say = say
    assert {heard for heard, _ in run_ranks(4, group_of(2, study))[0]} == {word}


def test_a_group_in_turn_has_one_voice_and_its_failure_nobody_to_tell():
    study, mail = Study({2: "prune"}), Mail(FakeWorld(Room(1), 0, ["a"]))
    voice = open_voice(mail, (0,), 0, InTurn(study, 1, EPOCHS), study, lambda: 0)
    voice.begin(0, [])
    voice.reach(0, 1, {"merit": 1.0})
    assert voice.word() == 0
    voice.reach(0, 2, {"merit": 1.0})
    assert voice.word() == PRUNE
    voice.leave(PRUNE)
    cry(mail, (0,), 0)
    assert mail.close("here") == ["here"]


class Table:
    """A group of three rings of one rank, in one thread: the test decides who acts when."""

    def __init__(self, study):
        room = Room(3)
        mails = [Mail(FakeWorld(room, rank, ["a"] * 3)) for rank in range(3)]
        self.mails, self.places = mails, (0, 1, 2)
        curve = SideBySide(study, 3, EPOCHS)
        self.voices = [open_voice(mails[rank], self.places, rank, curve, study, lambda: 0) for rank in range(3)]
        self.chair = self.voices[0]


TURNS = st.permutations([ring for ring in range(3) for _ in range(EPOCHS + (2 if ring else 1))])


@settings(max_examples=60, deadline=None)
@given(TURNS, st.lists(st.booleans(), min_size=14, max_size=14))
def test_every_order_of_messages_gives_the_same_curve(turns, looks):
    study = Study()
    table, done = Table(study), dict.fromkeys(range(3), 0)
    for ring, look in zip(turns, looks, strict=True):
        voice, epoch = table.voices[ring], done[ring]
        if epoch == 0:
            voice.begin(ring, [])
        elif epoch <= EPOCHS:
            voice.reach(ring, epoch, {"merit": 10.0 * ring + epoch})
        else:
            voice.leave(0)
        done[ring] += 1
        if look:
            table.chair.word()
    table.chair.leave(0)
    assert study.reports == [(epoch, 10.0 + epoch, True) for epoch in range(1, EPOCHS + 1)]


@pytest.mark.parametrize("failing", [1, 2])
def test_a_chair_that_waits_is_freed_by_a_failure(failing):
    table = Table(Study())
    table.chair.begin(0, [])
    cry(table.mails[failing], table.places, failing)
    table.chair.leave(0)
    assert table.chair.word() == STOP


def test_advice_goes_once_to_every_ring_that_still_trains():
    study = Study()
    table = Table(study)
    table.voices[2].leave(0)
    study.say = "preempt"
    assert [table.chair.word() for _ in range(3)] == [PREEMPT] * 3
    assert [voice.word() for voice in table.voices] == [PREEMPT, PREEMPT, 0]
    assert table.mails[1].receive() is None
    table.voices[1].leave(PREEMPT)
    table.chair.leave(PREEMPT)


def test_the_study_hears_of_progress_only_when_all_rings_make_some(monkeypatch):
    monkeypatch.setattr(conversation, "BEAT_EVERY", 0.0)
    study = Study()
    chair, one, two = Table(study).voices
    for _ in range(5):
        chair.beat()
        one.beat()
    assert study.beats == 0, "ring 2 was silent"
    two.beat()
    chair.beat()
    assert study.beats == 1
    two.leave(0)
    one.beat()
    chair.beat()
    assert study.beats == 2, "a ring that is through owes no sign of life"


def test_leaders_and_members():
    world, study = FakeWorld(Room(4), 0, ["a"] * 4), Study()
    kinds = [type(open_voice(Mail(world), (0, 1, 0, 1), rank, None, study, lambda: 0)) for rank in range(4)]
    assert kinds == [Chair, Leader, Member, Member]


def test_letters_that_nobody_read_do_not_reach_the_next_trial():
    def program(world):
        mail = Mail(world)
        for to in range(world.size):
            for message in (Wish(STOP), Beaten(1), Left(1, 0)):
                mail.send(message, to)
        if world.rank == 1:
            mail.receive()
        mail.close(None)
        return world.receive(0)

    assert run_ranks(4, program) == [None] * 4
