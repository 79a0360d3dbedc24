"""Looking at runs: what `status`, `trials`, `best` and `report` say, from files alone."""

import csv
import json
from pathlib import Path

import optuna
import pytest
import yaml
from processes import BIN, Job

from hvdgan.config import parse
from hvdgan.errors import UsageError
from hvdgan.files import append_json_line
from hvdgan.run import looking
from hvdgan.run.directory import create
from hvdgan.run.report import report
from hvdgan.run.tail import Tail
from hvdgan.study import events, history
from hvdgan.study.messages import Assignment, Report
from hvdgan.verdict import write_verdict

HVDGAN = BIN / "hvdgan"
SPACE = {"training.learning_rate": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True}}


@pytest.fixture
def make_run(tmp_path):
    """Make the run directory of a study of some objectives: three done trials, a failed one, one nobody ran."""

    def make(*objectives):
        study = {"trials": 6, "space": SPACE, "objective": list(objectives)}
        create(tmp_path / "run", parse({"data": {"files": ["none.h5"]}, "study": study}), ["here"])
        storage, directions = f"sqlite:///{tmp_path / 'run'}/study.db", ["minimize"] * len(objectives)
        stored = optuna.create_study(storage=storage, study_name="hvdgan", directions=directions)
        tell = _teller(tmp_path / "run" / "events.jsonl")
        tell(events.begun(2, 0, 6, objectives))
        for number, value in enumerate((3.0, 1.0, 2.0)):
            _run(stored, tell, [value, 10.0 - value][: len(objectives)], number)
        _fail(stored, "exception", "ValueError: broke")
        _fail(stored, "unused", "nobody ran it")
        return tmp_path / "run"

    return make


def _teller(path):
    """Return a listener that stores events."""
    return lambda event: append_json_line(path, event)


def _run(stored, tell, values, number):
    """Let a group run a trial to its end."""
    trial = stored.ask()
    rate = trial.suggest_float("training.learning_rate", 1e-4, 1e-2, log=True)
    tell(events.started(Assignment(number, {"training.learning_rate": rate}, ""), 1 + number % 2, "gp"))
    tell(events.reported(Report(number, 1, {"merit": values[0], "epoch": 1, "epochs": 2}), 1 + number % 2))
    stored.tell(trial, values)
    tell(events.finished(history.row(stored.get_trials()[number]), 1 + number % 2, number + 1, 6))


def _fail(stored, kind, message):
    """Store a failed trial."""
    trial = stored.ask()
    trial.suggest_float("training.learning_rate", 1e-4, 1e-2, log=True)
    trial.set_user_attr("failure", kind)
    trial.set_user_attr("message", message)
    stored.tell(trial, state=optuna.trial.TrialState.FAIL)


def _contents(run):
    """Return every file of a run."""
    return {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}


def test_status_shows_the_table_and_the_verdicts_code_and_changes_nothing(make_run, capsys):
    run = make_run("merit")
    before = _contents(run)
    assert looking.status(run, follow=False, redrawn=False) == 0
    out = capsys.readouterr().out
    assert "3 of 6 trials  done 3  pruned 0  running 0  failed 0  best merit 1 (trial 1)" in out
    assert "no verdict: the run goes on, or was killed" in out
    assert "\x1b" not in out
    write_verdict(run, 75, "preempted after 3 trials")
    assert looking.status(run, follow=True, redrawn=True) == 75
    out = capsys.readouterr().out
    assert "\x1b" in out
    assert "preempted after 3 trials" in out
    (run / "verdict.json").unlink()
    assert _contents(run) == before


def test_status_needs_no_storage_and_survives_torn_lines(make_run, capsys):
    run = make_run("merit", "generation_time")
    (run / "study.db").unlink()
    with (run / "events.jsonl").open("a") as file:
        file.write('{"event": "started", "ti{"event"\n{"event": "fini')
    assert looking.status(run, follow=False, redrawn=False) == 0
    assert "Pareto front of 3 trials" in capsys.readouterr().out
    assert not (run / "study.db").exists()


@pytest.mark.parametrize("name", ["metrics.jsonl", "nothing"])
def test_status_of_a_training_and_of_nothing(small_config, tmp_path, capsys, name):
    create(tmp_path / "run", small_config, ["here"])
    for step in range(9):
        append_json_line(tmp_path / "run" / name, {"kind": "step", "epoch": 0, "steps": step, "generator_loss": 2.5})
    assert looking.status(tmp_path / "run", follow=False, redrawn=False) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == (6 if name == "metrics.jsonl" else 1)
    assert ("step      8 generator_loss=2.5" in lines[-2]) if len(lines) > 1 else "nothing was recorded" in lines[0]


