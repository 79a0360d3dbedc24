"""`hvdgan check`: try a configuration on the launched world, touch nothing of the user's, say what a run will take."""

import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hvdgan.backends import load
from hvdgan.config import Config
from hvdgan.errors import UsageError
from hvdgan.parallel.agreement import everywhere, lead, together
from hvdgan.parallel.horovod_start import count_ranks
from hvdgan.parallel.topology import place_folds
from hvdgan.parallel.world import World
from hvdgan.report.progress import duration
from hvdgan.report.tables import Table
from hvdgan.run import study, train
from hvdgan.run.build import UNTOLD, check_model, list_whole_layers, try_model
from hvdgan.run.layouts import count_rings
from hvdgan.run.processes import open_cell, open_pinned_cell, pin_groups
from hvdgan.run.rehearsal import Measured, rehearse
from hvdgan.study.messages import Done
from hvdgan.study.opening import open_coordinator

SHORT = 10.0
"""Seconds below which fractions of them are told."""


def check(config: Config, world: World) -> Table | None:
    """Do in small what `train`, or with a search space `study`, would do; return what was seen, on rank 0. Collective.

    Raises:
        HvdganError: What would end the run, the same on every rank.
    """
    return (_check_study if config.study.space else _check_training)(config, world)


def _check_training(config: Config, world: World) -> Table | None:
    """Rehearse on one ring of all ranks."""
    world.agree(lambda: train.refuse(config, count_ranks(world)))
    with open_pinned_cell(config, load(config.gan.backend), world) as (ring, exchange):
        together(ring, lambda: try_model(config))
        measured = rehearse(config, ring, exchange, None)
        whole = lead(ring, lambda: told_shards(config))
        if measured is None or ring.rank:
            return None
        rows = [
            *map(tuple, whole),
            (f"a training of {config.training.epochs} epochs", _span(config.training.epochs * measured.epoch)),
        ]
        return tabulate(config, measured, rows)


def _check_study(config: Config, world: World) -> Table | None:
    """Rehearse on every group, divided as a study divides the world; ask for a point and tell its value."""
    topology = world.agree(lambda: study.plan_groups_of(config, world))
    config = world.agree(lambda: study.refuse(config))
    pin_groups(load(config.gan.backend), world)
    world.agree(lambda: try_model(config))
    point = world.agree(lambda: ask_and_tell(config))
    told = everywhere(world, lambda: _rehearse_group(config, world, topology.roles[world.rank].group))
    slowest = max(filter(None, told), key=lambda measured: measured.epoch)
    trial = slowest.epoch * config.training.epochs * config.study.folds / count_rings(config)
    whole = trial * math.ceil(config.study.trials / len(topology.groups))
    rows = [
        *world.agree(lambda: told_shards(config)),
        ("a point that was asked for", ", ".join(f"{name.rpartition('.')[2]} {point[name]}" for name in point)),
        (f"a trial of {config.study.folds} x {config.training.epochs} epochs", _span(trial)),
        (f"{config.study.trials} trials, {len(topology.groups)} at a time, none pruned", _span(whole)),
    ]
    return tabulate(config, slowest, rows) if world.rank == 0 else None


def _rehearse_group(config: Config, world: World, group: int | None) -> Measured | None:
    """Rehearse on the ring of this rank in its group; None for a coordinator that does not train. Collective."""
    with world.split(group) as members:
        if members is None:
            return None
        places = place_folds(members.hosts, count_rings(config))
        fold = places[members.rank]
        with members.split(fold) as cell, open_cell(config, cell) as (ring, exchange):
            return rehearse(config, ring, exchange, fold if config.study.folds > 1 else None)


def ask_and_tell(config: Config) -> dict[str, Any]:
    """Ask the configuration's sampler for a point, tell a value, and return the point; in a storage of its own.

    Raises:
        HvdganError: The search cannot begin, or the point is not legal.
    """
    with TemporaryDirectory() as folder:
        apart = config.replace({"study.storage": None})
        with open_coordinator(apart, Path(folder), False, study.ignore, ahead=False) as coordinator:
            assignment = coordinator.next_assignment(1)
            if assignment is None:
                raise UsageError(f"the study ends before its first trial: {coordinator.reason()}")
            check_model(config.replace({**assignment.params, "study.space": {}, "study.enqueue": []}))
            coordinator.handle(1, Done((1.0,) * len(config.study.objective)))
            coordinator.end()
    return assignment.params


def tabulate(config: Config, measured: Measured, rows: list[tuple[str, str]]) -> Table:
    """Tabulate what was seen and what a run will take.

    Args:
        config: The configuration.
        measured: What the training costs.
        rows: What follows from it.
    """
    parameters = ", ".join(f"{name} {count:,}" for name, count in measured.parameters.items())
    learned, held_out = measured.events
    seen = [
        ("model", f"{config.gan.model} in {config.gan.backend}; parameters: {parameters}"),
        ("data", f"{learned:,} events to train on, {held_out:,} held out"),
        *_tell_angles(config.gan.model, measured.angles),
        ("ring", _ring(measured, config.training.replicas)),
        ("checkpoint", f"{_size(measured.checkpoint)}, stored, read back and generated from"),
        ("a step", f"{1000 * measured.step:,.4g} ms"),
        ("a generated shower", f"{1000 * measured.generation:,.4g} ms"),
        (
            f"an epoch of {measured.steps:,} steps",
            f"{_span(measured.epoch)}, of which {_span(measured.validation)} validation",
        ),
        *rows,
        ("memory of a rank", f"{_size(measured.memory)} at most"),
    ]
    gpu = [("memory of a GPU", f"{_size(measured.device)} at most")] if measured.device else []
    return Table("Checked, all is well", ("what", "seen"), (*seen, *gpu))


def told_shards(config: Config) -> list[tuple[str, str]]:
    """Say which layers every shard of a model holds whole, and why; nothing of a model in one piece."""
    if config.training.shards == 1:
        return []
    whole = [f"{layer} ({reason})" for layer, reason in list_whole_layers(config)]
    return [("layers that are not split", "; ".join(whole) or "none")]


def _ring(measured: Measured, replicas: int) -> str:
    """Say how many processes train together, how many models they hold, and of how many replicas."""
    ranks = "1 rank" if measured.ranks == 1 else f"{measured.ranks} ranks"
    models = f"{measured.models} {'model' if measured.models == 1 else 'models'}"
    held = "" if measured.models == measured.ranks else f", which hold {models}"
    return ranks + held + (f", one of {replicas} replicas" if replicas > 1 else "")


def _tell_angles(model: str, angles: tuple[float, float] | None) -> list[tuple[str, str]]:
    """Return a row on the angles, where they vary.

    >>> _tell_angles("3dgan", (1.0, 2.0))
    [('theta', '57.3 to 114.6 degrees, which 3dgan does not look at')]
    """
    if angles is None:
        return []
    low, high = map(math.degrees, angles)
    return [("theta", f"{low:.1f} to {high:.1f} degrees{f', which {model} does not look at' * (model in UNTOLD)}")]


def _span(seconds: float) -> str:
    """Return a time span for people; short ones with their fraction.

    >>> _span(0.1234), _span(125.0)
    ('0.12 s', '2:05')
    """
    return f"{seconds:.2g} s" if seconds < SHORT else duration(seconds)


def _size(count: int) -> str:
    """Return a number of bytes for people.

    >>> _size(45_300), _size(1_234_567_890)
    ('45 kB', '1,235 MB')
    """
    return f"{count / 1e3:,.0f} kB" if count < 1e6 else f"{count / 1e6:,.0f} MB"
