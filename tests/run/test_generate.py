"""Showers of several particle classes, and shares of several ranks."""

from types import SimpleNamespace

import numpy as np
import pytest

from hvdgan.calo.geometry import Geometry
from hvdgan.calo.simulate import draw_conditions, simulate
from hvdgan.data.files import open_files
from hvdgan.data.formats import LcdV1
from hvdgan.errors import ConfigError, UsageError
from hvdgan.parallel.world import SoloWorld
from hvdgan.report.counter import counting
from hvdgan.run.generate import Order, generate
from hvdgan.run.train import train
from hvdgan.training.checkpoint import load_checkpoint


def order(**settings):
    return Order(**{"like": (), "events": 7, "energies": (50.0, 400.0), "particle": "photon", "seed": 1, **settings})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A training on electrons and photons."""
    from hvdgan.config import parse

    folder = tmp_path_factory.mktemp("classes")
    conditions = draw_conditions(150, particles=("electron", "photon"), seed=3)
    showers = simulate(conditions, Geometry.parse().with_grid(5, 5, 5), 3)
    LcdV1().write(folder / "showers.h5", showers)
    content = {
        "data": {"files": [str(folder / "showers.h5")], "validation": 0.2},
        "gan": {"latent_size": 4, "model_args": {"width": 0.05}},
        "training": {"epochs": 1, "batch_size": 16, "shuffle_block": 16, "averaging": 0.5},
    }
    assert train(parse(content), folder / "run", False, SoloWorld(), lambda row: None) == 0
    return folder / "run"


def test_each_class_is_generated_by_name_and_looks_different(run, tmp_path):
    made = []
    for particle in ("electron", "photon"):
        path = tmp_path / f"{particle}.h5"
        assert generate(run, order(particle=particle), path, SoloWorld()) == ([path], 7)
        with open_files([str(path)]) as files:
            made.append(files.read(np.arange(7)))
            assert files.particles() == ({"electron": 11, "photon": 22}[particle],)
    np.testing.assert_array_equal(made[0].conditions.energy, made[1].conditions.energy)
    assert not np.allclose(made[0].images["ECAL"], made[1].images["ECAL"], rtol=1e-2)
    names = load_checkpoint(run / "checkpoints").state
    assert names["response"].shape == (2, 5)
    assert names["discriminator/particle/kernel"].shape[0] == 2
    assert "average/particle/kernel" in names


def test_what_was_never_trained_or_is_there_already_is_refused(run, tmp_path):
    with pytest.raises(ConfigError, match="trained with electron, photon; they know no pi0"):
        generate(run, order(particle="pi0"), tmp_path / "p.h5", SoloWorld())
    (tmp_path / "there.h5").touch()
    with pytest.raises(UsageError, match=r"there.h5 exists already"):
        generate(run, order(), tmp_path / "there.h5", SoloWorld())
    pair = SimpleNamespace(rank=0, size=2, agree=lambda compute: compute())
    with pytest.raises(UsageError, match="2 processes cannot share 1 showers"):
        generate(run, order(events=1), tmp_path / "few.h5", pair)


@pytest.mark.slow
@pytest.mark.processes
def test_two_ranks_share_what_one_makes(run, tmp_path, run_mpi):
    from processes import BIN

    generate(run, order(), tmp_path / "whole.h5", SoloWorld())
    words = ["--events", "7", "--energy", "50", "400", "--particle", "photon", "--seed", "1"]
    done = run_mpi([BIN / "hvdgan", "generate", run, *words, "--out", tmp_path / "parts.h5"], 2)
    assert done.code == 0, done.err
    assert done.out.strip() == f"{tmp_path / 'parts_000.h5'} {tmp_path / 'parts_001.h5'}: 7 showers"
    with open_files([str(tmp_path / "whole.h5")]) as whole, open_files([str(tmp_path / "parts_*.h5")]) as parts:
        one, two = whole.read(np.arange(7)), parts.read(np.arange(7))
    np.testing.assert_array_equal(one.conditions.energy, two.conditions.energy)
    np.testing.assert_allclose(two.images["ECAL"], one.images["ECAL"], rtol=1e-4, atol=1e-7)


def test_a_bar_counts_on_a_terminal_only(capsys):
    for terminal in (True, False):
        with counting("showers", 10, terminal=terminal) as told:
            told(10)
        assert ("10/10" in capsys.readouterr().out) == terminal