@pytest.mark.processes
def test_status_follows_a_study_to_its_verdict(make_run):
    run = make_run("merit")
    tell = _teller(run / "events.jsonl")
    with Job([HVDGAN, "status", run, "--follow"]) as job:
        while "study of 6 trials on 2 groups" not in (line := job.process.stdout.readline()):
            assert line, job.finish(10).err
        tell(events.started(Assignment(7, {"training.learning_rate": 0.01}, ""), 2, "gp"))
        tell(events.ended("done"))
        write_verdict(run, 3, "done with losses")
        done = job.finish()
    assert done.code == 3
    assert "trial 7 started group=2 attempt=0 source=gp training.learning_rate=0.01" in done.out
    assert done.out.splitlines()[-1] == "done with losses"


def test_trials_as_table_csv_and_json(make_run, capsys):
    run = make_run("merit", "generation_time")
    looking.trials(run, "table")
    table = capsys.readouterr().out.splitlines()
    assert table[1].split() == ["trial", "ended", "merit", "generation_time", "source", "group", "seconds",
                                "learning_rate", "failure"]  # fmt: skip
    assert [line.split()[0] for line in table[2:6]] == ["0", "1", "2", "3"]
    assert "unused" not in "".join(table)
    looking.trials(run, "csv")
    cells = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [cell["value_generation_time"] for cell in cells] == ["7.0", "9.0", "8.0", "", ""]
    looking.trials(run, "json")
    rows = json.loads(capsys.readouterr().out)
    assert rows[1]["values"] == {"merit": 1.0, "generation_time": 9.0}
    assert [row["failure"] for row in rows] == [None, None, None, "exception", "unused"]


@pytest.mark.parametrize(("objectives", "number", "expected"), [(["merit"], None, 1), (["merit"], 3, 3),
                                                               (["merit", "generation_time"], None, 1)])  # fmt: skip
def test_best_prints_what_train_takes(make_run, objectives, number, expected):
    run = make_run(*objectives)
    rows = history.rows(optuna.load_study(storage=f"sqlite:///{run}/study.db", study_name="hvdgan"))
    text = looking.best(run, number)
    config = parse(yaml.safe_load(text))
    assert text.startswith(f"# trial {expected} of ")
    assert config.training.learning_rate == rows[expected]["params"]["training.learning_rate"]
    assert config.study.space == {}
    assert ("Pareto front: 1, 2, 0;" in text) is (len(objectives) > 1)


def test_best_says_which_trials_there_are(make_run):
    run = make_run("merit")
    with pytest.raises(UsageError, match="no trial 9 with parameters; legal are 0 to 4"):
        looking.best(run, 9)


def test_report_of_a_study_is_a_page(make_run, tmp_path):
    run = make_run("merit", "generation_time")
    assert str(tmp_path / "page" / "index.html") in report(run, tmp_path / "page")
    html = (tmp_path / "page" / "index.html").read_text()
    assert html.count("data:image/png;base64,") == 8
    assert "Best trial of the Pareto front by merit" in html
    assert "3 done, 0 pruned, 1 failed" in html
    with pytest.raises(UsageError, match="holds no run"):
        report(tmp_path, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_report_of_a_training_is_a_page(small_config, tmp_path):
    create(tmp_path / "run", small_config, ["here"])
    append_json_line(tmp_path / "run" / "metrics.jsonl", {"kind": "untrained", "epoch": 0, "steps": 0, "merit": 2.0})
    report(tmp_path / "run", tmp_path / "page")
    assert (tmp_path / "page" / "index.html").read_text().count("data:image/png;base64,") == 1


def test_tail_gives_new_whole_rows_once_and_notices_a_new_file(tmp_path):
    path = tmp_path / "rows.jsonl"
    tail = Tail(path)
    assert tail.read() == []
    path.write_text('{"a": 1}\n{"a": 2}\n{"a"')
    assert tail.read() == [{"a": 1}, {"a": 2}]
    assert tail.read() == []
    path.write_text(path.read_text() + ": 3}\n")
    assert tail.read() == [{"a": 3}]
    Path(path).write_text('{"a": 9}\n')
    assert tail.read() == [{"a": 9}]
