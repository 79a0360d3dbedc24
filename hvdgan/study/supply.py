"""The supply of trials: where an idle group's next one comes from.

First the queue (given points, further attempts), then the stock of points that were asked for ahead of need, then, so
that no group waits for a Gaussian process, a quasi-random point, which says so.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Sequence

from hvdgan.config import Study
from hvdgan.study.ledger import UNUSED, Ledger
from hvdgan.study.messages import Assignment, Failed
from hvdgan.study.proposer import Proposer
from hvdgan.study.shadow import TICKETS, Improviser, Proposal

READY, SHARE = 0.05, 0.02
"""Seconds an idle group waits for a point of the Gaussian process before it gets a quasi-random one, at least; and how
long it waits as a share of the time a trial takes."""

FIRST = 15.0
"""Seconds it waits before the process has modelled its first point of this job: its libraries are loaded meanwhile."""


class Supply:
    """Hands trials out, and has the next ones ready."""

    def __init__(
        self, ledger: Ledger, proposer: Proposer, settings: Study, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start with an empty stock.

        Args:
            ledger: The open study.
            proposer: Has the sampler's points.
            settings: Section `study` of the configuration.
            clock: Seconds, growing.
        """
        self._ledger, self._proposer, self._settings, self._clock = ledger, proposer, settings, clock
        self._stock: deque[Assignment] = deque()
        self._tickets: dict[int, int] = {}
        self._idle_since: dict[int, float] = {}
        self._improviser: Improviser | None = None
        self._modelled = False
        self._begun: dict[int, float] = {}
        self._duration = 0.0
        self._given, self._pace = clock(), math.inf

    def next(self, group: int) -> Assignment | None:
        """Return the next trial for an idle group; None while no point is ready."""
        assignment = self._from_queue() or self._from_stock() or self._from_proposer() or self._improvise(group)
        if assignment is not None:
            self._idle_since.pop(group, None)
            now = self._begun[assignment.number] = self._clock()
            self._given, self._pace = now, min(now - self._given, 2 * self._pace)
        return assignment

    def refill(self, groups: int, needed: int, idle: int = 0) -> None:
        """Store the points that are ready and order new ones.

        Args:
            groups: How many groups work; the stock never holds more points.
            needed: How many further trials the study needs.
            idle: How many of the groups wait for a point.
        """
        while (proposal := self._proposer.take()) is not None:
            self._stock.append(self._open(proposal))
        room = min(self._enough(groups, idle), needed) - len(self._stock) - self._proposer.pending
        if room > 0:
            self._proposer.want(room)

    def learn(self, number: int, values: Sequence[float] | None) -> None:
        """Let the sampler know what came of a trial: its values, or None."""
        self._proposer.end(self._tickets.pop(number), values)
        if number in self._begun:
            self._duration = self._clock() - self._begun.pop(number)

    def discard(self) -> None:
        """Close the points nobody ran."""
        while self._stock:
            number = self._stock.popleft().number
            self._ledger.close(number, Failed("unused", UNUSED))
            self.learn(number, None)

    def _from_queue(self) -> Assignment | None:
        """Open the next waiting trial."""
        assignment = self._ledger.open_waiting()
        if assignment is not None:
            distributions = self._ledger.distributions(assignment.number)
            self._tickets[assignment.number] = self._proposer.adopt(assignment.params, distributions)
        return assignment

    def _from_stock(self) -> Assignment | None:
        """Take the oldest point of the stock."""
        return self._stock.popleft() if self._stock else None

    def _from_proposer(self) -> Assignment | None:
        """Take a point that has just become ready, or is made on demand."""
        proposal = self._proposer.take()
        return self._open(proposal) if proposal else None

    def _improvise(self, group: int) -> Assignment | None:
        """Return a quasi-random point when a group waited too long for the Gaussian process."""
        since = self._idle_since.setdefault(group, self._clock())
        patience = max(READY, SHARE * self._duration) if self._modelled else FIRST
        if self._settings.sampler != "gp" or self._clock() - since < patience:
            return None
        if self._improviser is None:
            self._improviser = Improviser(self._settings, len(self._ledger.trials))
        proposal = self._improviser.propose(next(TICKETS))
        assignment = self._ledger.open_proposal(proposal)
        self._tickets[assignment.number] = self._proposer.adopt(proposal.params, proposal.distributions)
        return assignment

    def _open(self, proposal: Proposal) -> Assignment:
        """Store a point of the sampler as a running trial."""
        self._modelled = self._modelled or proposal.source == "gp"
        assignment = self._ledger.open_proposal(proposal)
        self._tickets[assignment.number] = proposal.ticket
        return assignment

    def _enough(self, groups: int, idle: int) -> int:
        """Return how many points to have ready: few, because a later one knows more, but none too few.

        One, unless trials go out faster than the sampler thinks, or several groups wait and it thinks fast.
        """
        behind = math.ceil(2 * self._proposer.cost / max(self._pace, 1e-3))
        soon = int(READY / max(self._proposer.cost, 1e-3))
        return max(1, min(groups, max(behind, min(idle, soon))))
