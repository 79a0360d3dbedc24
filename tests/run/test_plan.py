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
    assert "Recommended: 25 groups of 5 ranks, the 2 folds in turn, each a ring of 5." in told
    assert "200 trials are 8 full waves of 25" in told
    assert "hvdgan launch -np 126 study CONFIG --trials 200 --ranks-per-trial 5" in told
    assert "--set study.folds=2 --set study.fold_mode=sequential" in told
    assert told.count("Assumed:") == 6


def test_measurements_take_the_place_of_assumptions(tmp_path):
    bench, about = tmp_path / "bench.jsonl", {"environment": {"cores": 4}}
    rings = [
        {"kind": "ring", "ranks": p, "bytes": n, "seconds": 0.002 + n * (p - 1) / p * 1e-9, "link": None, **about}
        for p in (2, 4) for n in (8, 2**20, 2**24)
    ]  # fmt: skip
    step = {"kind": "step", "model": "3dgan", "backend": "torch", "precision": "bfloat16", "grid": [25, 25, 25],
            "batch": 16, "seconds": 3.2, "jitter": 0.013}  # fmt: skip
    bench.write_text("".join(json.dumps(row) + "\n" for row in [*rings, step]))
    told = json.loads(ask("--bench", bench, "--json"))
    assert told["assumptions"][0] == (
        "Measured: 0.2 s per event (3dgan, 25 x 25 x 25, bfloat16, torch, batches of 16), steps that vary by 1.3%."
    )
    assert "2 GB/s, 2 ms of negotiation between processes of a host, fitted to 6" in told["assumptions"][1]
    assert len(told["layouts"]) == 9
    waiting = 0.013 * 5**0.5 * 1.163  # of five stages, for the slowest of five ranks
    assert told["best"]["layout"]["ring"] == 5
    assert told["best"]["step"] == pytest.approx(64 * 0.2 * (1 + waiting), rel=0.005)


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
