"""Points are made ahead of need in one thread, which alone touches the sampler."""

import threading
import time

import pytest

from hvdgan.study.proposer import AskAhead, AskNow
from hvdgan.study.shadow import Shadow


def taken(proposer, patience=20.0):
    """Take the next point, waiting for the thread."""
    end = time.monotonic() + patience
    while (proposal := proposer.take()) is None:
        assert time.monotonic() < end, "no point was made"
        time.sleep(0.005)
    return proposal


@pytest.fixture
def ahead(make_config):
    """A proposer over random points, closed after the test."""
    proposer = AskAhead(lambda: Shadow(make_config().study, []))
    yield proposer
    proposer.close()


def test_only_what_is_wanted_is_made(ahead):
    assert ahead.take() is None
    ahead.want(2)
    assert ahead.pending == 2
    assert len({taken(ahead).ticket for _ in range(2)}) == 2
    assert (ahead.pending, ahead.take()) == (0, None)
    assert ahead.cost > 0


def test_results_are_learned_before_the_next_point(make_config):
    made = []

    def make():
        made.append(Shadow(make_config().study, []))
        return made[0]

    proposer = AskAhead(make)
    proposer.want(1)
    first = taken(proposer)
    other = proposer.adopt(first.params, first.distributions)
    proposer.end(first.ticket, [0.5])
    proposer.end(other, None)
    proposer.want(1)
    taken(proposer)
    proposer.close()
    assert [trial.state.name for trial in made[0]._study.get_trials()] == ["COMPLETE", "FAIL", "RUNNING"]


def test_what_goes_wrong_in_the_thread_is_raised_where_points_are_taken():
    def broken():
        raise ValueError("no such sampler")

    proposer = AskAhead(broken)
    proposer.want(1)
    with pytest.raises(ValueError, match="no such sampler"):
        taken(proposer)
    proposer.close()


def test_the_thread_ends_with_its_proposer(ahead):
    ahead.want(1)
    taken(ahead)
    ahead.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "sampler"]


def test_a_rehearsal_holds_up_no_point(make_config):
    rehearsed = threading.Event()
    proposer = AskAhead(lambda: Shadow(make_config().study, []), rehearsed.wait)
    proposer.want(1)
    assert taken(proposer) is not None
    rehearsed.set()
    proposer.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "rehearsal"]


def test_on_demand_every_result_is_known(make_config):
    proposer = AskNow(Shadow(make_config().study, []))
    proposer.want(3)
    first = proposer.take()
    proposer.end(first.ticket, [1.0])
    assert proposer.take().params != first.params
