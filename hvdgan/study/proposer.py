"""Proposers: who has the next point ready.

A Gaussian process thinks for a third of a second about a point. `AskAhead` lets it think in a thread of its own while
the groups work, so that no group ever waits for it; `AskNow` thinks on demand, for a study of one process, which so
uses every result it has.
"""

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from hvdgan.study.shadow import TICKETS, Proposal, Shadow


class Proposer(Protocol):
    """Proposes points and learns what became of them."""

    cost: float
    """Seconds the latest proposal took."""

    pending: int
    """Proposals that are wanted and not yet taken."""

    def want(self, count: int) -> None:
        """Have so many more points made."""

    def take(self) -> Proposal | None:
        """Return the next point, or None when none is ready.

        Raises:
            Exception: What went wrong in the sampler.
        """

    def adopt(self, params: Mapping[str, Any], distributions: Mapping[str, Any]) -> int:
        """Take a running point into account that came from elsewhere; return its ticket."""

    def end(self, ticket: int, values: Sequence[float] | None) -> None:
        """Learn what came of a point: its values, or None when it has none."""

    def close(self) -> None:
        """Stop."""


class AskNow:
    """Proposes on demand, in the caller's thread."""

    cost = 0.0
    pending = 0

    def __init__(self, shadow: Shadow) -> None:
        """Take over a shadow."""
        self._shadow = shadow

    def want(self, count: int) -> None:
        """Wait until somebody takes: by then more is known."""

    def take(self) -> Proposal:
        """Choose a point now."""
        return self._shadow.propose(next(TICKETS))

    def adopt(self, params: Mapping[str, Any], distributions: Mapping[str, Any]) -> int:
        """Take a point from elsewhere into account."""
        ticket = next(TICKETS)
        self._shadow.adopt(ticket, params, distributions)
        return ticket

    def end(self, ticket: int, values: Sequence[float] | None) -> None:
        """Pass on what came of a point."""
        self._shadow.end(ticket, values)

    def close(self) -> None:
        """Leave nothing behind."""


class AskAhead:
    """Proposes in a thread of its own, ahead of need; the thread alone touches the shadow."""

    def __init__(self, make_shadow: Callable[[], Shadow], rehearse: Callable[[], None] = lambda: None) -> None:
        """Start the thread, which makes the shadow.

        Args:
            make_shadow: Returns the shadow.
            rehearse: Loads what the sampler's own points need. Takes seconds, so it runs in a thread of its own: the
                random points of the start-up are out long before.
        """
        self.cost, self.pending = 0.0, 0
        self._orders: queue.SimpleQueue[Callable[[Shadow], None] | None] = queue.SimpleQueue()
        self._ready: queue.SimpleQueue[Proposal | Exception] = queue.SimpleQueue()
        self._threads = (
            threading.Thread(target=self._work, args=(make_shadow,), name="sampler", daemon=True),
            threading.Thread(target=rehearse, name="rehearsal", daemon=True),
        )
        for thread in self._threads:
            thread.start()

    def want(self, count: int) -> None:
        """Order points."""
        self.pending += count
        for _ in range(count):
            self._orders.put(self._propose)

    def take(self) -> Proposal | None:
        """Take a point that is ready."""
        try:
            answer = self._ready.get_nowait()
        except queue.Empty:
            return None
        if isinstance(answer, Exception):
            raise answer
        self.pending -= 1
        return answer

    def adopt(self, params: Mapping[str, Any], distributions: Mapping[str, Any]) -> int:
        """Order a point from elsewhere to be taken into account."""
        ticket = next(TICKETS)
        self._orders.put(lambda shadow: shadow.adopt(ticket, params, distributions))
        return ticket

    def end(self, ticket: int, values: Sequence[float] | None) -> None:
        """Order a result to be learned."""
        self._orders.put(lambda shadow: shadow.end(ticket, values))

    def close(self) -> None:
        """Let the threads end; they are not waited for longer than a proposal takes."""
        self._orders.put(None)
        for thread in self._threads:
            thread.join(10)

    def _work(self, make_shadow: Callable[[], Shadow]) -> None:
        """Do what is ordered until the end; what goes wrong is raised where points are taken."""
        try:
            shadow = make_shadow()
            while (order := self._orders.get()) is not None:
                order(shadow)
        except Exception as error:
            self._ready.put(error)

    def _propose(self, shadow: Shadow) -> None:
        """Make one point ready."""
        begin = time.perf_counter()
        proposal = shadow.propose(next(TICKETS))
        self.cost = time.perf_counter() - begin
        self._ready.put(proposal)
