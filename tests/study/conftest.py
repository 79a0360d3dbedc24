"""Studies to try things on: a small space, a run directory, events that are kept."""

from contextlib import ExitStack

import pytest

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


class Book:
    """A ledger with its supply of trials, as a coordinator uses them."""

    def __init__(self, study, settings, directory):
        from hvdgan.study.ledger import Ledger
        from hvdgan.study.proposer import AskNow
        from hvdgan.study.shadow import Shadow
        from hvdgan.study.supply import Supply

        self.ledger = Ledger(study, settings, directory)
        past = [trial for trial in self.ledger.trials if trial.state.is_finished()]
        self.supply = Supply(self.ledger, AskNow(Shadow(settings, past)), settings)

    def __getattr__(self, name):
        """Look at the ledger."""
        return getattr(self.ledger, name)

    def ask(self, group):
        """Give a group its next trial."""
        assignment = self.supply.next(group)
        self.ledger.give(assignment.number, group)
        return assignment

    def close(self, number, outcome):
        """End a trial; return its row."""
        from hvdgan.study.shadow import learned

        curve = dict(self.ledger.curve(number))
        row = self.ledger.close(number, outcome)
        self.supply.learn(number, learned(row["state"], row["values"], curve))
        return row


@pytest.fixture
def open_ledger(tmp_path):
    """Open the study of the test's run directory."""
    from hvdgan.study.storage import open_study

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
