"""An in-memory study as the proposer keeps one: asked, told in any order, and rebuilt from its trials alone."""

import optuna

from hvdgan.config import Study
from hvdgan.study.search import conditions, samplers, space, values
from hvdgan.study.store import storage


class Shadow:
    """A study in memory with the configured sampler, and the source of each of its points."""

    def __init__(self, settings: Study, trials=(), objectives: int = 1):
        """Start one, or rebuild it from the trials of another."""
        storage.silence()
        self.settings = settings
        sampler = samplers.build_sampler(settings, len(trials))
        self.study = optuna.create_study(directions=["minimize"] * objectives, sampler=sampler)
        self.study.add_trials(bare(trial) for trial in trials)
        self.sources, self.sent = {}, {}

    def ask(self):
        """Return a trial, all its parameters suggested."""
        trial = self.study.ask()
        self.sent[trial.number] = space.suggest(trial, self.settings.space)
        self.sources[trial.number] = samplers.trace_source(trial, self.settings)
        return trial

    def run(self, count, value_of, parallel=1):
        """Run trials, some at once; the last that was asked for is the first to end."""
        running = []
        for _ in range(count):
            running.append(self.ask())
            if len(running) == parallel:
                self.tell(running, value_of)
        self.tell(running, value_of)
        return [self.sources[number] for number in sorted(self.sources)]

    def tell(self, running, value_of):
        """End all running trials."""
        while running:
            trial = running.pop()
            self.study.tell(trial, value_of(trial.params))

    @property
    def trials(self):
        """All trials."""
        return self.study.get_trials()

    @property
    def points(self):
        """The parameters of all trials."""
        return [trial.params for trial in self.study.get_trials()]


def bare(trial):
    """Return a trial without what a sampler may have written to it."""
    attributes = trial.user_attrs
    values = {"values": trial.values} if trial.values else {}
    return optuna.trial.create_trial(
        state=trial.state, params=trial.params, distributions=trial.distributions, user_attrs=attributes, **values
    )


def is_legal(settings, params):
    """Tell whether the parameters are a whole point of the space."""
    exact = {name: values.settle(settings.space[name], value) for name, value in params.items()}
    names = {name for name, one in settings.space.items() if conditions.holds(one.when, exact)}
    return exact.keys() == names and None not in exact.values()
