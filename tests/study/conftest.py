"""Studies to try things on: a small space, a run directory, events that are kept."""

from contextlib import ExitStack

import pytest
from books import Book

from hvdgan.config import parse

SPACE = {
    "training.learning_rate": {"type": "float", "low": 1e-4, "high": 1e-1, "log": True},
    "gan.latent_size": {"type": "int", "low": 50, "high": 400},
    "training.optimizer": {"type": "categorical", "choices": ["rmsprop", "adam"]},
}


@pytest.fixture
def make_config():
    """Build a configuration whose study section has some keys changed."""

    def make(**study):
        section = {"trials": 6, "sampler": "random", "n_startup_trials": 3, "space": SPACE, **study}
        return parse({"data": {"files": ["showers.h5"]}, "study": section})

    return make


@pytest.fixture
def open_ledger(tmp_path):
    """Open the study of the test's run directory."""
    from hvdgan.study.store.storage import open_study

    def opened(config, resume=False):
        return Book(open_study(config, tmp_path, resume), config.study, tmp_path)

    return opened


@pytest.fixture
def open_here(tmp_path):
    """Open the coordinator of the test's run directory, which makes points on demand; close it after the test."""
    from hvdgan.study.opening import open_coordinator

    with ExitStack() as stack:

        def opened(config, listen=lambda event: None, **changed):
            return stack.enter_context(open_coordinator(config, tmp_path, False, listen, ahead=False, **changed))

        yield opened
