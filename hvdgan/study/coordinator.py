"""The coordinator: gives trials to groups, takes reports and outcomes, until the study is through.

`Coordinator` decides and is driven by steps; it neither sends nor waits. `leading` drives it, over a world or alone.
"""

import time
from collections.abc import Callable

from hvdgan.config import Study
from hvdgan.study import events
from hvdgan.study.ending import Ending
from hvdgan.study.ledger import Ledger
from hvdgan.study.messages import Advice, Alive, Assignment, Failed, Outcome, Report, Verdict
from hvdgan.study.pruning import Judge
from hvdgan.study.shadow import learned
from hvdgan.study.supply import Supply

LOOKS = 10
"""Looks at a silent group before it is given up: a coordinator that was itself held up, by a slow disk or because the
job was suspended, hears what came meanwhile before it takes anyone for lost."""


class Coordinator:
    """The decisions of rank 0: who gets which trial, which one is hopeless, and when the study is through."""

    def __init__(
        self,
        ledger: Ledger,
        supply: Supply,
        judge: Judge,
        ending: Ending,
        settings: Study,
        listen: events.Listener,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Continue the study of a ledger.

        Args:
            ledger: The open study.
            supply: Where trials come from.
            judge: The pruner.
            ending: When no trial starts any more.
            settings: Section `study` of the configuration.
            listen: Is told every event.
            clock: Seconds, growing.
        """
        self._ledger, self._supply, self._judge, self._ending = ledger, supply, judge, ending
        self.total, self._objectives = settings.trials, settings.objective
        self._listen, self._clock = listen, clock
        self._silence: dict[int, float] = {}
        self._looked = clock()
        self.running: dict[int, Assignment] = {}
        """The trial of every group that has one."""
        self.given_up: set[int] = set()
        """Groups that fell silent."""

    @property
    def counted(self) -> int:
        """Trials that have ended and count towards the total."""
        return self._ledger.counted

    @property
    def through(self) -> bool:
        """Whether nothing runs and nothing will start."""
        return not self.running and self.reason() is not None

    @property
    def giving(self) -> bool:
        """Whether an idle group would get a trial, as soon as a point is ready."""
        return self.counted + len(self.running) < self.total and self.reason() is None

    def reason(self) -> str | None:
        """Say why no trial starts any more; None while trials do."""
        return self._ending.reason(self._ledger.ended, self.counted)

    def begin(self, groups: int) -> None:
        """Tell that a job with some groups begins."""
        self._listen(events.begun(groups, self.counted, self.total, self._objectives))

    def prepare(self, groups: int) -> None:
        """Have points ready before groups become idle."""
        needed = self.total - self.counted - len(self.running) if self.giving else 0
        self._supply.refill(groups, needed, idle=groups - len(self.running))

    def next_assignment(self, group: int) -> Assignment | None:
        """Return the next trial for an idle group; None while no point is ready, or because nothing is left to give."""
        if not self.giving:
            return None
        assignment = self._supply.next(group)
        if assignment is None:
            return None
        self.running[group] = assignment
        self._silence[group] = 0.0
        self._ledger.give(assignment.number, group)
        self._judge.begin(assignment.number, self._ledger.curve(assignment.number).items())
        self._listen(events.started(assignment, group, self._ledger.source(assignment.number)))
        return assignment

    def handle(self, group: int, message: Report | Alive | Outcome) -> Advice | None:
        """Take what a group says about its trial; an outcome makes it idle, a judged report is answered."""
        self._silence[group] = 0.0
        match message:
            case Alive():
                return None
            case Report():
                self._listen(events.reported(message, group))
                return Advice(message.number, self._weigh(message)) if message.judged else None
            case _:
                self._close(group, message)
                return None

    def fall_silent(self, seconds: float) -> list[int]:
        """Give up the groups whose trial said nothing for so long; return their numbers.

        To be called now and then while no message waits: a longer gap between two calls counts as `seconds / LOOKS`.
        """
        before, self._looked = self._looked, self._clock()
        for group in self.running:
            self._silence[group] += min(self._looked - before, seconds / LOOKS)
        silent = [group for group in self.running if self._silence[group] > seconds]
        for group in silent:
            reason = f"group {group} said nothing for {seconds:.0f} s: one of its ranks was stopped, killed or cut off"
            self.given_up.add(group)
            self._close(group, Failed("lost", reason))
            self._listen(events.given_up(group, reason))
        return silent

    def end(self) -> None:
        """Close what nobody ran, and tell that the job ends."""
        self._supply.discard()
        self._listen(events.ended(self.reason() or "lost"))

    def _weigh(self, report: Report) -> Verdict:
        """Keep a judged value, and say whether its trial is hopeless."""
        value = self._judge.metric(report.values)
        if value is None:
            return "go"
        self._ledger.note(report.number, report.step, value)
        return "prune" if self._judge.judge(report.number, report.step, value) else "go"

    def _close(self, group: int, outcome: Outcome) -> None:
        """End the trial of a group."""
        number = self.running.pop(group).number
        curve = dict(self._ledger.curve(number))
        row = self._ledger.close(number, outcome)
        self._judge.end(number, curve, row["state"])
        self._supply.learn(number, learned(row["state"], row["values"], curve))
        self._listen(events.finished(row, group, self.counted, self.total))
