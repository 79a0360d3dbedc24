"""Plain rows: what everybody who looks at a study gets to see."""

import csv
from datetime import datetime

import optuna
import pytest

from hvdgan.study import history
from hvdgan.study.messages import Done, Failed


def make_row(number, state="done", **cells):
    names = ("value", "spread", "source", "group", "failure", "message", "start", "end", "seconds", "pruned_at")
    blank = dict.fromkeys(names)
    relations = {"retry_of": None, "resume_of": None}
    lists = {"values": [], "fold_values": [], "intermediate": [], "params": {}, "details": {}}
    value = {"value": cells["values"][0]} if cells.get("values") else {}
    return {"number": number, "state": state, "attempt": 0, **blank, **relations, **lists, **value, **cells}


def test_an_attempt_with_a_successor_does_not_count():
    table = [
        make_row(0),
        make_row(1, "failed"),
        make_row(2, "failed", retry_of=1),
        make_row(3, "failed", resume_of=2),
        make_row(4, "pruned"),
        make_row(5, "running"),
        make_row(6, "waiting"),
        make_row(7, "failed", failure="unused"),
    ]
    assert history.succeeded(table) == {1, 2}
    assert history.count(table) == 3
    assert [row["number"] for row in history.used(table)] == [0, 1, 2, 3, 4, 5, 6]


def test_the_best_is_the_lowest_and_the_earliest_of_equals():
    table = [make_row(0, values=[2.0]), make_row(1, values=[1.0]), make_row(2, values=[1.0])]
    table.append(make_row(3, "pruned", values=[0.1]))
    assert history.best(table)["number"] == 1
    assert history.front(table) == [1, 2]
    assert history.best([make_row(0, "failed")]) is None


def test_of_several_objectives_the_front_counts():
    points = [[1.0, 9.0], [5.0, 5.0], [5.0, 6.0], [9.0, 1.0], [1.0, 8.0]]
    table = [*(make_row(number, values=values) for number, values in enumerate(points)), make_row(5, "failed")]
    assert history.front(table) == [4, 1, 3]
    assert history.best(table)["number"] == 4
    assert history.front([]) == []
    text = history.to_csv(table, ["merit", "generation_time"])
    first, *others = csv.DictReader(text.splitlines())
    assert (first["value"], first["value_generation_time"]) == ("1.0", "9.0")
    assert [line["number"] for line in (first, *others) if line["best"] == "yes"] == ["1", "3", "4"]
    assert "value_1" in history.to_csv(table).splitlines()[0]


def test_a_row_tells_of_folds_pruning_and_intermediate_values():
    study = optuna.create_study()
    done, cut = study.ask(), study.ask()
    done.set_user_attr("details", {"folds": [0.4, 0.6], "spread": 0.1, "epochs": 3})
    done.set_user_attr("began", datetime(2020, 1, 2, 3, 4, 5).timestamp())
    study.tell(done, 0.5)
    for step, value in ((1, 0.9), (2, 0.8)):
        cut.report(value, step)
    cut.set_user_attr("pruned_at", 2)
    study.tell(cut, state=optuna.trial.TrialState.PRUNED)
    one, other = history.rows(study)
    assert (one["fold_values"], one["details"]) == ([0.4, 0.6], {"epochs": 3})
    assert one["spread"] == pytest.approx(0.1414, abs=1e-4)
    assert one["start"] == "2020-01-02T03:04:05.000"
    assert (other["pruned_at"], other["intermediate"]) == (2, [[1, 0.9], [2, 0.8]])


def test_intermediate_values_of_several_objectives_are_found():
    study = optuna.create_study(directions=["minimize"] * 2)
    trial = study.ask()
    trial.set_user_attr("reports", [[2, 0.8], [1, 0.9]])
    study.tell(trial, [0.5, 3.0])
    (row,) = history.rows(study)
    assert (row["values"], row["intermediate"]) == ([0.5, 3.0], [[1, 0.9], [2, 0.8]])


def test_every_objective_has_importances_of_its_own(recwarn):
    study = optuna.create_study(directions=["minimize"] * 2, sampler=optuna.samplers.RandomSampler(seed=1))
    study.optimize(lambda trial: (trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)), n_trials=40)
    assert [next(iter(history.importances(study, place))) for place in (0, 1)] == ["x", "y"]
    assert len(recwarn) == 0


def test_a_foreign_trial_has_a_row_too():
    study = optuna.create_study()
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    (row,) = history.rows(study)
    assert (row["source"], row["group"], row["failure"], row["fold_values"]) == (None, None, None, [])


def test_the_table_has_a_column_per_parameter_and_detail(tmp_path):
    table = [
        make_row(0, value=0.5, values=[0.5], params={"gan.latent_size": 50}, fold_values=[0.4, 0.6]),
        make_row(1, "failed", message="ValueError: broke\nTraceback ...", details={"events_per_second": [10.0, 12.5]}),
    ]
    history.write_csv(table, tmp_path / "trials.csv")
    with (tmp_path / "trials.csv").open() as file:
        first, second = csv.DictReader(file)
    assert (first["value"], first["gan.latent_size"], first["fold_values"]) == ("0.5", "50", "0.4 0.6")
    assert (second["message"], second["details.events_per_second"]) == ("ValueError: broke", "10.0 12.5")
    assert second["gan.latent_size"] == ""


def test_an_empty_table_still_has_its_columns(tmp_path):
    history.write_csv([], tmp_path / "trials.csv")
    assert (tmp_path / "trials.csv").read_text().startswith("number,state,value,best,spread,source,")


def test_importance_goes_to_the_parameter_that_decides(make_config, open_ledger):
    book = open_ledger(make_config())
    for _ in range(30):
        assignment = book.ask(1)
        book.close(assignment.number, Done((assignment.params["training.learning_rate"],)))
    found = history.importances(book._study)
    assert next(iter(found)) == "training.learning_rate"
    assert abs(sum(found.values()) - 1) < 1e-9
    assert found["training.learning_rate"] > 0.5


def test_importance_needs_some_trials_and_some_variation(make_config, open_ledger):
    book = open_ledger(make_config(space={"gan.latent_size": {"type": "int", "low": 70, "high": 70}}))
    for number in range(3):
        book.close(book.ask(1).number, Done((float(number),)))
    book.close(book.ask(1).number, Failed("exception", "broke"))
    assert history.importances(book._study) == {}
    for number in range(3):
        book.close(book.ask(1).number, Done((float(number),)))
    assert history.importances(book._study) == {}
