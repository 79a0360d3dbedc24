import logging
import warnings

import pytest

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
