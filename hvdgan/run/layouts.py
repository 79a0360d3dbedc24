"""The layouts of a study's trials: how a group is divided into folds, replicas and rings, searched or not."""

import itertools
from collections.abc import Iterator
from functools import reduce
from typing import Any

from hvdgan.config import Choices, Config, IntRange
from hvdgan.errors import UsageError
from hvdgan.parallel.topology import Nesting, ring_size
from hvdgan.run.build import check_data

KEYS = ("study.folds", "study.fold_mode", "training.replicas")
"""What a layout depends on, and a study may search."""


def count_rings(config: Config) -> int:
    """Return how many folds of a trial train side by side."""
    return config.study.folds if config.study.fold_mode == "parallel" else 1


def check_layouts(config: Config) -> None:
    """Refuse folds and replicas that a group cannot train, and data too small for any layout the space allows.

    Where the layout is searched, those that do not divide the group are left out of the space elsewhere.

    Raises:
        UsageError: A group cannot be divided into them, the message says what could; losses would be tolerated; or
            shards are searched.
        DataError: A file is not what it should be, or a ring would find too few events for a step.
    """
    if True in _choices(config, "training.exchange.tolerate_loss"):
        raise UsageError(
            "training.exchange.tolerate_loss: a study gives a group up that loses a rank, and tries its trial again "
            "elsewhere; leave it false, or use it with `hvdgan train`"
        )
    if "training.shards" in config.study.space:
        raise UsageError("study.space: training.shards changes no result, only who holds what; set it for all trials")
    for layout, nesting in _layouts(config):
        models = ring_size(config.study.ranks_per_trial, nesting) * nesting.replicas
        check_data(layout, models, 0 if layout.study.folds > 1 else None)


def largest_ring(config: Config) -> int:
    """Return the most ranks that a ring of any trial can have; those of a group, where no layout divides it."""
    ranks = config.study.ranks_per_trial
    rings = (ranks // nesting.rings for _, nesting in _layouts(config) if _divides(nesting, ranks))
    return max(rings, default=ranks)


def _layouts(config: Config) -> Iterator[tuple[Config, Nesting]]:
    """Yield the layouts that divide the group; the only one there is, also where it does not."""
    choices = list(itertools.product(*(_choices(config, key) for key in KEYS)))
    for values in choices:
        layout = config.replace({**dict(zip(KEYS, values, strict=True)), "study.space": {}, "study.enqueue": []})
        nesting = Nesting(count_rings(layout), layout.training.replicas, layout.training.shards)
        if len(choices) == 1 or _divides(nesting, config.study.ranks_per_trial):
            yield layout, nesting


def _divides(nesting: Nesting, ranks: int) -> bool:
    """Tell whether a group can be divided so."""
    return ranks % (nesting.rings * nesting.shards) == 0


def _choices(config: Config, key: str) -> list[Any]:
    """Return the values that a key of the configuration can have."""
    match config.study.space.get(key):
        case None:
            return [reduce(getattr, key.split("."), config)]
        case Choices() as dimension:
            return list(dimension.choices)
        case IntRange() as dimension:
            return list(range(dimension.low, dimension.high + 1, dimension.step))
