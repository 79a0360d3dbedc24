"""The verbs with `gan.backend: keras`: alone, as a study over parts of an MPI world, and after another framework."""

import json
from contextlib import closing
from importlib.util import find_spec

import numpy as np
import pytest
import yaml
from processes import BIN, mpirun, run_job

from hvdgan.calo.shower import Conditions
from hvdgan.config import load
from hvdgan.parallel.world import SoloWorld
from hvdgan.run.generate import Order, generate, rebuild
from hvdgan.run.train import train
from hvdgan.training.checkpoint import load_checkpoint

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("tensorflow") is None, reason="TensorFlow is not installed"),
]

EXACT = {"gan.precision": "float64", "gan.model_args": {"width": 0.05, "dropout": 0.0}, "training.epochs": 1}
ORDER = Order(like=(), events=5, energies=(50.0, 400.0), particle="electron", seed=1)


def switch(run, backend):
    """Write another framework, and one epoch more, into a run's configuration."""
    settings = yaml.safe_load((run / "config.yaml").read_text())
    settings["gan"]["backend"] = backend
    settings["training"]["epochs"] += 1
    (run / "config.yaml").write_text(yaml.safe_dump(settings))
    return load(run / "config.yaml")


def test_a_run_is_generated_from_and_resumed_in_the_other_framework(small_config, tmp_path):
    run, rows = tmp_path / "run", []
    config = small_config.replace({**EXACT, "gan.backend": "torch"})
    assert train(config, run, False, SoloWorld(), rows.append) == 0
    conditions = Conditions.perpendicular(np.array([50.0, 300.0]))
    with closing(rebuild(run)) as gan:
        expected = gan.generate(conditions, 3)
    config = switch(run, "keras")
    with closing(rebuild(run)) as gan:
        assert type(gan).__module__ == "hvdgan.backends.keras.gan"
        np.testing.assert_allclose(gan.generate(conditions, 3), expected, rtol=1e-5, atol=1e-7)
    assert generate(run, ORDER, tmp_path / "g.h5", SoloWorld()) == ([tmp_path / "g.h5"], 5)
    rows.clear()
    assert train(config, run, True, SoloWorld(), rows.append) == 0
    assert [row["kind"] for row in rows] == [*["step"] * 4, "epoch"]
    assert all(row["events_per_second"] > 0 for row in rows if row["kind"] == "step")
    whole = small_config.replace({**EXACT, "training.epochs": 2})
    assert train(whole, tmp_path / "whole", False, SoloWorld(), lambda row: None) == 0
    mixed, torch = (load_checkpoint(folder / "checkpoints") for folder in (run, tmp_path / "whole"))
    assert mixed.manifest["position"]["curve"] == pytest.approx(torch.manifest["position"]["curve"], rel=1e-4)
    config = switch(run, "torch")
    assert train(config, run, True, SoloWorld(), rows.append) == 0
    assert load_checkpoint(run / "checkpoints").manifest["position"]["epoch"] == 3


@pytest.mark.processes
def test_a_study_trains_trial_after_trial_on_parts_of_an_mpi_world(small_config, tmp_path):
    space = {"training.learning_rate": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True}}
    settings = {"study.trials": 2, "study.ranks_per_trial": 2, "study.space": space, "study.sampler": "random"}
    config = small_config.replace({"gan.backend": "keras", "training.epochs": 1, **settings})
    (tmp_path / "search.yaml").write_text(config.dump())
    run = tmp_path / "study"
    done = run_job(mpirun(3, [BIN / "hvdgan", "study", tmp_path / "search.yaml", "--out", run]))
    assert done.code == 0, done.err
    assert "TensorFlow" not in done.err
    assert "oneDNN" not in done.err
    assert json.loads((run / "verdict.json").read_text())["code"] == 0
    assert len(list(run.glob("trials/*/fold-0/best"))) == 2
