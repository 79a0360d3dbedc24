"""`hvdgan study`: rank 0 coordinates, the other ranks form groups, each group trains one trial as a Horovod ring."""

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

from hvdgan.backends import load
from hvdgan.config import Config
from hvdgan.errors import EXIT_DONE, EXIT_FAILED, EXIT_LOSSES, EXIT_PREEMPTED, UsageError
from hvdgan.files import append_json_line, write_atomically
from hvdgan.log import log_to, logger
from hvdgan.parallel.launcher import launcher, survives_losses
from hvdgan.parallel.topology import Topology, plan_groups
from hvdgan.parallel.world import World
from hvdgan.report.live import study_line
from hvdgan.run.build import check_data, check_model
from hvdgan.run.directory import create, reopen
from hvdgan.run.objective import Objective
from hvdgan.run.processes import pin_groups
from hvdgan.study import history, samplers
from hvdgan.study.coordinator import Coordinator
from hvdgan.study.events import Event, Listener
from hvdgan.study.layout import fit_layout
from hvdgan.study.leading import lead, work_alone
from hvdgan.study.opening import open_coordinator
from hvdgan.study.silence import Silence
from hvdgan.study.storage import load_study
from hvdgan.study.worker import serve
from hvdgan.training.interrupt import Interrupt
from hvdgan.verdict import write_verdict

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
    config, topology = world.agree(lambda: _check(config, world))
    pin_groups(load(config.gan.backend), world)
    with Interrupt() as interrupt, ExitStack() as stack:
        begun: list[Coordinator] = []

        def begin() -> None:
            directory = reopen(path) if resume else create(path, config, list(world.hosts))
            stack.enter_context(log_to(directory.log))
            logger.info(
                "%s study of %d groups on %s", "resumed" if resume else "new", len(topology.groups), world.hosts
            )
            listen = _recording(directory.path, stack.enter_context(watch(config.study.trials, len(topology.groups))))
            opened = open_coordinator(
                config, path, resume, listen, lambda: interrupt.wanted, force, ahead=world.size > 1
            )
            begun.append(stack.enter_context(opened))

        world.agree(begin)
        _work(Objective(config, interrupt), world, topology, begun)
        if begun and begun[0].given_up:
            _leave_without_the_lost(config, path, world, begun[0], stack)
        return world.agree(lambda: conclude(config, path, begun[0].reason()))


def _work(objective: Objective, world: World, topology: Topology, begun: list[Coordinator]) -> None:
    """Coordinate, or train trials, until the study is through."""
    silence = Silence(objective.config.training.stall_timeout, survives_losses(os.environ))
    with world.split(topology.roles[world.rank].group) as members:
        if world.size == 1:
            work_alone(begun[0], objective, members)
        elif members is None:
            lead(world, begun[0], topology.groups, silence)
        else:
            serve(world, members, objective, silence=silence)


def _leave_without_the_lost(
    config: Config, path: Path, world: World, coordinator: Coordinator, stack: ExitStack
) -> None:
    """Conclude a study whose job lost groups, and end the job: ranks that hang cannot be waited for."""
    code = conclude(config, path, coordinator.reason(), lost=len(coordinator.given_up))
    stack.close()
    world.abort(code)


def conclude(config: Config, path: Path, reason: str | None, lost: int = 0) -> int:
    """Write the best configuration and the verdict of a study that came to its end; return its exit code.

    Args:
        config: The study's configuration.
        path: The run directory.
        reason: Why no trial starts any more; None when all groups were lost before.
        lost: Number of groups that fell silent.
    """
    table = history.rows(load_study(config, path))
    best = history.best(table)
    if best is not None:
        write_atomically(path / "best.yaml", best_config(config, best["params"]).dump())
    code, message = _judge(table, best, reason, lost)
    write_verdict(path, code, message)
    return code


def _judge(table: list[history.Row], best: history.Row | None, reason: str | None, lost: int) -> tuple[int, str]:
    """Return exit code and verdict of a study."""
    if reason is None:
        return EXIT_FAILED, f"all {lost} groups were lost after {history.count(table)} trials; go on with --resume"
    if reason == "preempted":
        return EXIT_PREEMPTED, f"preempted after {history.count(table)} trials; go on with --resume"
    if best is None:
        failures = sorted({row["failure"] for row in table if row["failure"]})
        return EXIT_FAILED, f"none of {len(table)} trials has a value ({', '.join(failures)}); see trials.csv"
    value = f"best trial {best['number']} has a figure of merit of {best['value']:.4g}"
    if lost:
        return EXIT_LOSSES, f"{value}; {lost} of the groups were lost on the way, see trials.csv"
    return EXIT_DONE, value


def best_config(config: Config, params: dict[str, Any]) -> Config:
    """Return a configuration that `train` takes as it is: a trial's parameters set, the search left out."""
    return config.replace({**params, "study.space": {}, "study.enqueue": [], "study.storage": None})


def _check(config: Config, world: World) -> tuple[Config, Topology]:
    """Refuse, before any work, a launcher, a world, a model or data that cannot serve.

    Returns:
        The configuration, without the layouts of a trial that no group can have; and the topology.
    """
    if launcher(os.environ) == "gloo":
        raise UsageError(
            "a study needs one MPI world, but `horovodrun --gloo` gives every process a world of its own; "
            "use `hvdgan launch -np N study ...`, `mpirun` or `horovodrun --mpi`"
        )
    if not config.study.space:
        raise UsageError("study.space is empty: name at least one key to search, or use `hvdgan train`")
    topology = plan_groups(world.hosts, config.study.ranks_per_trial)
    config, messages = fit_layout(config)
    sys.stderr.writelines(f"hvdgan: {message}\n" for message in messages)
    samplers.check(config.study)
    check_data(config, config.study.ranks_per_trial, 0 if config.study.folds > 1 else None)
    check_model(config)
    return config, topology


def _recording(path: Path, listen: Listener) -> Listener:
    """Return a listener that also keeps every event in the run directory."""

    def tell(event: Event) -> None:
        append_json_line(path / "events.jsonl", event)
        if event["event"] != "reported":
            logger.info(study_line(event))
        listen(event)

    return tell
