"""Storages open fast, close into one file, and fail with one line that shows no password."""

import errno
import sqlite3

import optuna
import pytest
from books import Book
from disks import fill, limited_files

from hvdgan.errors import DiskFullError, HvdganError, UsageError
from hvdgan.study.messages import Done
from hvdgan.study.store import connection, storage


def run_trials(study, config, directory, count=2):
    ledger = Book(study, config.study, directory)
    for _ in range(count):
        ledger.close(ledger.ask(1).number, Done((1.0,)))


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:////data/study.db", "/data/study.db"),
        ("sqlite:///study.db?timeout=3", "study.db"),
        ("sqlite+pysqlite:////data/study.db", "/data/study.db"),
        ("journal:///data/study.journal", "/data/study.journal"),
        ("sqlite://", "None"),
        ("sqlite:///:memory:", "None"),
        ("mysql+pymysql://ann:secret@host/studies", "None"),
    ],
)
def test_the_file_of_a_storage(url, file):
    assert str(connection.file_of(url)) == file


def test_optuna_itself_opens_the_database_while_it_is_written_and_afterwards(make_config, tmp_path):
    config, url = make_config(), f"sqlite:///{tmp_path}/study.db"
    with storage.hold_study(config, tmp_path, resume=False) as study:
        run_trials(study, config, tmp_path)
        assert len(optuna.load_study(study_name="hvdgan", storage=url).trials) == 2
    plain = optuna.load_study(study_name="hvdgan", storage=url)
    assert [trial.value for trial in plain.trials] == [1.0] * 2
    assert plain.best_params.keys() == config.study.space.keys()


def test_a_closed_study_is_one_file_that_needs_no_shared_memory(make_config, tmp_path):
    config = make_config()
    with storage.hold_study(config, tmp_path, resume=False) as study:
        run_trials(study, config, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["study.db", "trials"]
    versions = (tmp_path / "study.db").read_bytes()[18:20]  # sqlite.org/fileformat.html: 2 is a write-ahead log
    assert list(versions) == [1, 1]


def test_who_looks_makes_no_file_and_leaves_none(make_config, tmp_path):
    for url in (None, "journal://study.journal"):
        with pytest.raises(UsageError, match="holds no study"):
            storage.load_study(make_config(storage=url), tmp_path)
        with pytest.raises(UsageError, match="no study 'hvdgan' to resume"):
            storage.open_study(make_config(storage=url), tmp_path, resume=True)
    assert list(tmp_path.iterdir()) == []


def test_a_reader_who_stays_makes_nobody_wait_and_spoils_no_closing(make_config, tmp_path):
    config = make_config()
    with storage.hold_study(config, tmp_path, resume=False) as study:
        reader = sqlite3.connect(tmp_path / "study.db", isolation_level=None)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM trials").fetchone() == (0,)
        run_trials(study, config, tmp_path)
    reader.close()
    assert len(storage.load_study(config, tmp_path).trials) == 2


def test_a_missing_driver_is_named_without_the_password(make_config, tmp_path):
    config = make_config(storage="mysql+oursql_missing://ann:secret@host/db")
    with pytest.raises(UsageError, match=r"cannot open mysql\+oursql_missing://ann:\*\*\*@host/db: Can't load plugin"):
        storage.open_study(config, tmp_path, resume=False)
    config = make_config(storage="mysql+asyncmy://ann:sec/r:et@host/db")
    with pytest.raises(UsageError) as refusal:
        storage.load_study(config, tmp_path)
    assert "its driver asyncmy is not installed; pip install asyncmy" in str(refusal.value)
    assert "sec" not in str(refusal.value)


def study_for(config, directory, trials, before=lambda: None, resume=False):
    """Run two trials, let something happen, run more."""
    with storage.hold_study(config, directory, resume) as study:
        run_trials(study, config, directory)
        before()
        run_trials(study, config, directory, trials)


def test_a_limit_on_files_stops_sqlite_and_nothing_is_lost(make_config, tmp_path):
    config = make_config()
    study_for(config, tmp_path, 0)
    size = (tmp_path / "study.db").stat().st_size
    with limited_files(size), pytest.raises(DiskFullError, match=rf"study\.db: no file may exceed {size:,} bytes"):
        study_for(config, tmp_path, 200, resume=True)
    with storage.hold_study(config, tmp_path, resume=True) as study:
        counted = Book(study, config.study, tmp_path).counted
        assert counted >= 2
        run_trials(study, config, tmp_path)
        assert sum(trial.state.name == "COMPLETE" for trial in study.trials) == counted + 2


def test_a_full_disk_stops_sqlite_and_room_lets_it_go_on(make_config, tiny_disk):
    config = make_config()
    with pytest.raises(DiskFullError, match=r"study\.db: the disk is full \(0\.0 MB are free\).*go on with --resume"):
        study_for(config, tiny_disk, 500, before=lambda: fill(tiny_disk))
    with pytest.raises(DiskFullError):
        study_for(config, tiny_disk, 500, resume=True)
    (tiny_disk / "filler").unlink()
    with storage.hold_study(config, tiny_disk, resume=True) as study:
        assert Book(study, config.study, tiny_disk).counted >= 2


def test_a_database_that_fails_in_mid_study_is_one_clear_error(make_config, tmp_path):
    def damage():
        with sqlite3.connect(tmp_path / "study.db") as file:
            file.execute("DROP TABLE trial_params")
        file.close()

    with pytest.raises(HvdganError, match=r"study\.storage: sqlite://.*study\.db failed: no such table"):
        study_for(make_config(), tmp_path, 1, damage)


def test_other_errors_in_the_block_pass(make_config, tmp_path):
    with pytest.raises(ValueError, match="mine"), storage.hold_study(make_config(), tmp_path, resume=False):
        raise ValueError("mine")


def test_only_a_lack_of_room_is_one():
    assert connection.shortage(OSError(errno.ENOSPC, "full")) == errno.ENOSPC
    assert connection.shortage(OSError(errno.EACCES, "not yours")) == 0
    assert connection.shortage(sqlite3.OperationalError("locked")) == 0
