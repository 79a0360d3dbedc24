"""A ledger with its supply of trials, for tests that run trials without a coordinator."""

from hvdgan.study.ledger import Ledger
from hvdgan.study.proposer import AskNow
from hvdgan.study.shadow import Shadow, learned
from hvdgan.study.supply import Supply


class Book:
    """Opens, gives and closes trials as a coordinator does; everything else is the ledger's."""

    def __init__(self, study, settings, directory):
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
        curve = dict(self.ledger.curve(number))
        row = self.ledger.close(number, outcome)
        self.supply.learn(number, learned(row["state"], row["values"], curve))
        return row
