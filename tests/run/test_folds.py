"""Folds side by side in real processes: equal to folds in turn, faults, preemption; one job, seen from all sides."""

import json
import signal

import pytest
from processes import Job, mpirun

from hvdgan.config import parse
from hvdgan.files import read_json_lines

pytestmark = [pytest.mark.processes, pytest.mark.slow]

EPOCHS, STEPS = 3, 3
"""Of a fold: 100 events on a ring of two with batches of 16."""


@pytest.fixture(scope="module")
def job(small_showers, tmp_path_factory):
    """Run `fold_program.py`, with a signal once fold 0 of the first trial is done; return its folder."""
    folder = tmp_path_factory.mktemp("folds")
    config = parse(
        {
            "data": {"files": [str(small_showers / "*.h5")]},
            "gan": {"latent_size": 4, "model_args": {"width": 0.05}},
            "training": {"epochs": EPOCHS, "batch_size": 16, "metric_every": STEPS, "shuffle_block": 16},
            "study": {
                "folds": 2,
                "fold_mode": "parallel",
                "objective": ["merit", "generation_time", "training_time"],
            },
        }
    )
    (folder / "config.yaml").write_text(config.dump())
    with Job(mpirun(5, ["fold_program.py", folder, folder / "config.yaml"])) as job:
        job.wait_for(folder / "left" / "fold-0" / f"step-{EPOCHS * STEPS:08d}" / "manifest.json")
        job.process.send_signal(signal.SIGUSR1)
        done = job.finish()
    assert done.code == 0, done.err
    assert done.out.count("ok") == 5
    return folder


@pytest.fixture
def outcome(job):
    """Return what came out of a trial, by name."""
    return lambda name: json.loads((job / f"{name}.json").read_text())


def curve(outcome):
    """Return the judged steps of a trial and their merits."""
    return [(report["step"], report["merit"]) for report in outcome["reports"] if report["judged"]]


def rows(job, name, fold, kind):
    """Return the lines of metrics of one fold."""
    return [row for row in read_json_lines(job / name / f"fold-{fold}" / "metrics.jsonl") if row["kind"] == kind]


def test_side_by_side_equals_in_turn_bit_for_bit(outcome):
    side_by_side, in_turn = outcome("good"), outcome("pair_0")
    assert side_by_side["ending"] == in_turn["ending"] == "Done"
    assert len(set(side_by_side["details"]["folds"])) == 2
    for name in ("folds", "spread", "best_epochs"):
        assert side_by_side["details"][name] == in_turn["details"][name]
    assert side_by_side["values"][0] == in_turn["values"][0] == sum(side_by_side["details"]["folds"]) / 2
    assert in_turn["details"]["folds"] == outcome("pair_1")["details"]["folds"]


def test_side_by_side_is_judged_by_the_mean_of_the_folds(job, outcome):
    merits = [[row["merit"] for row in rows(job, "good", fold, "epoch")] for fold in (0, 1)]
    assert curve(outcome("good")) == [(epoch, sum(pair) / 2) for epoch, pair in enumerate(zip(*merits, strict=True), 1)]
    report = outcome("good")["reports"][-1]
    assert {"fold", "folds", "rings", "epoch", "epochs", "generation_time", "training_time"} <= report.keys()
    assert outcome("good")["beats"] > 0


def test_in_turn_is_judged_by_the_first_fold_and_then_by_the_mean(job, outcome):
    trial = outcome("pair_0")
    first = [(row["epoch"], row["merit"]) for row in rows(job, "pair_0", 0, "epoch")]
    assert curve(trial) == [*first, (EPOCHS + 1, trial["values"][0])]


def test_times_are_values_too(outcome):
    values, details = outcome("good")["values"], outcome("good")["details"]
    assert values[1] == sum(details["folds_generation_time"]) / 2 > 0
    assert values[2] == sum(details["folds_training_time"]) / 2 > 0


def test_an_exception_names_its_fold_and_stops_the_sibling(job, outcome):
    failed = outcome("failed")
    assert (failed["ending"], failed["kind"]) == ("Failed", "exception")
    first, *text = failed["message"].splitlines()
    assert first.startswith("ValueError: a bad point (rank 3 on ")
    assert first.endswith(", fold 1)")
    assert any("Traceback" in line for line in text)
    assert "also failed" not in failed["message"]
    assert max(row["epoch"] for row in rows(job, "failed", 0, "step")) < 100, "the sibling trained on"


def test_nan_in_one_fold_fails_the_trial(job, outcome):
    nan = outcome("nan")
    assert (nan["ending"], nan["kind"]) == ("Failed", "nan")
    assert nan["message"].splitlines()[0].endswith(", fold 1)")
    assert max((row["epoch"] for row in rows(job, "nan", 0, "step")), default=0) < 100, "the sibling trained on"


def test_a_rank_that_hangs_is_a_stall_and_its_peers_are_freed(job, outcome):
    stalled = outcome("stalled")
    assert (stalled["ending"], stalled["kind"]) == ("Failed", "stall")
    assert stalled["message"].startswith("a rank stalled; the last one to come back was rank 3 on ")
    assert ", fold 1, the first one to be freed said:\nRingShutError: " in stalled["message"]
    assert max(row["epoch"] for row in rows(job, "stalled", 0, "step")) < 200, "the sibling trained on"


def test_the_group_is_as_good_as_new_after_every_fault(outcome):
    good, last = outcome("good"), outcome("good_at_last")
    assert (last["ending"], last["details"]["folds"], curve(last)) == ("Done", good["details"]["folds"], curve(good))


def test_a_group_beside_it_is_undisturbed(outcome):
    trials = [outcome(f"alone_{number}") for number in range(2)]
    assert [trial["ending"] for trial in trials] == ["Done"] * 2
    assert trials[0]["details"]["folds"] == trials[1]["details"]["folds"]


def test_preempted_folds_go_on_and_nothing_is_lost_or_counted_twice(job, outcome):
    attempts = [outcome(name) for name in ("left", "left_again", "resumed")]
    assert [attempt["ending"] for attempt in attempts] == ["Preempted", "Preempted", "Done"]
    told = [step for attempt in attempts for step in curve(attempt)]
    assert [step for step, _ in told] == list(range(1, EPOCHS + 1))
    assert [merit for _, merit in told] == pytest.approx([merit for _, merit in curve(outcome("good"))], rel=1e-4)
    assert attempts[-1]["details"]["folds"] == pytest.approx(outcome("good")["details"]["folds"], rel=1e-4)
    epochs = [row["epoch"] for name in ("left", "left_again", "resumed") for row in rows(job, name, 1, "epoch")]
    assert epochs == list(range(1, EPOCHS + 1))


def test_a_fold_that_was_done_is_never_trained_again(job, outcome):
    assert len(rows(job, "left", 0, "epoch")) == EPOCHS
    assert rows(job, "left_again", 0, "step") == rows(job, "resumed", 0, "step") == []
    assert outcome("resumed")["details"]["events_per_second"][0] > 0
