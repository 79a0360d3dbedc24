"""Plain rows: what everybody who looks at a study gets to see."""

import csv

import optuna

from hvdgan.study import history
from hvdgan.study.messages import Done, Failed


def make_row(number, state="done", **cells):
    blank = dict.fromkeys(("value", "source", "group", "failure", "message", "start", "end", "seconds"))
    relations = {"retry_of": None, "resume_of": None}
    lists = {"values": [], "fold_values": [], "params": {}, "details": {}}
    return {"number": number, "state": state, "attempt": 0, **blank, **relations, **lists, **cells}


def test_an_attempt_with_a_successor_does_not_count():
    table = [
        make_row(0),
        make_row(1, "failed"),
        make_row(2, "failed", retry_of=1),
        make_row(3, "failed", resume_of=2),
        make_row(4, "pruned"),
        make_row(5, "running"),
        make_row(6, "waiting"),
    ]
    assert history.succeeded(table) == {1, 2}
    assert history.count(table) == 3


def test_the_best_is_the_lowest_and_the_earliest_of_equals():
    table = [make_row(0, value=2.0), make_row(1, value=1.0), make_row(2, value=1.0), make_row(3, "pruned", value=0.1)]
    assert history.best(table)["number"] == 1
    assert history.best([make_row(0, "failed")]) is None


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
    assert (tmp_path / "trials.csv").read_text().startswith("number,state,value,source,")


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
