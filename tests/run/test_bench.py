"""`hvdgan bench`: every verb as a job, tiny; what it refuses."""

import json

import pytest
from processes import BIN, run_job

from hvdgan.errors import UsageError
from hvdgan.run.launching import run_directory
from hvdgan.run.scaling import CONTROLS, Order, bench_scaling
from hvdgan.run.stepping import bench_step

pytestmark = pytest.mark.processes
HVDGAN = BIN / "hvdgan"


def read(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.slow
def test_ring(tmp_path):
    words = ["bench", "ring", "--bytes", "8", "--bytes", "65536", "--repeats", "2", "--out", tmp_path / "ring.jsonl"]
    done = run_job([HVDGAN, "launch", "-np", "2", *words, "--set", "training.ring.compression=fp16"])
    assert done.code == 0, done.err
    assert done.said("All-reduce, 2 ranks over mpi") == 1
    rows = read(tmp_path / "ring.jsonl")
    assert [(row["kind"], row["ranks"], row["bytes"], row["repeats"]) for row in rows] == [
        ("ring", 2, 8, 2), ("ring", 2, 65536, 2)
    ]  # fmt: skip
    assert all(0 < row["spread"][0] <= row["seconds"] <= row["spread"][1] for row in rows)


@pytest.mark.slow
def test_step(small_config, tmp_path):
    (tmp_path / "small.yaml").write_text(small_config.dump())
    table = bench_step(tmp_path / "small.yaml", None, ["gan.precision=bfloat16"], 2, 2, tmp_path / "step.jsonl")
    assert dict(table.rows)["events/s"]
    (row,) = read(tmp_path / "step.jsonl")
    assert (row["kind"], row["model"], row["grid"], row["batch"]) == ("step", "3dgan", [5, 5, 5], 16)
    assert sum(row["phases"].values()) == pytest.approx(row["seconds"])
    assert list(row["phases"]) == ["input", "discriminator", "generator", "rest"]
    assert row["fraction"] == pytest.approx(row["gflops"] / row["peak_gflops"])
    assert row["events_per_second"] == pytest.approx(16 / row["seconds"])


@pytest.mark.slow
def test_scaling(tmp_path):
    words = ["bench", "scaling", "--ranks", "2", "--mode", "weak", "--grid", "5", "5", "5", "--batch", "4"]
    tiny = ["--set", "gan.model_args.width=0.05", "--set", "gan.latent_size=4", "--steps", "3", "--repeats", "1"]
    done = run_job([HVDGAN, *words, *tiny, "--oversubscribe", "--out", tmp_path / "scaling.jsonl"])
    assert done.code == 0, done.err
    (row,) = read(tmp_path / "scaling.jsonl")
    assert (row["mode"], row["control"], row["ranks"], row["batch"]) == ("weak", None, 2, 4)
    assert (row["events"], row["grid"], row["efficiency"]) == (24, [5, 5, 5], 1.0)
    assert row["events_per_second"] == pytest.approx(8 / row["seconds"])
    assert row["merit"] > 0


def test_the_control_says_what_it_takes():
    done = run_job([CONTROLS["ddp"], "2"])
    assert done.code == 2
    assert "give RANKS CONFIG METRICS" in done.err


WRONG = [
    (Order((1, 1)), [], "give different numbers"),
    (Order((1, 512), ("weak",)), [], "would share"),
    (Order((2,), compute=0.1, controls=("ddp",)), [], "--control compares real training"),
    (Order((1,), controls=("dpd",)), [], "--control dpd: choose from ddp, apart"),
    (Order((1,), controls=("ddp",), backend="keras"), [], "compares --backend torch"),
    (Order((1,), compute=0.1), ["training.ring.compression=fp8"], "training.ring.compression"),
    (Order((1,), compute=0.1), ["training.ring.cycle=1"], "training.ring.cycle: unknown key"),
    (Order((1,), compute=0.1, batch=4), [], "leave CONFIG, --batch"),
]


@pytest.mark.parametrize(("order", "settings", "says"), WRONG)
def test_what_scaling_refuses(order, settings, says, tmp_path):
    with pytest.raises(UsageError, match=says):
        bench_scaling(order, None, settings, tmp_path / "none.jsonl", lambda line: None)
    assert list(tmp_path.iterdir()) == []


def test_launched_measurements_that_start_their_own_jobs_are_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="without a launcher"):
        bench_scaling(Order((1,)), None, [], tmp_path / "none.jsonl", lambda line: None)
    with pytest.raises(UsageError, match="without a launcher"):
        bench_step(None, None, [], 1, 1, tmp_path / "none.jsonl")


def test_records_need_a_folder(tmp_path):
    with pytest.raises(UsageError, match="name a file in a folder that exists"):
        bench_step(None, None, [], 1, 1, tmp_path / "nosuch" / "step.jsonl")


def test_records_are_no_run_directory():
    assert run_directory(["bench", "ring", "--out", "bench.jsonl"]) is None
    assert CONTROLS["ddp"].exists()
