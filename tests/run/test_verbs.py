"""Every verb as a user types it: alone, over gloo, over MPI; and what happens when it goes wrong."""

import json
import signal
import sys
import time
from functools import cache

import numpy as np
import pytest
import yaml
from processes import BIN, Job, horovodrun, mpirun, run_job
from typer.testing import CliRunner

from hvdgan import __version__
from hvdgan.backends.torch import Gan
from hvdgan.calo.metrics import METRICS
from hvdgan.calo.shower import Conditions, Showers
from hvdgan.cli import app, main
from hvdgan.data.files import open_files
from hvdgan.data.formats import LcdV1
from hvdgan.run.generate import rebuild
from hvdgan.run.launching import run_directory, watch_verdict
from hvdgan.training.checkpoint import load_checkpoint
from hvdgan.verdict import write_verdict

HVDGAN = BIN / "hvdgan"
pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def config_file(small_config, tmp_path_factory):
    path = tmp_path_factory.mktemp("configuration") / "small.yaml"
    path.write_text(small_config.dump())
    return path


def command(launcher, words):
    """Return a command line of hvdgan under a launcher with two processes, or alone."""
    words = [HVDGAN, *words]
    return {"alone": words, "mpi": mpirun(2, words), "gloo": horovodrun(2, words)}[launcher]


@pytest.fixture(scope="module")
def trained(config_file, tmp_path_factory):
    """Return a function (launcher) -> run directory and end of a training under it, which is done once.

    Over MPI it leaves a timeline beside the run directory.
    """

    @cache
    def train(launcher):
        folder = tmp_path_factory.mktemp(launcher)
        traced = ["--timeline", folder / "timeline.json"] if launcher == "mpi" else []
        words = ["train", config_file, "--out", folder / "run", *traced]
        return folder / "run", run_job(command(launcher, words))

    return train


@pytest.mark.parametrize(
    "launcher", ["alone", *(pytest.param(name, marks=pytest.mark.slow) for name in ("mpi", "gloo"))]
)
def test_train_leaves_a_complete_run(trained, launcher):
    run, done = trained(launcher)
    assert done.code == 0, done.err
    assert done.said("epoch 2/2 done") == 1
    assert json.loads((run / "verdict.json").read_text())["code"] == 0
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows if row["kind"] == "epoch"] == [1, 2]
    assert "new training on" in (run / "run.log").read_text()
    environment = json.loads((run / "environment.json").read_text())
    assert len(environment["hosts"]) == (1 if launcher == "alone" else 2)
    assert load_checkpoint(run / "checkpoints").manifest["world"] == (1 if launcher == "alone" else 2)


@pytest.mark.slow
def test_train_is_the_same_over_mpi_and_gloo(trained):
    one, other = (load_checkpoint(trained(launcher)[0] / "checkpoints").state for launcher in ("mpi", "gloo"))
    assert all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.slow
def test_a_timeline_is_a_trace_of_both_networks_that_viewers_open(trained):
    trace = json.loads(trained("mpi")[0].with_name("timeline.json").read_text())
    names = {row["args"].get("name", "") for row in trace if row.get("name") == "process_name"}
    assert {"allreduce.generator/conv1.weight", "allreduce.discriminator/conv1.weight"} <= names
    phases = [row["ph"] for row in trace]
    assert phases.count("B") == phases.count("E") > 100
    assert {row["name"] for row in trace if row["ph"] == "B"} >= {"NEGOTIATE_ALLREDUCE", "MPI_ALLREDUCE"}


@pytest.mark.slow
def test_a_signal_preempts_and_resume_goes_on(config_file, tmp_path):
    run = tmp_path / "run"
    long = ["--set", "training.epochs=300", "--out", run]
    with Job([HVDGAN, "train", config_file, *long]) as job:
        job.wait_for(run / "checkpoints" / "latest")
        job.process.send_signal(signal.SIGUSR1)
        assert job.finish(30).code == 75
    assert json.loads((run / "verdict.json").read_text())["code"] == 75
    position = load_checkpoint(run / "checkpoints").manifest["position"]
    run_yaml = yaml.safe_load((run / "config.yaml").read_text())
    run_yaml["training"]["epochs"] = position["epoch"] + 2
    (run / "config.yaml").write_text(yaml.safe_dump(run_yaml))
    resumed = run_job([HVDGAN, "train", "--resume", run])
    assert resumed.code == 0, resumed.err
    assert "untrained" not in resumed.out
    assert load_checkpoint(run / "checkpoints").manifest["position"]["steps"] == (position["epoch"] + 2) * 10


