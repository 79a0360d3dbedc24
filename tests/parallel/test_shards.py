"""Models in shards: who holds what, and real processes that train like one."""

import json

import numpy as np
import pytest
import yaml
from processes import BIN
from typer.testing import CliRunner

from hvdgan.cli import app
from hvdgan.parallel.shards import cut, list_models, list_peers
from hvdgan.training.checkpoint import load_checkpoint

HVDGAN = BIN / "hvdgan"
pytestmark = [pytest.mark.slow, pytest.mark.processes]

SAME, SLOPE = "check_a_model_in_shards_is_the_same", "check_a_slope_in_shards_is_the_same"
ANGLED = "check_an_angled_model_in_shards_is_the_same"
ROUGH = "check_half_the_digits_come_close"


def test_every_rank_is_in_one_model_and_has_one_kind_of_peers():
    for ranks, shards in ((2, 2), (4, 2), (6, 3), (6, 1)):
        for groups in (list_models(ranks, shards), list_peers(ranks, shards)):
            assert sorted(rank for group in groups for rank in group) == list(range(ranks))
        for model in list_models(ranks, shards):
            assert [[rank in peers for rank in model].count(True) for peers in list_peers(ranks, shards)] == [
                1
            ] * shards


def test_lengths_are_cut_as_horovod_cuts_them():
    for length in range(1, 40):
        for count in range(1, 9):
            sizes = [part.stop - part.start for part in cut(length, count)]
            assert sum(sizes) == length
            assert sizes == [length // count + (number < length % count) for number in range(count)]


def test_torch_in_uneven_quarters_and_beside_a_ring(run_mpi):
    done = run_mpi(["shard_checks.py", "torch", "quarters", "pairs"], 4)
    assert done.code == 0, done.err
    assert [done.out.count(check) for check in (SAME, "check_states_are_whole", "check_two_models_are_one")] == [4] * 3


def test_torch_over_gloo(run_gloo):
    done = run_gloo(["shard_checks.py", "torch", "slope", "angle", "rough"], 2)
    assert done.code == 0, done.err
    assert [done.out.count(check) for check in (SLOPE, ANGLED, ROUGH)] == [2] * 3


def test_keras_in_halves(run_mpi):
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    done = run_mpi(["shard_checks.py", "keras", "halves", "slope", "rough"], 2)
    assert done.code == 0, done.err
    assert [done.out.count(check) for check in (SAME, SLOPE, ROUGH)] == [2] * 3


def test_a_run_in_shards_is_that_of_one_process(small_config, tmp_path, run_mpi):
    """Written by shards, resumed and generated from by one process; the merit is that of one process."""
    precise = {"gan.precision": "float64", "gan.model_args": {"width": 0.25}, "training.batch_size": 32}
    file = tmp_path / "c.yaml"
    file.write_text(yaml.safe_dump(small_config.replace({**precise, "training.epochs": 1}).model_dump()))
    sharded, whole = tmp_path / "sharded", tmp_path / "whole"
    words = ["train", file, "--set", "training.shards=2", "--out", sharded]
    done = run_mpi([HVDGAN, *words], 2)
    assert done.code == 0, done.err
    invoke("train", file, "--out", whole)
    assert merits(sharded) == pytest.approx(merits(whole), rel=1e-6)
    states = [load_checkpoint(run / "checkpoints").state for run in (sharded, whole)]
    assert states[0].keys() == states[1].keys()
    assert all(np.allclose(states[0][name], states[1][name], rtol=1e-8, atol=1e-10) for name in states[0])
    stored = yaml.safe_load((sharded / "config.yaml").read_text())
    stored["training"] |= {"shards": 1, "epochs": 2}
    (sharded / "config.yaml").write_text(yaml.safe_dump(stored))
    invoke("train", "--resume", sharded)
    assert len(merits(sharded)) == 2
    invoke("generate", sharded, "--events", "4", "--out", tmp_path / "made.h5")
    refused = run_mpi([HVDGAN, "train", file, "--set", "training.shards=3", "--out", tmp_path / "no"], 2)
    assert refused.code == 2
    assert refused.said("2 ranks cannot be divided into 3 shards; use 3 ranks") == 1


def invoke(*words):
    """Let a verb do its work in this process."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output


def merits(run):
    """Return the merit of every epoch of a run."""
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [row["merit"] for row in rows if row["kind"] == "epoch"]
