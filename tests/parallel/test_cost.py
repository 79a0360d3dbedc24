"""The model of the ring all-reduce: worked by hand, and found again in what it predicts."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hvdgan.errors import DataError
from hvdgan.parallel.cost import (
    Link,
    Step,
    fit_link,
    narrow,
    share_cores,
    time_all_reduce,
    time_step,
    wait_for_slowest,
    weak_efficiency,
)

LINK = Link(latency=20e-6, bandwidth=2e9, negotiation=1e-3)
SIZES = (8, 4096, 2**18, 2**22, 2**26)

links = st.builds(Link, st.floats(1e-6, 1e-3), st.floats(1e8, 1e11), st.floats(1e-5, 1e-2))
ranks, sizes = st.integers(2, 10_000), st.floats(1.0, 1e9)


def lines(link: Link, cores: int = 2) -> list[dict]:
    """Return what `hvdgan bench ring` would write if the model were exact."""
    return [
        {"ranks": p, "bytes": n, "seconds": time_all_reduce(link, p, n, share_cores(p, cores)),
         "environment": {"cores": cores}}
        for p in (2, 3, 4, 8) for n in SIZES
    ]  # fmt: skip


def test_an_all_reduce_worked_by_hand():
    # 4 ranks on 2 cores: 6 rounds of 20 us, 1.5 MB of 1 MB at 2 GB/s, both twice as long, and the negotiation
    assert time_all_reduce(LINK, 4, 1e6, share_cores(4, 2)) == pytest.approx(2 * (120e-6 + 750e-6) + 1e-3)
    assert time_all_reduce(LINK, 1, 1e6) == 0.0


def test_sleep_shares_no_core_and_computation_does():
    messages = (0.0, 0.0)
    assert time_step(LINK, Step(0.2, messages), 1, 4.0) == pytest.approx(0.8)
    assert time_step(LINK, Step(0.2, messages, asleep=True), 2, 4.0) == pytest.approx(0.2 + 2 * (160e-6 + 1e-3))


def test_ranks_wait_for_the_slowest_as_normal_numbers_say():
    random = np.random.default_rng(5)
    for count, stages in ((2, 1), (2, 4), (8, 5), (64, 4)):
        parts = random.normal(1.0 / stages, 0.03 / np.sqrt(stages), size=(20_000, stages, count))
        longer = parts.max(axis=2).sum(axis=1).mean() - 1.0
        assert wait_for_slowest(0.03, count, stages) == pytest.approx(longer, rel=0.06)


def test_a_step_of_ranks_that_vary_worked_by_hand():
    # one second varies by 2 %, in two stages; Horovod takes 1 % of a core; e(2) is 0.5642
    step = Step(1.0, (0.0, 0.0), jitter=0.02)
    expected = 1.0 + 0.01 + 0.02 * math.sqrt(2) * 0.5642 + 2 * (40e-6 + 1e-3)
    assert time_step(replace(LINK, drag=0.01), step, 2) == pytest.approx(expected, rel=1e-3)
    assert time_step(replace(LINK, drag=0.01), step, 1) == 1.0


@given(links, ranks, sizes, st.floats(1.0, 32.0))
def test_more_of_anything_takes_longer(link, count, size, sharing):
    seconds = time_all_reduce(link, count, size, sharing)
    assert link.negotiation < seconds <= time_all_reduce(link, count + 1, size, sharing)
    assert seconds <= time_all_reduce(link, count, 2 * size, sharing)
    assert seconds <= time_all_reduce(link, count, size, 2 * sharing)
    assert seconds < time_all_reduce(narrow(link, 1e6, 1e-4), count, size, sharing)
    assert 0 < weak_efficiency(link, Step(0.1, (size,)), count, sharing) < 1


@given(links)
def test_a_fit_finds_the_link_that_measurements_come_from(link):
    fit = fit_link([*lines(link), {"ranks": 1, "bytes": 8, "seconds": 0.0}])
    assert fit.points == 4 * len(SIZES)
    assert fit.error < 1e-6
    for p in (2, 16, 512):
        for n in SIZES:
            assert time_all_reduce(fit.link, p, n, 4.0) == pytest.approx(time_all_reduce(link, p, n, 4.0), rel=1e-4)


def test_a_fit_of_noisy_measurements_predicts_ranks_that_were_not_measured():
    noise = np.random.default_rng(1).lognormal(sigma=0.1, size=4 * len(SIZES))
    rows = [{**row, "seconds": row["seconds"] * factor} for row, factor in zip(lines(LINK), noise, strict=True)]
    fit = fit_link(rows)
    assert 0 < fit.error < 0.15
    for size in SIZES:
        expected = time_all_reduce(LINK, 32, size, share_cores(32, 2))
        assert time_all_reduce(fit.link, 32, size, share_cores(32, 2)) == pytest.approx(expected, rel=0.25)


def test_parameters_never_become_negative():
    flat = [
        {"ranks": ranks, "bytes": size, "seconds": 1e-3 / size, "environment": {"cores": 4}}
        for ranks in (2, 4)
        for size in SIZES
    ]
    link = fit_link(flat).link
    assert link.latency >= 0
    assert link.negotiation >= 0
    assert link.bandwidth == math.inf


def test_too_few_measurements_are_refused_with_the_command_that_makes_more():
    for rows in (
        [],
        lines(LINK)[:2],
        *([row for row in lines(LINK) if row[name] == first] for name, first in (("bytes", 8), ("ranks", 2))),
    ):
        with pytest.raises(DataError, match="hvdgan launch -np 2 bench ring"):
            fit_link(rows)