@pytest.mark.slow
def test_killed_training_resumes_from_the_last_checkpoint(config_file, tmp_path):
    run = tmp_path / "run"
    with Job(mpirun(2, [HVDGAN, "train", config_file, "--set", "training.epochs=300", "--out", run])) as job:
        job.wait_for(run / "checkpoints" / "latest")
        job.kill()
    position = load_checkpoint(run / "checkpoints").manifest["position"]
    with Job(mpirun(2, [HVDGAN, "train", "--resume", run])) as job:
        end = time.monotonic() + 60
        while load_checkpoint(run / "checkpoints").manifest["position"]["epoch"] <= position["epoch"]:
            assert time.monotonic() < end
            time.sleep(0.2)
        job.kill()


@pytest.mark.slow
def test_uneven_files_give_every_rank_the_same_steps(config_file, tmp_path):
    showers = Showers(
        Conditions.perpendicular(np.linspace(10, 500, 108)), {"ECAL": np.full((108, 5, 5, 5), 0.02, "f4")}
    )
    for number, part in enumerate((slice(0, 1), slice(1, 8), slice(8, 108))):
        LcdV1().write(tmp_path / f"uneven_{number}.h5", showers[part])
    words = [config_file, "--set", f"data.files=[{tmp_path}/uneven_*.h5]", "--set", "training.epochs=1"]
    done = run_job(command("gloo", ["train", *words, "--out", tmp_path / "run"]))
    assert done.code == 0, done.err
    position = load_checkpoint(tmp_path / "run" / "checkpoints").manifest["position"]
    assert position["steps"] == 87 // 32  # 108 events, 1 of 5 held out, 2 ranks of 16


def break_file(path, how):
    """Write a shower file that is not what it should be."""
    import h5py

    images = np.full((40, 5, 5, 5), 0.02, dtype="f4")
    target = np.tile(np.array([[11, 50, 0, 50, 0]], dtype="f4"), (40, 1))
    if how == "nan":
        images[7, 1, 2, 3] = np.nan
    if how == "dimensions":
        images = images[0]
    if how == "empty":
        images, target = images[:0], target[:0]
    with h5py.File(path, "w") as file:
        file["ECAL"] = images
        if how != "missing":
            file["target"] = target[:, None]
    if how == "truncated":
        path.write_bytes(path.read_bytes()[:5000])


BAD_FILES = {"nan": "ECAL", "dimensions": "ECAL", "empty": "", "missing": "target", "truncated": "truncated"}
"""What may be wrong with a file, and a word of the message."""


@pytest.fixture(scope="module")
def refusals(config_file, tmp_path_factory):
    """Start a training of two ranks on every bad file in turn, in one job; return its folder."""
    folder = tmp_path_factory.mktemp("bad")
    words = {}
    for how in BAD_FILES:
        (folder / how).mkdir()
        break_file(folder / how / "bad.h5", how)
        file = f"data.files=[{folder / how / 'bad.h5'}]"
        words[how] = ["train", str(config_file), "--set", file, "--out", str(folder / how / "run")]
    (folder / "words.json").write_text(json.dumps(words))
    done = run_job(mpirun(2, ["words_in_turn.py", folder]))
    assert done.code == 0, done.err
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("how", BAD_FILES)
def test_a_bad_file_is_one_clear_error_on_two_ranks(refusals, how):
    assert [(refusals / how / f"code-{rank}").read_text() for rank in range(2)] == ["2", "2"]
    told = "".join((refusals / how / f"told-{rank}").read_text() for rank in range(2))
    (line,) = [line for line in told.splitlines() if line.startswith("hvdgan: ")]
    assert "bad.h5" in line
    assert BAD_FILES[how] in line
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["train", "CONFIG", "--set", "gan.model_args.widht=1"], "3dgan takes width (float)"),
        (["train"], "give a CONFIG to start a run, or --resume RUN"),
        (["study", "CONFIG"], "study.space is empty"),
        (["status", "nosuch"], "nosuch holds no run"),
        (["launch", "-np", "2", "evaluate"], "name the verb to launch"),
        (["trian"], "No such command"),
    ],
)
def test_a_wrong_command_is_one_clear_message(config_file, monkeypatch, capfd, words, says):
    monkeypatch.setattr(sys, "argv", ["hvdgan", *(str(config_file) if word == "CONFIG" else word for word in words)])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    told = "".join(capfd.readouterr())
    assert told.count(says) == told.count("hvdgan: ") == 1


WRONG = [("mpi", ["train", "nosuch.yaml"], "cannot read the configuration nosuch.yaml")]
WRONG_IN_OTHER_WAYS = [
    ("mpi", ["train", "CONFIG", "--set", "training.epoch=1"], "did you mean training.epochs?"),
    ("mpi", ["study", "CONFIG", "--ranks-per-trial", "2"], "2 ranks cannot form groups of 2 beside the coordinator"),
    ("gloo", ["train", "CONFIG", "--set", "training.epochs=soon"], "Input should be a valid integer"),
    ("gloo", ["study", "CONFIG"], "`horovodrun --gloo` gives every process a world of its own"),
]


