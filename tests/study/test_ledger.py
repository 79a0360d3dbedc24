"""Every trial enters the ledger once and ends in it once, whenever the job was killed."""

import math
from pathlib import Path

import pytest

from hvdgan.study import history, ledger
from hvdgan.study.messages import Done, Failed, Preempted, Pruned


def rows_of(book):
    return history.rows(book._study)


def test_an_assignment_is_complete_before_it_leaves(make_config, open_ledger, tmp_path):
    book = open_ledger(make_config())
    assignment = book.ask(group=2)
    assert sorted(assignment.params) == ["gan.latent_size", "training.learning_rate", "training.optimizer"]
    assert (assignment.number, assignment.attempt, assignment.resume_from) == (0, 0, None)
    assert assignment.directory == str(tmp_path / "trials" / "0000")
    assert (tmp_path / "trials" / "0000").is_dir()
    row = rows_of(book)[0]
    assert (row["state"], row["group"], row["params"]) == ("running", 2, assignment.params)


def test_a_value_and_its_details_are_kept(make_config, open_ledger):
    book = open_ledger(make_config())
    row = book.close(book.ask(1).number, Done((0.25,), {"folds": [0.2, 0.3], "spread": 0.07}))
    assert (row["state"], row["value"], row["values"], row["fold_values"]) == ("done", 0.25, [0.25], [0.2, 0.3])
    assert (row["spread"], row["details"]) == (pytest.approx(0.0707, abs=1e-3), {})
    assert row["seconds"] >= 0
    assert row["start"] <= row["end"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_a_failure(make_config, open_ledger, value):
    book = open_ledger(make_config())
    row = book.close(book.ask(1).number, Done((value,), {"epochs": 3}))
    assert (row["state"], row["failure"], row["value"], row["details"]) == ("failed", "nan", None, {"epochs": 3})
    assert f"returned {value}" in row["message"]


def test_a_wrong_number_of_values_is_a_failure(make_config, open_ledger):
    book = open_ledger(make_config())
    row = book.close(book.ask(1).number, Done((1.0, 2.0)))
    assert (row["state"], row["failure"]) == ("failed", "exception")


def test_a_failure_keeps_its_kind_and_message(make_config, open_ledger):
    book = open_ledger(make_config())
    row = book.close(book.ask(1).number, Failed("oom", "CUDA out of memory (rank 3 on b)\nTraceback ..."))
    assert (row["state"], row["failure"]) == ("failed", "oom")
    assert row["message"].startswith("CUDA out of memory (rank 3 on b)")


def test_a_long_message_keeps_both_ends(make_config, open_ledger):
    book = open_ledger(make_config())
    message = book.close(book.ask(1).number, Failed("exception", "A" + "x" * 100_000 + "Z"))["message"]
    assert len(message) < 21_000
    assert message[0] + message[-1] == "AZ"


def test_a_pruned_trial_keeps_its_step(make_config, open_ledger):
    book = open_ledger(make_config())
    assert book.close(book.ask(1).number, Pruned(step=4))["state"] == "pruned"
    assert book._study.trials[0].user_attrs["pruned_at"] == 4


def test_done_pruned_and_failed_count_but_preempted_does_not(make_config, open_ledger):
    book = open_ledger(make_config())
    for outcome in (Done((1.0,)), Pruned(1), Failed("exception", "x"), Preempted("checkpoint-7")):
        book.close(book.ask(1).number, outcome)
    assert book.counted == 3 == history.count(rows_of(book))


def test_a_preempted_trial_goes_on_from_its_checkpoint(make_config, open_ledger):
    book = open_ledger(make_config())
    first = book.ask(1)
    assert book.close(first.number, Preempted("checkpoint-7"))["failure"] == "preempted"
    second = book.ask(2)
    assert (second.number, second.attempt, second.resume_from) == (1, 1, "checkpoint-7")
    assert second.params == first.params
    assert rows_of(book)[1]["resume_of"] == 0


def test_trials_left_running_are_lost_and_tried_again(make_config, open_ledger):
    config = make_config()
    book = open_ledger(config)
    book.close(book.ask(1).number, Done((1.0,)))
    left = [book.ask(1), book.ask(2)]
    again = open_ledger(config, resume=True)
    assert again.lost == [1, 2]
    assert [row["state"] for row in rows_of(again)] == ["done", "failed", "failed", "waiting", "waiting"]
    assert {row["failure"] for row in rows_of(again)[1:3]} == {"lost"}
    assert again.counted == 1
    copies = [again.ask(1), again.ask(2)]
    assert [copy.params for copy in copies] == [one.params for one in left]
    assert [(copy.number, copy.attempt) for copy in copies] == [(3, 1), (4, 1)]
    assert [rows_of(again)[number]["retry_of"] for number in (3, 4)] == [1, 2]
    assert rows_of(again)[3]["source"] == rows_of(again)[1]["source"] == "random"


def test_a_lost_trial_goes_on_from_what_it_left_behind(make_config, open_ledger):
    config = make_config()
    book = open_ledger(config)
    left, idle = book.ask(1), book.ask(2)
    Path(left.directory, "fold-0").mkdir()
    book.note(left.number, 1, 0.5)
    again = open_ledger(config, resume=True)
    copy, fresh = again.ask(1), again.ask(2)
    assert (copy.resume_from, again.curve(copy.number)) == (left.directory, {1: 0.5})
    assert (fresh.params, fresh.resume_from) == (idle.params, None)


def test_a_copy_that_is_lost_too_is_tried_again(make_config, open_ledger):
    config = make_config()
    first = open_ledger(config).ask(1)
    for attempt in (1, 2, 3):
        book = open_ledger(config, resume=True)
        copy = book.ask(1)
        assert (copy.attempt, copy.params) == (attempt, first.params)
    book.close(copy.number, Done((1.0,)))
    assert [row["retry_of"] for row in rows_of(book)] == [None, 0, 1, 2]
    assert book.counted == 1


def test_a_waiting_copy_survives_another_kill(make_config, open_ledger):
    config = make_config()
    open_ledger(config).ask(1)
    open_ledger(config, resume=True)
    book = open_ledger(config, resume=True)
    assert book.lost == []
    assert [row["state"] for row in rows_of(book)] == ["failed", "waiting"]


class KilledError(Exception):
    """Stands for a kill of the process between two writes."""


@pytest.mark.parametrize("survived", range(6))
def test_a_kill_between_any_two_writes_of_the_recovery_loses_and_doubles_nothing(
    make_config, open_ledger, monkeypatch, survived
):
    import optuna

    config = make_config()
    first = open_ledger(config).ask(1)
    left = [survived]

    def until_killed(write):
        def killable(*args, **kwargs):
            if left[0] == 0:
                raise KilledError
            left[0] -= 1
            return write(*args, **kwargs)

        return killable

    with monkeypatch.context() as patch:
        patch.setattr(optuna.Study, "enqueue_trial", until_killed(optuna.Study.enqueue_trial))
        patch.setattr(optuna.Study, "tell", until_killed(optuna.Study.tell))
        patch.setattr(optuna.trial.Trial, "set_user_attr", until_killed(optuna.trial.Trial.set_user_attr))
        if survived < 4:
            with pytest.raises(KilledError):
                open_ledger(config, resume=True)
        else:
            open_ledger(config, resume=True)
    book = open_ledger(config, resume=True)
    copies = [row for row in rows_of(book) if row["retry_of"] is not None]
    assert [row["state"] for row in rows_of(book)] == ["failed", "waiting"]
    assert len(copies) == 1
    assert book.ask(1).params == first.params
    assert book.counted == 0


def test_shortening_keeps_short_texts():
    assert ledger._shorten("short") == "short"
