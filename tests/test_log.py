import logging
import warnings

import pytest
from disks import limited_files

from hvdgan.log import log_to, logger


def test_what_happens_in_the_block_is_kept(tmp_path):
    logger.info("before")
    with log_to(tmp_path / "run.log"):
        logger.info("inside")
        warnings.warn("careful", stacklevel=1)
    logger.info("after")
    text = (tmp_path / "run.log").read_text()
    assert "INFO inside" in text
    assert "careful" in text
    assert "before" not in text
    assert "after" not in text


def test_an_exception_leaves_its_traceback_and_passes(tmp_path):
    with pytest.raises(KeyError), log_to(tmp_path / "run.log"):
        {}["absent"]
    assert "KeyError: 'absent'" in (tmp_path / "run.log").read_text()


def test_the_log_goes_on_where_it_ended(tmp_path):
    for word in ("one", "two"):
        with log_to(tmp_path / "run.log"):
            logger.info(word)
    assert [line.split()[-1] for line in (tmp_path / "run.log").read_text().splitlines()] == ["one", "two"]


def test_nothing_is_left_behind(tmp_path):
    before = list(logger.handlers), list(logging.getLogger("py.warnings").handlers), logger.level
    with log_to(tmp_path / "run.log"):
        assert len(logger.handlers) == len(before[0]) + 1
    assert (list(logger.handlers), list(logging.getLogger("py.warnings").handlers), logger.level) == before


def log_and_fail(path, error):
    """Log a line with a password, and fail."""
    with log_to(path):
        logger.info("opened postgresql://ann:secret@host/db")
        raise error


def test_passwords_stay_out_of_it_in_messages_and_tracebacks(tmp_path):
    with pytest.raises(ValueError, match="secret"):
        log_and_fail(tmp_path / "run.log", ValueError("cannot open postgresql://ann:secret@host/db"))
    text = (tmp_path / "run.log").read_text()
    assert text.count("postgresql://ann:***@host/db") == 2
    assert "secret" not in text


def test_a_full_disk_leaves_records_out_and_hides_nothing_else(tmp_path, capsys):
    with limited_files(0), pytest.raises(KeyError, match="mine"):
        log_and_fail(tmp_path / "run.log", KeyError("mine"))
    assert capsys.readouterr().err == ""
    assert (tmp_path / "run.log").read_text() == ""
