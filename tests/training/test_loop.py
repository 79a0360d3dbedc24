import math
from dataclasses import replace

import numpy as np
import pytest

from hvdgan.data.files import open_files
from hvdgan.errors import DataError, NotFiniteError
from hvdgan.parallel.ring import SoloRing
from hvdgan.run.build import plan_course, train_once
from hvdgan.training.checkpoint import load_checkpoint
from hvdgan.training.loop import PREEMPT, PRUNE, STOP, Hooks


def train(config, folder, hooks=None, saved=None):
    return train_once(config, SoloRing(), folder, hooks or Hooks(), saved=saved)


def wish_after(steps, word):
    """Return a hook that wishes for something once it was asked so many times."""
    asked = iter(range(10_000))
    return lambda: word if next(asked) >= steps else 0


def test_training_records_losses_and_merit(small_config, tmp_path):
    rows = []
    result = train(small_config, tmp_path, Hooks(record=rows.append))
    assert result.ending == "done"
    assert [row["kind"] for row in rows] == ["untrained", *["step"] * 4, "epoch", *["step"] * 4, "epoch"]
    epochs = [row for row in rows if row["kind"] == "epoch"]
    assert result.position.curve == [row["merit"] for row in epochs]
    assert result.position.merit == min(result.position.curve)
    assert result.timing.generation == min(row["generation_time"] for row in epochs) > 0
    assert result.timing.events == 2 * 160
    assert result.timing.training == max(row["training_time"] for row in epochs) > 0
    assert all(math.isfinite(row["generator_loss"]) for row in rows if row["kind"] == "step")
    assert all(0 <= row["waited_fraction"] <= 1 for row in rows if row["kind"] == "step")
    assert result.position.steps == 2 * (160 // 16)


def test_training_ends_where_it_gets_no_better(small_config, tmp_path):
    still = small_config.replace(
        {
            "gan.model_args": {"width": 0.05, "batch_norm": False},
            "training.learning_rate": 1e-30,
            "training.epochs": 9,
            "training.patience": 2,
        }
    )
    result = train(still, tmp_path)
    assert (result.ending, result.position.epoch, result.position.best_epoch) == ("done", 3, 1)
    assert load_checkpoint(tmp_path).manifest["position"]["epoch"] == 3
    again = train(still, tmp_path, saved=load_checkpoint(tmp_path))
    assert again.position == result.position


def test_a_generator_that_went_dark_is_named(small_config, tmp_path):
    train(small_config, tmp_path)
    saved, rows = load_checkpoint(tmp_path), []
    saved.state["generator/conv4/kernel"][:] = 0
    longer = small_config.replace({"training.epochs": 3, "training.learning_rate": 1e-30})
    train(longer, tmp_path, Hooks(record=rows.append), saved)
    assert rows[-1]["ailment"] == "no energy: 100% of the generated showers are empty"


@pytest.mark.parametrize("steps", [0, 4, 9, 13])
def test_interrupted_and_resumed_equals_uninterrupted_bit_for_bit(small_config, tmp_path, steps):
    train(small_config, tmp_path / "whole")
    left = train(small_config, tmp_path / "parts", Hooks(word=wish_after(steps, PREEMPT)))
    assert left.ending == "preempted"
    assert left.position.steps == steps + 2  # a wish is heard by all one step later
    resumed = train(small_config, tmp_path / "parts", saved=load_checkpoint(tmp_path / "parts"))
    assert resumed.ending == "done"
    assert resumed.timing.training > left.timing.training > 0
    whole, parts = load_checkpoint(tmp_path / "whole"), load_checkpoint(tmp_path / "parts")
    assert whole.manifest["position"] == parts.manifest["position"]
    assert whole.state.keys() == parts.state.keys()
    assert all(np.array_equal(whole.state[name], parts.state[name]) for name in whole.state)


def test_another_seed_gives_other_weights(small_config, tmp_path):
    train(small_config, tmp_path / "a")
    train(small_config.replace({"training.seed": 1}), tmp_path / "b")
    one, other = load_checkpoint(tmp_path / "a").state, load_checkpoint(tmp_path / "b").state
    assert any(not np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(("word", "ending"), [(STOP, "stopped"), (PRUNE, "pruned"), (STOP | PREEMPT, "stopped")])
def test_leaving_without_a_checkpoint(small_config, tmp_path, word, ending):
    result = train(small_config, tmp_path, Hooks(word=wish_after(3, word)))
    assert result.ending == ending
    assert not (tmp_path / "latest").exists()


def test_nan_ends_the_training_and_keeps_the_last_good_state(small_config, tmp_path):
    train(small_config, tmp_path)
    good = load_checkpoint(tmp_path)
    wild = small_config.replace({"training.learning_rate": 1e30, "training.epochs": 3})
    with pytest.raises(NotFiniteError, match=r"became (nan|inf) by step \d+; lower training.learning_rate"):
        train(wild, tmp_path, saved=good)
    assert load_checkpoint(tmp_path).manifest["sha256"] == good.manifest["sha256"]


def test_too_few_events_for_a_step_are_refused(small_config, tmp_path):
    with pytest.raises(DataError, match="160 training events are not one step of 1 ranks x batch 512"):
        train(small_config.replace({"training.batch_size": 512}), tmp_path)


def test_folds_leave_out_different_events(small_config, tmp_path):
    config = small_config.replace({"study.folds": 2, "training.epochs": 1})
    merits = [train_once(config, SoloRing(), tmp_path / str(fold), Hooks(), fold).position for fold in (0, 1)]
    assert merits[0].merit != merits[1].merit
    assert merits[0].steps == merits[1].steps == 100 // 16


def test_a_finished_training_that_is_resumed_only_tells_what_it_was(small_config, tmp_path):
    done, rows = train(small_config, tmp_path), []
    again = train(small_config, tmp_path, Hooks(record=rows.append), load_checkpoint(tmp_path))
    assert (again.ending, again.position, again.timing, rows) == ("done", done.position, done.timing, [])


def test_another_seed_leaves_other_events_out_unless_the_split_has_its_own(small_config, tmp_path):
    with open_files(small_config.data.files, "auto", "ECAL", None, None) as files:
        other = small_config.replace({"training.seed": 1})
        held_out = [plan_course(*args).held_out for args in ((small_config, files, None), (other, files, None))]
        assert held_out[0] != held_out[1]
        assert plan_course(other, files, None, small_config.training.seed).held_out == held_out[0]
        assert plan_course(other.replace({"study.folds": 2}), files, 1, 0).held_out.seed == 0


def test_every_step_and_every_block_of_validation_beats(small_config, tmp_path):
    beats = []
    result = train(small_config, tmp_path, replace(Hooks(), beat=lambda: beats.append(1)))
    read, warm_up, measured = 1, 1, 3
    assert len(beats) == result.position.steps + read + warm_up + measured
