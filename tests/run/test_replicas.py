"""Replicas in real processes: steps shared and counted, faults, preemption, a killed ring; and what is refused."""

import json
import signal

import pytest
from processes import BIN, Job, mpirun, run_job, signal_rank

from hvdgan.config import parse
from hvdgan.errors import UsageError
from hvdgan.files import read_json_lines
from hvdgan.parallel.timeline import TIMELINE
from hvdgan.run.layouts import check_layouts, largest_ring
from hvdgan.run.train import refuse
from hvdgan.training.checkpoint import load_checkpoint

pytestmark = pytest.mark.processes

EPOCHS = 3


def configure(showers, **training):
    """Return a configuration of two replicas that trains in a second."""
    own = {"epochs": EPOCHS, "batch_size": 8, "metric_every": 2, "shuffle_block": 16, "replicas": 2}
    return parse(
        {
            "data": {"files": [str(showers / "*.h5")]},
            "gan": {"latent_size": 4, "model_args": {"width": 0.05}},
            "training": {**own, "exchange": {"every": 2}, **training},
        }
    )


@pytest.fixture(scope="module")
def job(small_showers, tmp_path_factory):
    """Run `replica_program.py`; return its folder."""
    folder = tmp_path_factory.mktemp("replicas")
    (folder / "config.yaml").write_text(configure(small_showers).dump())
    traced = {TIMELINE: str(folder / "timeline.json")}
    done = run_job(mpirun(4, ["replica_program.py", folder, folder / "config.yaml"]), 115, traced)
    assert done.code == 0, done.err
    assert done.out.count("ok") == 4
    return folder


def read(job, name):
    """Return what came out of a trial."""
    return json.loads((job / f"{name}.json").read_text())


def walked(folder):
    """Return how many steps each replica did before the latest checkpoint."""
    latest = load_checkpoint(folder).manifest["step"]
    saved = [load_checkpoint(folder / f"replica-{replica}") for replica in range(2)]
    assert [one.manifest["step"] for one in saved] == [latest] * 2
    return [one.manifest["walk"]["steps"] for one in saved]


@pytest.mark.slow
def test_replicas_share_the_steps_of_every_epoch(job):
    steps, folder = 180 // (4 * 8), job / "two" / "fold-0"
    assert read(job, "two")["ending"] == "Done"
    assert sum(walked(folder)) == 2 * EPOCHS * steps
    rows = read_json_lines(folder / "metrics.jsonl")
    assert [row["steps"] for row in rows if row["kind"] == "epoch"] == [steps * epoch for epoch in (1, 2, 3)]
    assert load_checkpoint(folder).manifest["world"] == 4


@pytest.mark.slow
def test_every_ring_of_replicas_has_a_timeline_of_its_own(job):
    traces = {path.name for path in job.glob("timeline*.json")}
    assert {f"timeline-trial-0000-ring-0-replica-{replica}.json" for replica in (0, 1)} <= traces
    assert all("-replica-" in name for name in traces)


@pytest.mark.slow
def test_all_replicas_end_where_the_centre_gets_no_better(job):
    assert read(job, "four")["details"]["best_epochs"] == [1]
    assert len(read_json_lines(job / "four" / "fold-0" / "metrics.jsonl")) > EPOCHS
    assert [report["step"] for report in read(job, "four")["reports"] if report["judged"]] == [1, 2, 3]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("failed", "exception", "ValueError: a bad point (rank 3 on "),
        ("nan", "nan", "of replica 3 holds NaN or infinity"),
        ("stalled", "stall", "a rank stalled; the last one to come back was rank 3 on "),
    ],
)
def test_a_replica_that_fails_ends_the_trial_for_all(job, name, kind, said):
    outcome = read(job, name)
    assert (outcome["ending"], outcome["kind"]) == ("Failed", kind)
    assert said in outcome["message"].splitlines()[0]


@pytest.mark.slow
def test_preempted_replicas_go_on_in_folds_side_by_side(job):
    left, resumed = read(job, "left"), read(job, "resumed")
    assert (left["ending"], resumed["ending"]) == ("Preempted", "Done")
    told = [report["step"] for one in (left, resumed) for report in one["reports"] if report["judged"]]
    assert told == [1, 2, 3]
    for fold in ("fold-0", "fold-1"):
        assert 0 < sum(walked(job / "left" / fold)) < sum(walked(job / "resumed" / fold))
        whole = 2 * EPOCHS * (100 // (2 * 8))
        assert whole <= sum(walked(job / "resumed" / fold)) < whole + 2, "what was done is not done again"


@pytest.mark.slow
def test_the_others_go_on_without_a_killed_ring(small_showers, tmp_path):
    config = configure(
        small_showers, replicas=3, epochs=6, stall_timeout=16.0, exchange={"every": 2, "tolerate_loss": True}
    )
    (tmp_path / "config.yaml").write_text(config.dump())
    run = tmp_path / "run"
    words = [BIN / "hvdgan", "train", tmp_path / "config.yaml", "--out", run]
    with Job(mpirun(3, words, ["--enable-recovery"])) as job:
        job.wait_for(run / "checkpoints" / "replica-2" / "latest")
        signal_rank(job, 2, signal.SIGKILL)
        job.finish()
    verdict = json.loads((run / "verdict.json").read_text())
    assert (verdict["code"], verdict["message"]) == (3, "done without replica 2, which failed or was lost on the way")
    epochs = [row["epoch"] for row in read_json_lines(run / "metrics.jsonl") if row["kind"] == "epoch"]
    assert epochs == [1, 2, 3, 4, 5, 6]


def test_without_one_world_there_are_no_replicas(small_showers, monkeypatch):
    monkeypatch.setenv("HOROVOD_GLOO_RENDEZVOUS_ADDR", "localhost")
    with pytest.raises(UsageError, match=r"needs one MPI world.*; use `hvdgan launch -np N train \.\.\.`, `mpirun`"):
        refuse(configure(small_showers), 1)


def test_ranks_that_do_not_divide_are_refused(small_showers):
    with pytest.raises(UsageError, match=r"3 ranks cannot be divided into 2 replicas; use 2 or 4 ranks"):
        refuse(configure(small_showers), 3)


def test_a_study_lays_replicas_out_and_tolerates_no_loss(small_showers):
    config = configure(small_showers).replace({"study.ranks_per_trial": 4})
    check_layouts(config)
    assert largest_ring(config) == 2
    searched = {"training.replicas": {"type": "categorical", "choices": [1, 4]}}
    assert largest_ring(config.replace({"study.space": searched})) == 4
    none = {"training.replicas": {"type": "categorical", "choices": [3]}}
    assert largest_ring(config.replace({"study.space": none})) == 4, "the space is what to refuse, not small rings"
    folds = {"study.folds": {"type": "int", "low": 1, "high": 4}}
    side_by_side = config.replace({"study.fold_mode": "parallel", "study.folds": 2, "training.replicas": 1})
    assert [largest_ring(side_by_side), largest_ring(side_by_side.replace({"study.space": folds}))] == [2, 4]
    with pytest.raises(UsageError, match="3 ranks cannot be divided"):
        check_layouts(config.replace({"study.ranks_per_trial": 3}))
    with pytest.raises(UsageError, match="a study gives a group up that loses a rank"):
        check_layouts(config.replace({"training.exchange.tolerate_loss": True}))