@pytest.mark.parametrize(
    ("launcher", "words", "says"),
    [*WRONG, *(pytest.param(*case, marks=pytest.mark.slow) for case in WRONG_IN_OTHER_WAYS)],
)
def test_a_wrong_command_is_one_clear_message_under_a_launcher(config_file, launcher, words, says):
    space = "study.space={training.learning_rate: {type: float, low: 0.001, high: 0.01}}"
    searched = ["--set", space] if words[0] == "study" else []
    done = run_job(command(launcher, [config_file if word == "CONFIG" else word for word in words] + searched), 60)
    assert done.code == (1 if launcher == "gloo" else 2)  # horovodrun makes 1 of every failure
    assert done.said(says) == 1, done.err
    assert done.said("hvdgan/cli/") == 0  # no traceback of ours; horovodrun prints one of its own


@pytest.mark.slow
def test_a_run_is_not_overwritten(config_file, trained):
    again = run_job([HVDGAN, "train", config_file, "--out", trained("alone")[0]])
    assert again.code == 2
    assert "already holds a run; continue it with --resume" in again.err


@pytest.mark.slow
def test_simulate_inspect_generate_evaluate(trained, tmp_path):
    run = trained("alone")[0]
    made = run_job(
        [HVDGAN, "simulate", "--files", "2", "--events", "50", "--grid", "5", "5", "5", "-o", tmp_path / "d"]
    )
    assert made.code == 0, made.err
    looked = run_job([HVDGAN, "inspect", *(tmp_path / "d").glob("*.h5")])
    assert looked.code == 0
    assert "ECAL 5x5x5" in looked.out
    reference = tmp_path / "d" / "showers_001.h5"
    words = [HVDGAN, "generate", run, "--like", reference, "-o", tmp_path / "made.h5"]
    assert run_job(words).code == 0
    with open_files([str(tmp_path / "made.h5")]) as files, open_files([str(reference)]) as real:
        events = np.arange(50)
        assert np.array_equal(files.conditions(events).energy, real.conditions(events).energy)
    compared = [HVDGAN, "evaluate", tmp_path / "made.h5", "--reference", reference, "--run", run]
    judged = run_job([*compared, "-o", tmp_path / "report"])
    assert judged.code == 0, judged.err
    report = json.loads((tmp_path / "report" / "evaluation.json").read_text())
    assert 0 < report["merit"] < 3
    assert report["untrained"] > 0
    assert [row["name"] for row in report["metrics"]] == list(METRICS)
    assert {"value", "error", "floor", "floor_error", "events", "verdict", "note"} <= set(report["metrics"][0])
    assert report["merit"] == pytest.approx(report["metrics"][0]["value"])
    for words in ("value ± error", "floor ± error", "few events", "[1] subsets of at most 25 events", "sigma above"):
        assert words in judged.out
    assert (tmp_path / "report" / "index.html").read_text().count("data:image/png;base64,") == 9


def test_simulated_files_do_not_depend_on_the_number_of_ranks(tmp_path):
    words = ["simulate", "--files", "3", "--events", "40", "--grid", "5", "5", "5", "--out"]
    assert CliRunner().invoke(app, [*words, str(tmp_path / "one")]).exit_code == 0
    assert run_job(command("mpi", [*words, tmp_path / "two"])).code == 0
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


@pytest.mark.slow
def test_an_untrained_generator_is_rebuilt_from_the_run(trained):
    run = trained("alone")[0]
    learned, untrained = rebuild(run), rebuild(run, trained=False)
    assert isinstance(learned, Gan)
    conditions = Conditions.perpendicular(np.full(4, 100.0))
    assert not np.array_equal(learned.generate(conditions, 0), untrained.generate(conditions, 0))


@pytest.mark.parametrize(
    "words", [["train", "x.yaml", "--out", "o"], ["study", "-o", "o", "x.yaml"], ["train", "--resume=o"]]
)
def test_launch_knows_the_run_directory(words):
    assert str(run_directory(words)) == "o"


def test_launch_does_not_take_an_old_verdict_for_the_jobs(tmp_path):
    write_verdict(tmp_path, 0)
    stored = watch_verdict(tmp_path)
    assert stored() is None
    write_verdict(tmp_path, 75)
    assert stored() == 75


@pytest.mark.slow
def test_a_refused_launch_does_not_return_the_code_of_the_run_that_is_there(config_file, trained):
    again = run_job([HVDGAN, "launch", "-np", "2", "train", config_file, "--out", trained("alone")[0]])
    assert again.code == 2
    assert again.said("already holds a run") == 1


def test_python_dash_m_is_the_same_command():
    assert run_job([sys.executable, "-m", "hvdgan", "--version"]).out == f"{__version__}\n"
