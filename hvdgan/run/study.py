"""`hvdgan study`: rank 0 coordinates, the other ranks form groups, each group trains one trial as a Horovod ring."""

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

from hvdgan.backends import load
from hvdgan.config import Config
from hvdgan.errors import EXIT_LOSSES, UsageError
from hvdgan.files import append_json_line
from hvdgan.log import log_to, logger
from hvdgan.parallel.launcher import check_one_world, survives_losses
from hvdgan.parallel.topology import COORDINATOR, Topology, plan_groups
from hvdgan.parallel.world import World, leave_at_once
from hvdgan.report.live import study_line
from hvdgan.run.build import check_angles, check_model, try_model
from hvdgan.run.conclusion import conclude, verdict_of_errors
from hvdgan.run.directory import create, existing
from hvdgan.run.layouts import check_layouts, largest_ring
from hvdgan.run.objective import Objective
from hvdgan.run.processes import check_horovod, pin_groups
from hvdgan.study.coordinator import Coordinator
from hvdgan.study.events import Event, Listener
from hvdgan.study.leading import lead, work_alone
from hvdgan.study.opening import open_coordinator
from hvdgan.study.search import samplers
from hvdgan.study.search.layout import fit_layout
from hvdgan.study.search.points import resolve_points
from hvdgan.study.silence import Silence
from hvdgan.study.worker import serve
from hvdgan.training.interrupt import Interrupt
from hvdgan.verdict import clear_verdict

Watcher = Callable[[int, int], AbstractContextManager[Listener]]
"""Given the total of trials and the number of groups, shows the events of the study."""


def study(config: Config, path: Path, resume: bool, world: World, watch: Watcher, force: bool = False) -> int:
    """Search the configuration's space with all ranks of the job and return the exit code.

    Args:
        config: The configuration.
        path: The run directory.
        resume: Go on with the study in the directory instead of making it.
        world: The processes of the job.
        watch: Shows the events, on rank 0.
        force: Go on with a stored study whose space, data or settings differ.

    Raises:
        HvdganError: Something the message explains, the same on every rank.
    """
    topology = world.agree(lambda: plan_groups_of(config, world))
    with Interrupt() as interrupt, ExitStack() as stack:
        listen = ignore
        if world.rank == COORDINATOR:
            listen = stack.enter_context(watch(config.study.trials, len(topology.groups)))
        config = world.agree(lambda: refuse(config))
        pin_groups(load(config.gan.backend), world)
        world.agree(lambda: try_model(config))
        job = Job(config, path, world, topology, Objective(config, interrupt, survives_losses(os.environ)))
        begun: list[Coordinator] = []

        def begin() -> None:
            directory = existing(path) if resume else create(path, config, list(world.hosts))
            stack.enter_context(log_to(directory.log))
            told, ahead = _recording(path, listen), world.size > 1
            opened = open_coordinator(config, path, resume, told, lambda: interrupt.wanted, force, ahead=ahead)
            begun.append(stack.enter_context(opened))
            clear_verdict(path)
            stack.enter_context(verdict_of_errors(path))
            logger.info("a study of %d groups on %s begins or goes on", len(topology.groups), world.hosts)

        world.agree(begin)
        _work(job, begun)
        if begun and begun[0].given_up:
            _leave_without_the_lost(job, begun[0], stack)
        return world.agree(lambda: conclude(config, path, begun[0].reason()))


@dataclass(frozen=True)
class Job:
    """A study on the processes of one job."""

    config: Config
    path: Path
    world: World
    topology: Topology
    objective: Objective


def ignore(event: Event) -> None:
    """Listen to nothing: only rank 0 shows events."""


def _work(job: Job, begun: list[Coordinator]) -> None:
    """Coordinate, or train trials, until the study is through."""
    world, groups = job.world, job.topology.groups
    silence = Silence(job.config.training.stall_timeout, job.objective.watchdog)
    with world.split(job.topology.roles[world.rank].group) as members:
        if world.size == 1:
            work_alone(begun[0], job.objective, members)
        elif members is None:
            lead(world, begun[0], groups, silence)
        else:
            stop = serve(world, members, job.objective, silence=silence)
            if stop.lost and silence.survives:
                leave_at_once(EXIT_LOSSES)


def _leave_without_the_lost(job: Job, coordinator: Coordinator, stack: ExitStack) -> None:
    """Conclude a study whose job lost groups, and end the job: ranks that hang cannot be waited for."""
    code = conclude(job.config, job.path, coordinator.reason(), lost=len(coordinator.given_up))
    stack.close()
    job.world.abort(code)


def plan_groups_of(config: Config, world: World) -> Topology:
    """Refuse, at once, a launcher, a world or a space that cannot serve; return who trains with whom."""
    check_one_world(os.environ, "study")
    if not config.study.space:
        raise UsageError("study.space is empty: name at least one key to search, or use `hvdgan train`")
    return plan_groups(world.hosts, config.study.ranks_per_trial)


def refuse(config: Config) -> Config:
    """Refuse, before any work, a search, data or a model that cannot serve.

    Returns:
        The configuration without the layouts that no group can have.
    """
    config, messages = fit_layout(config)
    sys.stderr.writelines(f"hvdgan: {message}\n" for message in messages)
    samplers.check(config.study)
    resolve_points(config)
    check_layouts(config)
    check_model(config)
    check_angles(config)
    check_horovod(config, largest_ring(config))
    return config


def _recording(path: Path, listen: Listener) -> Listener:
    """Return a listener that also keeps every event in the run directory."""

    def tell(event: Event) -> None:
        append_json_line(path / "events.jsonl", event)
        if event["event"] != "reported":
            logger.info(study_line(event))
        listen(event)

    return tell
