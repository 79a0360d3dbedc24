"""Rules: how a replica and the centre move when they meet; pure functions of vectors, nothing else.

All three let replicas train by themselves for some steps, and share what they learned through a centre variable:

- elastic averaging (Zhang, Choromanska and LeCun, arXiv:1412.6651, algorithm 1) pulls both towards each other;
- Downpour (Dean et al., Large Scale Distributed Deep Networks, 2012) adds a replica's update to the centre, with
  Adagrad there, and the replica goes on from the centre;
- gradient energy matching (Hermans and Louppe, arXiv:1805.08469) adds of the update as much as the centre would have
  moved, had it this replica's momentum, and as others have not moved it already.

A replica's update stands for the gradient of the papers: it is what its own optimizer did since the last exchange.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hvdgan.config import Exchange

Vector = NDArray[np.floating]
Vectors = dict[str, Vector]

FORCE = 0.9
"""Elastic force of all replicas together: beta of arXiv:1412.6651, section 5."""

LARGEST = 5.0
"""Most that gradient energy matching magnifies an update, as in its authors' code."""

TINY = 1e-12
"""Keeps denominators from zero, where nothing has moved."""


@dataclass(frozen=True)
class Meeting:
    """A replica and the centre; all vectors have the same length.

    Args:
        local: The replica's weights.
        centre: The centre variable.
        own: What the replica remembers of earlier meetings, by name.
        shared: What is kept beside the centre, by name.
    """

    local: Vector
    centre: Vector
    own: Vectors = field(default_factory=dict)
    shared: Vectors = field(default_factory=dict)


@dataclass(frozen=True)
class Rule:
    """How they move.

    Args:
        move: Takes how they meet, returns how they part.
        own: Names of what a replica remembers.
        shared: Names of what is kept beside the centre.
    """

    move: Callable[[Meeting], Meeting]
    own: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()

    def begin(self, weights: Vector) -> Meeting:
        """Return how all replicas and the centre begin: at the same weights, and at rest."""
        rest = {name: np.zeros_like(weights) for name in (*self.own, *self.shared)} | {"anchor": weights}
        own, shared = ({name: rest[name].copy() for name in names} for names in (self.own, self.shared))
        return Meeting(weights.copy(), weights.copy(), own, shared)


def choose_rule(settings: Exchange, replicas: int) -> Rule:
    """Return the rule of a configuration.

    Args:
        settings: Section `training.exchange` of the configuration.
        replicas: How many there are.
    """
    if settings.kind == "easgd":
        force = FORCE / replicas if settings.force is None else settings.force
        return Rule(lambda met: pull(met, force))
    if settings.kind == "downpour":
        return Rule(lambda met: pour(met, settings.rate), own=("anchor",), shared=("squares",))
    return Rule(
        lambda met: match_energy(met, settings.rate, settings.momentum, settings.kappa), own=("anchor", "momentum")
    )


def follow_rule(replicas: int) -> Rule:
    """Return the rule of what no gradient trains: the centre follows the mean of the replicas, which keep their own."""
    return Rule(lambda met: Meeting(met.local, met.centre + (met.local - met.centre) / replicas))


def pull(met: Meeting, force: float) -> Meeting:
    """Pull replica and centre towards each other; their sum stays.

    >>> parted = pull(Meeting(np.array([1.0]), np.array([0.0])), 0.25)
    >>> parted.local, parted.centre
    (array([0.75]), array([0.25]))
    """
    step = force * (met.local - met.centre)
    return Meeting(met.local - step, met.centre + step)


def pour(met: Meeting, rate: float) -> Meeting:
    """Give the centre the replica's update by Adagrad, and go on from there.

    >>> met = Meeting(np.array([3.0]), np.array([1.0]), {"anchor": np.array([0.0])}, {"squares": np.array([16.0])})
    >>> parted = pour(met, 0.5)
    >>> parted.local, parted.centre, parted.shared
    (array([1.3]), array([1.3]), {'squares': array([25.])})
    """
    update = met.local - met.own["anchor"]
    squares = met.shared["squares"] + update**2
    centre = met.centre + rate * update / (np.sqrt(squares) + TINY)
    return Meeting(centre, centre, {"anchor": centre}, {"squares": squares})


def match_energy(met: Meeting, rate: float, momentum: float, kappa: float) -> Meeting:
    """Give the centre the replica's update, scaled cell by cell so that its energy matches, and go on from there.

    The scale is (kappa |momentum| - |drift|) / |update|, from 0 to 5; the drift is how far the others have moved the
    centre meanwhile.

    >>> own = {"anchor": np.array([0.0]), "momentum": np.array([0.0])}
    >>> parted = match_energy(Meeting(np.array([2.0]), np.array([1.0]), own), rate=0.5, momentum=0.9, kappa=4.0)
    >>> parted.local, parted.centre, parted.own["momentum"]
    (array([4.]), array([4.]), array([1.]))
    """
    update = rate * (met.local - met.own["anchor"])
    inertia = momentum * met.own["momentum"] + update
    drift = met.centre - met.own["anchor"]
    scale = np.clip((kappa * np.abs(inertia) - np.abs(drift)) / (np.abs(update) + TINY), 0.0, LARGEST)
    centre = met.centre + scale * update
    return Meeting(centre, centre, {"anchor": centre, "momentum": inertia})


def cut(vectors: Mapping[str, Vector], part: slice) -> Vectors:
    """Return a part of each vector."""
    return {name: vector[part] for name, vector in vectors.items()}
