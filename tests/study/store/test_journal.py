"""A journal loses nothing but an unfinished record, waits for no stale lock, and is Optuna's own format."""

import subprocess
import sys

import optuna
import pytest
from books import Book
from disks import fill, limited_files
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from hvdgan.errors import DiskFullError, UsageError
from hvdgan.study import history
from hvdgan.study.messages import Done
from hvdgan.study.store import storage
from hvdgan.study.store.journal import Journal, open_journal, repair

JOURNAL = "journal://study.journal"


def run_trials(ledger, count):
    for _ in range(count):
        ledger.close(ledger.ask(1).number, Done((1.0,)))


def test_a_study_lives_in_a_journal_of_the_run_directory(make_config, open_ledger, tmp_path):
    config = make_config(storage=JOURNAL)
    run_trials(open_ledger(config), 2)
    assert storage.locate(config, tmp_path) == (f"journal://{tmp_path}/study.journal", "hvdgan")
    assert open_ledger(config, resume=True).counted == 2
    assert len(storage.load_study(config, tmp_path).trials) == 2


def test_an_absolute_journal_is_shared_under_the_names_of_runs(make_config, tmp_path):
    config = make_config(storage=f"journal://{tmp_path}/all.journal")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        storage.open_study(config, tmp_path / name, resume=False)
    assert optuna.get_all_study_names(open_journal(tmp_path / "all.journal", writing=False)) == ["a", "b"]


def test_optuna_itself_opens_the_journal(make_config, open_ledger, tmp_path):
    run_trials(open_ledger(make_config(storage=JOURNAL)), 3)
    plain = JournalStorage(JournalFileBackend(str(tmp_path / "study.journal")))
    study = optuna.load_study(study_name="hvdgan", storage=plain)
    assert [trial.value for trial in study.trials] == [1.0] * 3
    assert study.best_params.keys() == make_config().study.space.keys()


def test_a_journal_cut_anywhere_in_its_last_record_loses_only_that(make_config, open_ledger, tmp_path):
    config, path = make_config(storage=JOURNAL), tmp_path / "study.journal"
    run_trials(open_ledger(config), 2)
    content = path.read_bytes()
    last = content.rfind(b"\n", 0, -1) + 1
    assert len(content) - last > 50
    for length in range(last, len(content)):
        path.write_bytes(content[:length])
        study = storage.open_study(config, tmp_path, resume=True)
        states = [trial.state.name for trial in study.trials]
        assert states == ["COMPLETE", "RUNNING"], f"after {length} bytes"
        assert path.read_bytes() == content[:last]
        study.tell(1, 2.0)
        assert [trial.value for trial in storage.load_study(config, tmp_path).trials] == [1.0, 2.0]


def test_the_torn_journal_is_kept_and_logged(tmp_path, caplog):
    path = tmp_path / "study.journal"
    path.write_bytes(b'{"op_code":0}\n{"op_co')
    repair(path)
    assert path.read_bytes() == b'{"op_code":0}\n'
    (copy,) = tmp_path.glob("study.journal.torn-*")
    assert copy.read_bytes() == b'{"op_code":0}\n{"op_co'
    assert f"cut 7 bytes of an unfinished record; as it was: {copy}" in caplog.text
    repair(path)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("tail", [b"\0" * 40 + b"\n", b"\0" * 40, b"[1]\n", b"\n\n"])
def test_what_a_power_cut_leaves_is_cut_off(tmp_path, tail):
    path = tmp_path / "study.journal"
    path.write_bytes(b'{"op_code":0}\n' + tail)
    repair(path)
    assert path.read_bytes() == b'{"op_code":0}\n'


def test_who_looks_repairs_nothing(make_config, open_ledger, tmp_path):
    config, path = make_config(storage=JOURNAL), tmp_path / "study.journal"
    run_trials(open_ledger(config), 1)
    path.write_bytes(torn := path.read_bytes()[:-5])
    assert history.rows(storage.load_study(config, tmp_path))[0]["state"] == "running"
    assert path.read_bytes() == torn


def test_the_lock_that_a_killed_optuna_left_costs_nothing(make_config, open_ledger, tmp_path):
    config = make_config(storage=JOURNAL)
    run_trials(open_ledger(config), 1)
    (tmp_path / "study.journal.lock").symlink_to("study.journal")
    script = "import sys, pathlib; from hvdgan.study.store.journal import Journal; " + (
        'Journal(pathlib.Path(sys.argv[1])).append_logs([{"op_code": 2, "study_id": 0, "user_attr": {"a": 1}, '
        '"worker_id": "a"}])'
    )
    path = tmp_path / "study.journal"
    subprocess.run([sys.executable, "-c", script, path], timeout=20, check=True)  # Optuna would wait for 30 seconds
    assert open_ledger(config, resume=True).counted == 1


@pytest.mark.parametrize("room", [0, 1, 20])
def test_a_record_without_room_leaves_the_journal_as_it_was(tmp_path, room):
    path = tmp_path / "study.journal"
    journal = Journal(path)
    journal.append_logs([{"op_code": 0}])
    before = path.read_bytes()
    with limited_files(len(before) + room), pytest.raises(DiskFullError, match=r"study\.journal: no file may exceed"):
        journal.append_logs([{"op_code": 1, "text": "x" * 40}])
    assert path.read_bytes() == before
    journal.append_logs([{"op_code": 2}])
    assert [record["op_code"] for record in journal.read_logs(0)] == [0, 2]


def test_a_full_disk_stops_the_journal_and_room_lets_it_go_on(make_config, tiny_disk):
    config = make_config(storage=JOURNAL)
    study = storage.open_study(config, tiny_disk, resume=False)
    run_trials(Book(study, config.study, tiny_disk), 2)
    filler = fill(tiny_disk)
    with pytest.raises(DiskFullError, match=r"study\.journal: the disk is full"):
        study.set_user_attr("text", "x" * 10_000)
    filler.unlink()
    assert Book(storage.open_study(config, tiny_disk, resume=True), config.study, tiny_disk).counted == 2
    assert not list(tiny_disk.glob("*.torn-*"))


def test_a_missing_folder_is_named(make_config, tmp_path):
    with pytest.raises(UsageError, match=r"the folder of /no/such/study\.journal does not exist"):
        storage.open_study(make_config(storage="journal:///no/such/study.journal"), tmp_path, resume=False)


def test_a_file_that_is_no_journal_is_named(make_config, tmp_path):
    (tmp_path / "study.journal").write_text('{"a": 1}\n' * 3)
    with pytest.raises(UsageError, match=r"cannot open journal://.*study\.journal"):
        storage.open_study(make_config(storage=JOURNAL), tmp_path, resume=False)
