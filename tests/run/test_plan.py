"""`hvdgan plan` as a user types it: assumptions are named, measurements take their place."""

import json

import pytest
from typer.testing import CliRunner

from hvdgan.cli import app
from hvdgan.errors import UsageError

WORDS = ["plan", "--ranks", "129", "--trials", "200", "--epochs", "30", "--events", "200000"]


def ask(*words):
    """Return what the verb prints; its errors are raised."""
    return CliRunner().invoke(app, [*WORDS, *map(str, words)], catch_exceptions=False).output


def test_it_recommends_a_layout_says_why_and_what_it_assumes():
    told = ask("--folds", 2)
    assert "Recommended: 8 groups of 16 ranks, the 2 folds side by side, each a ring of 8." in told
    assert "200 trials are 25 full waves of 8" in told
    assert "hvdgan launch -np 129 study CONFIG --trials 200 --ranks-per-trial 16" in told
    assert "--set study.folds=2 --set study.fold_mode=parallel" in told
    assert told.count("Assumed:") == 6


def test_measurements_take_the_place_of_assumptions(tmp_path):
    bench, about = tmp_path / "bench.jsonl", {"environment": {"cores": 4}}
    rings = [
        {"kind": "ring", "ranks": p, "bytes": n, "seconds": 0.002 + n * (p - 1) / p * 1e-9, "link": None, **about}
        for p in (2, 4) for n in (8, 2**20, 2**24)
    ]  # fmt: skip
    step = {"kind": "step", "model": "3dgan", "backend": "torch", "precision": "bfloat16", "grid": [25, 25, 25],
            "batch": 16, "seconds": 3.2}  # fmt: skip
    bench.write_text("".join(json.dumps(row) + "\n" for row in [*rings, step]))
    told = json.loads(ask("--bench", bench, "--json"))
    assert told["assumptions"][0] == (
        "Measured: 0.2 s per event and step (3dgan, 25 x 25 x 25, bfloat16, torch, batches of 16)."
    )
    assert "2 GB/s, 2 ms of negotiation between processes of a host, fitted to 6" in told["assumptions"][1]
    assert len(told["layouts"]) == 8
    assert told["best"]["step"] == pytest.approx(64 * 0.2, rel=0.01)


def test_what_does_not_fit_is_told_and_divided():
    told = ask("--memory", 0.8)
    assert "x 4 shards" in told
    assert "A model in one piece, or in fewer shards, takes more than 0.80 GB of a rank; this takes 0.70 GB." in told
    assert "--set training.shards=4" in told
    assert "or --shards 4 (training.shards)." in ask("--memory", 0.8, "--shards", 1)
    assert "no number of shards helps" in ask("--memory", 0.1)


def test_a_file_that_is_none_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"give a file that `hvdgan bench` wrote"):
        ask("--bench", tmp_path / "missing.jsonl")
