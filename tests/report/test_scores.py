"""Metrics in a table: values with errors, what differs from a definition, and few events are always said."""

import pytest

from hvdgan.calo.sample import Sample
from hvdgan.calo.score import Score, Value
from hvdgan.report.compose import draw_metric_pictures
from hvdgan.report.scores import score_table
from hvdgan.report.style import render
from hvdgan.report.tables import to_rows, to_text

FLOOR = Value(0.01, 0.001, 4000, 2000)


def scores() -> list[Score]:
    """Return one that is good, two that are bad with notes, and one of few events that is infinitely bad."""
    return [
        Score("merit", "figure of merit", Value(0.0102, 0.0012, 4000, 2000), FLOOR),
        Score("fpd", "FPD", Value(0.3, 0.01, 4000, 4000, "small subsets"), FLOOR),
        Score("kpd", "KPD", Value(0.5, 0.01, 4000, 4000, "small batches"), FLOOR),
        Score("auc", "AUC", Value(1.0, 0.0, 50, 50), Value(0.5, 0.0, 50, 50), perfect=0.5),
    ]


def test_the_table_says_everything():
    table = score_table(scores(), "Halves.")
    assert to_rows(table)[0] == {
        "metric": "figure of merit",
        "value ± error": "0.0102 ± 0.0012",
        "floor ± error": "0.0100 ± 0.0010",
        "N": 4000,
        "verdict": "as good as the reference",
    }
    assert [row["metric"] for row in to_rows(table)[1:3]] == ["FPD [1]", "KPD [2]"]
    assert [row["verdict"] for row in to_rows(table)[1:]] == [
        "30 x the floor", "50 x the floor", "inf sigma above the floor; few events"
    ]  # fmt: skip
    few = "Few events: 50 in the emptiest energy bin, where 2000 are needed."
    assert table.note == f"Halves. [1] small subsets. [2] small batches. {few}"
    assert "figure of merit" in to_text(table)


def test_a_table_without_limits_has_no_note():
    assert score_table(scores()[:1]).note == ""


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("count", "scale"), [(0, 1.0), (1, 0.0), (4, 50.0)])
def test_pictures_render_for_the_odd_and_the_infinite(make_showers, count, scale):
    (images, energy), (others, _) = make_showers(1 + 10 * count, (4, 4, 6)), make_showers(1 + 10 * count, (4, 4, 6), 1)
    samples = Sample.of(images, energy), Sample.of(scale * others, energy)
    for drawing in draw_metric_pictures(scores()[:count], *samples):
        assert render(drawing.figure, dpi=40).startswith(b"\x89PNG")
