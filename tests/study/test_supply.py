"""An idle group gets a waiting trial, a point that is ready, or, rather than waiting, an improvised one."""

import pytest

from hvdgan.study import history
from hvdgan.study.ledger import Ledger
from hvdgan.study.messages import Done, Failed
from hvdgan.study.shadow import TICKETS, Shadow
from hvdgan.study.store.storage import load_study, open_study
from hvdgan.study.supply import FIRST, READY, Supply


class Slow:
    """A proposer that has a point when the test says so."""

    def __init__(self, settings):
        self.shadow, self.pending, self.cost = Shadow(settings, []), 0, 0.3
        self.ready = []

    def want(self, count):
        """Note the order."""
        self.pending += count

    def finish(self):
        """Let one ordered point be ready."""
        self.ready.append(self.shadow.propose(next(TICKETS)))

    def take(self):
        """Give a point that is ready."""
        if not self.ready:
            return None
        self.pending -= 1
        return self.ready.pop(0)

    def adopt(self, params, distributions):
        """Take a point in."""
        ticket = next(TICKETS)
        self.shadow.adopt(ticket, params, distributions)
        return ticket

    def end(self, ticket, values):
        """Learn."""
        self.shadow.end(ticket, values)


class Shop:
    """A supply with a slow sampler and a clock that the test turns."""

    def __init__(self, config, directory, resume=False):
        self.config, self.directory, self.now = config, directory, 0.0
        self.ledger = Ledger(open_study(config, directory, resume), config.study, directory)
        self.proposer = Slow(config.study)
        self.supply = Supply(self.ledger, self.proposer, config.study, lambda: self.now)

    def rows(self):
        """Return what the storage holds."""
        return history.rows(load_study(self.config, self.directory))

    def close(self, assignment, outcome):
        """End a trial."""
        row = self.ledger.close(assignment.number, outcome)
        self.supply.learn(assignment.number, row["values"] or None)


@pytest.fixture
def shop(make_config, tmp_path):
    return Shop(make_config(sampler="gp", n_startup_trials=1, trials=20), tmp_path)


def test_the_stock_never_holds_more_than_a_point_per_group_or_than_the_study_needs(shop):
    for groups, needed, wanted in ((4, 20, 1), (4, 0, 1)):
        shop.supply.refill(groups, needed)
        assert shop.proposer.pending == wanted
    shop.proposer.finish()
    shop.supply.refill(4, 20)
    assert [row["state"] for row in shop.rows()] == ["running"]
    assert shop.proposer.pending == 0


def test_a_fast_study_stocks_more_points_of_a_slow_sampler(shop):
    for number in range(6):
        shop.supply.refill(4, 20)
        shop.proposer.finish()
        shop.now += 0.1
        assert shop.supply.next(number) is not None
    shop.supply.refill(4, 20)
    assert shop.proposer.pending == 4


@pytest.mark.parametrize(("cost", "wanted"), [(0.0, 6), (0.02, 2), (0.3, 1)])
def test_for_groups_that_wait_so_many_points_are_ordered_as_come_in_time(shop, cost, wanted):
    shop.proposer.cost = cost
    shop.supply.refill(8, 20, idle=6)
    assert shop.proposer.pending == wanted


def test_a_stocked_point_is_stored_whole_before_anybody_runs_it(shop):
    shop.supply.refill(1, 5)
    shop.proposer.finish()
    shop.supply.refill(1, 5)
    stored = shop.rows()[0]
    assignment = shop.supply.next(1)
    assert (assignment.number, assignment.params) == (0, stored["params"])
    assert stored["group"] is None


def test_nobody_waits_long_for_the_process(shop):
    assert shop.supply.next(1) is None
    shop.now = FIRST + 0.1
    improvised = shop.supply.next(1)
    assert shop.rows()[improvised.number]["source"] == "quasi-random"
    for value in (1.0, 2.0):  # the process models its first point after one result
        shop.proposer.finish()
        shop.proposer.pending += 1
        shop.close(shop.supply.next(2), Done((value,)))
    assert shop.rows()[2]["source"] == "gp"
    assert shop.supply.next(3) is None
    shop.now += READY + 0.01
    assert shop.supply.next(3) is not None
    assert shop.rows()[-1]["source"] == "quasi-random"


def test_a_group_of_long_trials_waits_a_little_longer(shop):
    for value in (1.0, 2.0):
        shop.proposer.finish()
        shop.proposer.pending += 1
        assignment = shop.supply.next(1)
        shop.now += 100.0
        shop.close(assignment, Done((value,)))
    assert shop.supply.next(1) is None
    shop.now += 1.9
    assert shop.supply.next(1) is None
    shop.now += 0.2
    assert shop.supply.next(1) is not None


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_other_samplers_are_waited_for(make_config, tmp_path, sampler):
    shop = Shop(make_config(sampler=sampler), tmp_path)
    assert shop.supply.next(1) is None
    shop.now = 10 * FIRST
    assert shop.supply.next(1) is None


def test_the_queue_comes_before_the_stock(shop):
    shop.supply.refill(1, 5)
    shop.proposer.finish()
    shop.supply.refill(1, 5)
    shop.ledger.enqueue([shop.rows()[0]["params"]])
    assert shop.supply.next(1) is not None
    assert shop.rows()[-1]["source"] == "enqueued"


def test_what_nobody_ran_is_unused_and_never_counts(shop):
    shop.supply.refill(1, 5)
    shop.proposer.finish()
    shop.supply.refill(1, 5)
    shop.supply.discard()
    (row,) = shop.rows()
    assert (row["state"], row["failure"]) == ("failed", "unused")
    assert (history.count(shop.rows()), shop.ledger.counted) == (0, 0)


def test_a_stock_left_by_a_killed_job_is_unused_too(shop, make_config, tmp_path):
    shop.supply.refill(1, 5)
    shop.proposer.finish()
    shop.supply.refill(1, 5)
    again = Shop(shop.config, tmp_path, resume=True)
    assert [row["failure"] for row in again.rows()] == ["unused"]
    assert again.ledger.lost == []


def test_a_failure_teaches_the_sampler_nothing(shop):
    shop.proposer.finish()
    shop.proposer.pending += 1
    shop.close(shop.supply.next(1), Failed("exception", "broke"))
    assert [trial.state.name for trial in shop.proposer.shadow._study.get_trials()] == ["FAIL"]
