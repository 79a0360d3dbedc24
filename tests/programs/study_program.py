"""A study with a made-up objective.

    mpirun -np 5 python study_program.py DIRECTORY OBJECTIVE TRIALS [--resume]

Rank 0 coordinates, the others form groups of two. Events go to DIRECTORY/events.jsonl, executed trials to
DIRECTORY/executed.jsonl.
"""

import json
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from hvdgan.config import parse
from hvdgan.errors import NotFiniteError, RingBrokenError
from hvdgan.files import append_json_line
from hvdgan.parallel.guard import guarded_world
from hvdgan.parallel.topology import plan_groups
from hvdgan.study.leading import lead, work_alone
from hvdgan.study.messages import Done
from hvdgan.study.opening import open_coordinator
from hvdgan.study.worker import serve

SPACE = {"gan.latent_size": {"type": "int", "low": 50, "high": 400}}
IDLE = 4.0
"""Seconds of the objective `sleep` in which nothing happens."""


def mix(assignment, group, control):
    """End as done, by an exception on the second rank, by NaN, and by a value that is none, in turn."""
    kind = assignment.number % 4
    if kind == 1 and group.rank == 1:
        raise ValueError("broke on the second rank")
    if kind == 1:
        raise RingBrokenError("the second rank left the ring")
    if kind == 2:
        raise NotFiniteError("generator_loss is nan")
    control.report(1, {"merit": 1.0})
    return Done((float("nan") if kind == 3 else float(sum(group.gather(1))),))


def plod(assignment, group, control):
    """Take a while."""
    for step in range(4):
        time.sleep(0.03)
        control.report(step, {"merit": 1.0})
    return Done((assignment.params["gan.latent_size"] / 100,), {"folds": [1.0, 2.0]})


def sleep(assignment, group, control):
    """Report, sleep, report."""
    control.report(0, {"merit": 1.0})
    time.sleep(IDLE)
    control.report(1, {"merit": 1.0})
    return Done((1.0,))


OBJECTIVES = {"mix": mix, "plod": plod, "sleep": sleep}


def watch(directory):
    """Return a listener that writes every event, with the CPU time of this process so far."""

    def listen(event):
        append_json_line(directory / "events.jsonl", {**event, "cpu": time.process_time(), "clock": time.monotonic()})

    return listen


def record(objective, directory):
    """Return the objective with a line for every trial a group takes up."""

    def recorded(assignment, group, control):
        if group.rank == 0:
            line = {"number": assignment.number, "attempt": assignment.attempt, "params": assignment.params}
            append_json_line(directory / "executed.jsonl", line)
        return objective(assignment, group, control)

    return recorded


def main(directory, name, trials, *flags):
    """Run the study."""
    directory = Path(directory)
    study = {"trials": int(trials), "sampler": "random", "ranks_per_trial": 2, "space": SPACE}
    config = parse({"data": {"files": ["none.h5"]}, "study": study})
    objective = record(OBJECTIVES[name], directory)
    with guarded_world() as world, ExitStack() as stack:
        opened = []

        def open_study():
            ahead = world.size > 1
            context = open_coordinator(config, directory, "--resume" in flags, watch(directory), ahead=ahead)
            opened.append(stack.enter_context(context))

        world.agree(open_study)
        if world.size == 1:
            work_alone(opened[0], objective, world)
            return
        topology = plan_groups(world.hosts, config.study.ranks_per_trial)
        with world.split(topology.roles[world.rank].group) as group:
            if group is None:
                lead(world, opened[0], topology.groups)
            else:
                serve(world, group, objective)
        print(json.dumps({"rank": world.rank, "went": "home"}))


if __name__ == "__main__":
    main(*sys.argv[1:])
