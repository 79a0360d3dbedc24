"""What is to be done, where, and in which layouts; pure.

Rank 0 coordinates, the others form groups of `folds x replicas x ring x shards` ranks.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hvdgan.parallel.cost import Link, share_cores


@dataclass(frozen=True)
class Work:
    """What a study has to do.

    Args:
        trials: How many.
        epochs: Of each training.
        events: In the files.
        batch: Events per rank and step.
        folds: Trainings of a trial, each leaving another part of the events out; 1 holds `validation` of them out.
        validation: That fraction.
        validated: At most so many held-out events are compared after every epoch.
    """

    trials: int
    epochs: int
    events: int
    batch: int = 64
    folds: int = 1
    validation: float = 0.1
    validated: int = 2000

    @property
    def trained(self) -> int:
        """Events that one training learns from."""
        return self.events - self.held_out

    @property
    def held_out(self) -> int:
        """Events that one training leaves out."""
        return round(self.events * (1 / self.folds if self.folds > 1 else self.validation))


@dataclass(frozen=True)
class Allocation:
    """The processes there are.

    Args:
        ranks: All of them, the coordinator included.
        per_host: Ranks of a host.
        cores: Cores of a host.
        memory: Bytes that a rank may take; infinite where nothing is said.
    """

    ranks: int
    per_host: int
    cores: float
    memory: float = math.inf

    @property
    def trainers(self) -> int:
        """Ranks that can train: a coordinator that is alone does both."""
        return max(self.ranks - 1, 1)

    @property
    def sharing(self) -> float:
        """Ranks that train on a core."""
        return share_cores(min(self.trainers, self.per_host), self.cores)


@dataclass(frozen=True)
class Figures:
    """What things cost, measured or assumed; seconds and bytes.

    Args:
        event: Seconds of computation per event and step, on a core of its own.
        jitter: How much single steps vary, relative to their computation.
        generation: Seconds in which a rank makes a shower.
        start: Seconds before a training's first step: networks, ring, first batch.
        messages: Bytes of each all-reduce of a step.
        weights: Bytes of all weights.
        activations: Bytes per event and step that m shards gather; each receives (m - 1) / m of them.
        gathers: Collective calls in which they do.
        every: Steps between the exchanges of a replica.
        base: Bytes that a process takes without any network.
        copies: How many times the weights lie in memory: gradients, slots of the optimizer.
        held: Bytes per event that a backward pass needs.
        whole: Those of them that are not divided between shards.
        joined: Bytes that shards take for joined channels, whatever the batch.
        local: Link between processes of one host.
        network: Bandwidth between hosts in bytes per second, and its latency in seconds.
    """

    event: float
    jitter: float
    generation: float
    start: float
    messages: tuple[float, ...]
    weights: float
    activations: float
    gathers: int
    every: int
    base: float
    copies: float
    held: float
    whole: float
    joined: float
    local: Link
    network: tuple[float, float]


@dataclass(frozen=True)
class Layout:
    """A division of the ranks that train.

    Args:
        groups: Trials at a time.
        folds: Folds of a trial that train side by side; 1 trains them in turn.
        replicas: Loosely coupled copies of a training.
        ring: Ranks that average gradients.
        shards: Ranks that share one model.
    """

    groups: int
    folds: int
    replicas: int
    ring: int
    shards: int

    @property
    def ranks_per_trial(self) -> int:
        """Ranks of a group."""
        return self.folds * self.replicas * self.ring * self.shards

    @property
    def trainers(self) -> int:
        """Ranks of all groups."""
        return self.groups * self.ranks_per_trial


def find_layouts(trainers: int, folds: Iterable[int], replicas: int = 1, shards: int = 1) -> Iterator[Layout]:
    """Yield the layouts of some ranks: for every number of groups the largest ring, and all that use every rank.

    Args:
        trainers: Ranks that train.
        folds: How many folds may train side by side.
        replicas: Of each training.
        shards: Of each model.

    >>> [layout.ranks_per_trial for layout in find_layouts(5, [1])]
    [1, 2, 5]
    """
    for side_by_side in sorted(set(folds)):
        units = trainers // (side_by_side * replicas * shards)
        exact = units * side_by_side * replicas * shards == trainers
        for ring in range(1, units + 1):
            groups = units // ring
            if units // (ring + 1) < groups or (exact and units % ring == 0):
                yield Layout(groups, side_by_side, replicas, ring, shards)
