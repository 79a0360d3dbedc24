"""Silence: how long the processes of a study wait for each other, and what they do then.

A process that was stopped, or whose host died, cannot say so; it only falls silent. The coordinator gives up a group
that is silent for too long. Ranks that wait for a lost one end themselves where the job outlives that (`mpirun
--enable-recovery`); elsewhere the end of one rank would end the whole job, so they wait until the coordinator ends it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from hvdgan.parallel.watchdog import Watchdog
from hvdgan.parallel.world import World, end_here

SILENT = 2.5
"""In units of `training.stall_timeout`: a process that said nothing for so long counts as lost. Before that Horovod
frees the peers of a stalled rank (1), and watchdogs end blocked ones (`parallel.watchdog.BITES`)."""

LONGEST_INTERVAL = 20.0
"""Seconds between two signs of life, at most."""


@dataclass(frozen=True)
class Silence:
    """Who waits how long.

    Args:
        stall: `training.stall_timeout`: seconds without a step after which a rank counts as stalled.
        survives: Whether the job outlives a process that ends.
    """

    stall: float = 300.0
    survives: bool = False

    @property
    def limit(self) -> float:
        """Seconds after which a process that says nothing counts as lost."""
        return SILENT * self.stall

    @property
    def interval(self) -> float:
        """Seconds between two signs of life."""
        return min(self.stall / 4, LONGEST_INTERVAL)

    def end_lost(self, world: World, ranks: Iterable[int]) -> None:
        """End the lost ranks on this host where the launcher would wait for them; elsewhere the abort of the job does.

        Args:
            world: All processes.
            ranks: World ranks of the groups that were given up.
        """
        if self.survives:
            end_here(world, ranks)

    def awaits_coordinator(self) -> Watchdog:
        """Return the watchdog of a group's leader that waits for the coordinator; without one nothing can go on."""
        return Watchdog(self.limit)

    def awaits_group(self) -> Watchdog:
        """Return the watchdog of a rank that waits for others of its group."""
        return Watchdog(self.limit if self.survives else None)


DEFAULT = Silence()
"""Of the default configuration, in a job that ends with its first process."""
