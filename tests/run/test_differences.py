"""A study that is resumed with an edited configuration, as a user does it; and what is written down of a password."""

import sys

import pytest
from processes import BIN, run_job
from typer.testing import CliRunner

from hvdgan.cli import app
from hvdgan.config import load
from hvdgan.files import read_json_lines
from hvdgan.run.conclusion import best_config
from hvdgan.run.directory import environment

HVDGAN = BIN / "hvdgan"
SPACE = {"training.learning_rate": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True}}


@pytest.mark.slow
@pytest.mark.processes
def test_an_edited_configuration_is_refused_and_may_be_forced(small_config, tmp_path):
    run, file = tmp_path / "run", tmp_path / "search.yaml"
    study = {"trials": 1, "sampler": "random", "storage": "journal://study.journal", "space": SPACE}
    config = small_config.replace({"training.epochs": 1, **{f"study.{key}": value for key, value in study.items()}})
    file.write_text(config.dump())
    first = CliRunner().invoke(app, ["study", str(file), "--out", str(run)])
    assert first.exit_code == 0, first.output
    edited = load(run / "config.yaml").replace({"training.label_flip": 0.1, "study.trials": 2})
    (run / "config.yaml").write_text(edited.dump())
    refused = run_job([HVDGAN, "study", "--resume", run])
    assert refused.code == 2
    assert refused.said("objective.training.label_flip: stored 0.05, now 0.1") == 1
    assert refused.said("--despite-differences") == 1
    forced = CliRunner().invoke(app, ["study", "--resume", str(run), "--despite-differences"])
    assert forced.exit_code == 0, forced.output
    assert "label_flip: stored 0.05, now 0.1" in (run / "run.log").read_text()
    ended = [event for event in read_json_lines(run / "events.jsonl") if event["event"] == "finished"]
    assert [event["number"] for event in ended] == [0, 1]


def test_no_password_is_written_down_for_others(small_config, monkeypatch):
    url = "postgresql://ann:secret@host/db"
    monkeypatch.setattr(sys, "argv", ["hvdgan", "study", "--set", f"study.storage={url}"])
    assert "secret" not in str(environment(["here"]))
    assert "secret" not in best_config(small_config.replace({"study.storage": url}), {}).dump()
