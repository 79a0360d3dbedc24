"""`hvdgan check`: what it tries and tells, what it leaves behind (nothing), and how it ends when a model is broken."""

import re
import tempfile
from pathlib import Path

import pytest

import hvdgan.backends
from hvdgan.errors import ConfigError, MissingDependencyError, NotFiniteError
from hvdgan.parallel.world import SoloWorld
from hvdgan.run.check import check
from hvdgan.run.rehearsal import Enough
from hvdgan.run.train import refuse

MODELS = Path(__file__).parents[1] / "backends" / "models"
SPACE = {
    "training.learning_rate": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True},
    "gan.model_args.width": {"type": "float", "low": 0.05, "high": 0.1},
}


@pytest.fixture
def litter(tmp_path, monkeypatch):
    """A folder that is the current one and the one for temporary files: whatever is left behind is in there."""
    folder = tmp_path / "litter"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def left(folder):
    """List what hvdgan left in a folder; torch makes one for its compiler."""
    return [path for path in folder.iterdir() if not path.name.startswith("torchinductor")]


def tell(config):
    """Check a configuration alone; return what was seen."""
    return dict(check(config, SoloWorld()).rows)


def test_a_training_is_tried_and_costed(small_config, litter):
    seen = tell(small_config)
    assert seen["model"] == "3dgan in torch; parameters: generator 1,785, discriminator 771"
    assert seen["data"] == "160 events to train on, 40 held out"
    step, epoch, whole = (seen[name] for name in ("a step", "an epoch of 10 steps", "a training of 2 epochs"))
    step, epoch, whole = (float(re.match(r"[\d.]+", text)[0]) for text in (step, epoch, whole))
    assert step / 1000 * 10 <= epoch * 1.06 < whole
    assert 100 < int(re.match(r"[\d,]+(?= MB)", seen["memory of a rank"])[0].replace(",", "")) < 20_000
    assert left(litter) == []


def test_a_study_is_tried_without_touching_its_storage(small_config, litter):
    settings = {"study.storage": f"sqlite:///{litter}/mine.db", "study.folds": 2, "study.trials": 6}
    seen = tell(small_config.replace({**settings, "study.space": SPACE}))
    assert re.fullmatch(r"learning_rate 0\.\d+, width 0\.\d+", seen["a point that was asked for"])
    assert {"a trial of 2 x 2 epochs", "6 trials, 1 at a time, none pruned"} < seen.keys()
    assert left(litter) == []


def test_what_would_end_the_run_ends_the_check(small_config, litter):
    with pytest.raises(NotFiniteError, match=r"lower training\.learning_rate"):
        tell(small_config.replace({"training.learning_rate": 1e30}))
    wide = {"gan.model_args.width": {"type": "categorical", "choices": [0.1, "wide"]}}
    with pytest.raises(ConfigError, match="width: Input should be a valid number; given: 'wide'"):
        tell(small_config.replace({"study.space": wide}))
    assert left(litter) == []


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_a_horovod_that_is_built_for_the_other_framework_is_named_before_anything_starts(
    small_config, monkeypatch, backend
):
    pytest.importorskip({"keras": "tensorflow"}.get(backend, backend))
    monkeypatch.setitem(
        __import__("sys").modules, {"torch": "horovod.torch", "keras": "horovod.tensorflow"}[backend], None
    )
    with pytest.raises(MissingDependencyError, match="run scripts/setup --frameworks torch,keras, which builds it"):
        refuse(small_config.replace({"gan.backend": backend}), 2)


def test_enough_is_two_steps_at_least_and_only_one_rank_says_so():
    first, other = Enough(True), Enough(False)
    for one in (first, other):
        one.begin()
        one._seconds = 5.0
    assert (first.word(), other.word()) == (1, 0)  # read one step later
    quick = Enough(True)
    words = []
    for _ in range(19):
        quick.begin()
        words.append(quick.word())
    assert words == [0] * 18 + [1]


@pytest.mark.slow
def test_the_keras_example_is_tried(small_config, litter):
    tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    page = Path(hvdgan.backends.__file__).with_name("MODELS.md").read_text(encoding="utf-8")
    (litter.parent / "checked.py").write_text(re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)[1])
    own = {"gan.model": "checked:build", "gan.model_path": str(litter.parent), "gan.model_args": {"width": 4}}
    tf.config.run_functions_eagerly(True)
    try:
        assert "checked:build in keras" in tell(small_config.replace({"gan.backend": "keras", **own}))["model"]
    finally:
        tf.config.run_functions_eagerly(False)


@pytest.mark.slow
@pytest.mark.processes
def test_groups_are_tried_and_a_broken_model_is_refused_once(small_config, tmp_path, run_mpi):
    space = {"gan.model_args.flaw": {"type": "categorical", "choices": ["none", "frozen"]}}
    own = {"gan.model": "own_torch:build", "gan.model_path": str(MODELS), "gan.model_args": {}, "study.space": space}
    path = tmp_path / "own.yaml"
    path.write_text(small_config.replace({**own, "study.ranks_per_trial": 2}).dump())
    done = run_mpi(["check_program.py", path, "gan.model_args.flaw=shape"], np=3)
    assert done.out.count("own_torch:build in torch") == 1, done.err
    assert re.search(r"^ring +2 ranks$", done.out, flags=re.MULTILINE)
    assert done.code == 2
    lines = [line for line in done.err.splitlines() if line.startswith("hvdgan: ")]
    assert len(lines) == 1
    assert "has shape (2, 5, 5, 5); (2, 1, 5, 5, 5) is expected" in lines[0]
    assert done.said("Traceback") == 0
