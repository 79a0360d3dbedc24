"""scripts/benchmarks/study: its figures, on notes made by hand, and what it says to a wrong word."""

import doctest
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from efficiency import cases, emulation, figures, tables
from efficiency.cases import Case

from hvdgan.report.tables import to_rows

PROGRAM = Path(__file__).parents[1] / "scripts" / "benchmarks" / "study"
CASE = Case("made-up", 2, 4.0, "gp", 4, target=0.9)


def trial(received, begin, end, sent):
    return {"number": 0, "received": received, "begin": begin, "end": end, "sent": sent}


def look(trials, memory):
    return {"trials": trials, "memory": memory, "files": 9, "threads": 2}


@pytest.fixture
def measured():
    """Return the figures of two groups with two trials each; the last one is given at 6 s and ends at 12 s."""
    first = [trial(0.0, 0.0, 4.0, 4.0), trial(5.0, 5.0, 8.0, 8.0)]
    second = [trial(1.0, 1.0, 5.0, 5.0), trial(6.0, 7.0, 12.0, 12.0)]
    coordinator = {
        "asks": [{"source": "startup", "wall": 0.1, "cpu": 0.1}, {"source": "gp", "wall": 4.0, "cpu": 2.0}],
        "sources": {"0": "startup", "1": "startup", "2": "quasi-random", "3": "gp"},
        "cpu": [[0.0, 1.0, 1.0], [6.0, 2.0, 1.5], [12.0, 3.0, 2.0]],
        "resources": [look(1, 50.0), look(100, 60.0), look(200, 60.5)],
    }
    notes = [{"trials": trials, "resources": [look(0, 40.0)]} for trials in (first, second)]
    return figures.measure(CASE, coordinator, notes)


def test_the_drained_end_is_told_apart(measured):
    assert measured["utilisation"] == pytest.approx((4 + 1 + 4) / 12)
    assert measured["utilisation_whole"] == pytest.approx((4 + 3 + 4 + 5) / 24)
    assert measured["wall"] == 12.0


def test_times_are_medians_of_what_they_say(measured):
    assert (measured["dispatch"], measured["ask"], measured["ask_cpu"]) == (1.0, 4.0, 2.0)
    assert (measured["cpu"], measured["cpu_main"]) == (0.5, 0.25)
    assert measured["ceiling"] == 0.5
    assert measured["sources"] == {"startup": 2, "quasi-random": 1, "gp": 1}


def test_growth_is_told_from_a_hundred_trials_on(measured):
    assert [one["memory"] for one in measured["resources"]] == [60.0, 60.5]
    assert [one["memory"] for one in measured["group_resources"]] == [40.0, 40.0]


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [({}, False), ({"of_ceiling": True}, True), ({"target": None}, None), ({"target": 0.7}, True)],
)
def test_a_target_is_reached_or_not(measured, changes, verdict):
    assert figures.reached(replace(CASE, **changes), measured) is verdict


def test_tables_quote_median_and_spread(measured):
    busy, times, held = tables.build(
        {CASE: [measured, {**measured, "utilisation": 0.95}, {**measured, "dispatch": 4.0}]}
    )
    (row,) = to_rows(busy)
    assert (row["busy [%]"], row["lowest"], row["highest"], row["reached"]) == (75.0, 75.0, 95.0, "1 of 3")
    (row,) = to_rows(times)
    assert (row["dispatch [ms]"], row["highest"], row["gp"], row["quasi-random"]) == (1000.0, 4000.0, 1, 1)
    assert [row["process"] for row in to_rows(held)] == ["coordinator"] * 2 + ["group 1"] * 2


@pytest.mark.parametrize("module", [emulation, figures])
def test_examples_are_true(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("case", [*cases.DEFAULT, *cases.QUICK], ids=lambda case: f"{case.name}-{case.trials}")
def test_every_case_is_a_legal_study(case):
    settings = emulation.configure(case).study
    assert (settings.sampler, settings.trials) == (case.sampler, case.trials)
    times = [emulation.duration(case, number) for number in range(case.trials)]
    assert sum(times) / len(times) == pytest.approx(case.seconds, rel=0.1)


def test_the_command_explains_itself_and_refuses_what_it_does_not_know():
    def run(*words):
        return subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=60, env=os.environ)

    assert "--quick" in run("--help").stdout
    wrong = run("gp-2s")
    assert wrong.returncode == 2
    assert "there is no case gp-2s; choose from gp-10s, " in wrong.stderr
