"""Tables say the same on a terminal, in a pipe and in a file."""

import csv
import io

import numpy as np
import pytest

from hvdgan.calo.merit import floor, merit
from hvdgan.calo.observables import AxisProfiles
from hvdgan.report.tables import Table, best_table, merit_table, print_table, study_table, to_rows, to_text

ESCAPE = "\x1b"


@pytest.fixture
def compared(make_showers):
    """Return the merit of two samples, and the floor of the first."""
    images, energy = make_showers(40)
    reference = AxisProfiles.of(images)
    generated = AxisProfiles.of(0.9 * images)
    return merit(generated, reference, energy), floor(reference, energy)


def test_merit_table_has_a_row_per_bin_and_the_mean(compared):
    measured, lowest = compared
    table = merit_table(measured, lowest)
    rows = to_rows(table)
    assert len(rows) == len(measured.rows) + 1
    assert rows[-1]["merit"] == measured.value
    assert rows[-1]["floor"] == lowest.value
    assert np.mean([row["merit"] for row in rows[:-1]]) == pytest.approx(measured.value)
    parts = [rows[-1][name] for name in ("moments", "profiles", "sampling")]
    assert sum(parts) == pytest.approx(measured.value)
    assert "Few events" in table.note


def test_merit_table_without_floor(compared):
    assert to_rows(merit_table(compared[0]))[0]["floor"] is None


def test_study_table_marks_the_best_and_keeps_values(make_trials):
    rows = make_trials(9)
    table = study_table(rows)
    values = [row["value"] for row in rows if row["state"] == "done"]
    assert rows[table.strong[0]]["value"] == min(values)
    text = io.StringIO()
    writer = csv.DictWriter(text, table.columns)
    writer.writeheader()
    writer.writerows(to_rows(table))
    read = list(csv.DictReader(io.StringIO(text.getvalue())))
    assert float(read[0]["gan.section.parameter_0"]) == rows[0]["params"]["gan.section.parameter_0"]
    assert read[4]["failure"] == "nan"


def test_study_table_of_several_objectives_marks_the_front_and_shows_spread_and_pruning(make_trials):
    rows = make_trials(9, objectives=2)
    rows[0].update(values=[0.0, 1.0], spread=0.02)
    rows[1].update(values=[1.0, 0.0])
    rows[7].update(pruned_at=3)
    table = study_table(rows, objectives=["merit", "generation_time"])
    assert {0, 1} <= set(table.strong)
    cells = to_rows(table)
    assert (cells[0]["generation_time"], cells[0]["spread"], cells[7]["pruned_at"]) == (1.0, 0.02, 3)
    assert all(cells[4][name] is None for name in ("merit", "generation_time"))
    assert "pruned_at" not in study_table(rows[:5]).columns


@pytest.mark.parametrize("failing", [True, False])
def test_study_tables_of_odd_studies(make_trials, failing):
    for count in (0, 1):
        assert "Trials" in to_text(study_table(make_trials(count, 1, failing)))


def test_best_table_lists_parameters(make_trials):
    rows = to_rows(best_table(make_trials(1, 3)[0]))
    assert [row["name"] for row in rows[:2]] == ["trial", "value"]
    assert rows[-1] == {"name": "gan.section.parameter_2", "value": make_trials(1, 3)[0]["params"][rows[-1]["name"]]}


def test_plain_text_has_no_codes_and_a_terminal_gets_them(make_trials):
    table = study_table(make_trials(4))
    plain, drawn = io.StringIO(), io.StringIO()
    print_table(table, plain, terminal=False)
    print_table(table, drawn, terminal=True)
    assert ESCAPE not in plain.getvalue()
    assert ESCAPE in drawn.getvalue()
    assert "Trials" in plain.getvalue()


def test_foreign_text_is_neither_markup_nor_code():
    table = Table("[red]T[/red]", ("c",), ((f"[bold]x[/bold]{ESCAPE}[2J\nnext",),))
    for terminal in (True, False):
        stream = io.StringIO()
        print_table(table, stream, terminal)
        assert "[bold]x[/bold] [2J next" in stream.getvalue()
        assert f"{ESCAPE}[2J" not in stream.getvalue()
