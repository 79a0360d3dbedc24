"""A study in which ranks get lost.

    mpirun -np 5 python study_faults.py DIRECTORY TRIALS STALL [--resume]

Rank 0 coordinates, the others form groups of two that meet in MPI at every step, as a Horovod ring does. A trial makes
DIRECTORY/running-GROUP, where GROUP is the world rank of the group's first rank, so that a test knows whom to hit.
"""

import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from hvdgan.config import parse
from hvdgan.errors import EXIT_LOSSES
from hvdgan.files import append_json_line
from hvdgan.parallel.guard import guarded_world
from hvdgan.parallel.launcher import survives_losses
from hvdgan.parallel.topology import plan_groups
from hvdgan.parallel.watchdog import BITES, Watchdog
from hvdgan.parallel.world import leave_at_once
from hvdgan.study.leading import lead
from hvdgan.study.messages import Done
from hvdgan.study.opening import open_coordinator
from hvdgan.study.silence import Silence
from hvdgan.study.worker import serve

SPACE = {"gan.latent_size": {"type": "int", "low": 50, "high": 400}}
STEPS, STEP = 30, 0.02
"""Steps of a trial, and seconds of each."""


def trial_of(directory, silence, place):
    """Return the objective."""

    def objective(assignment, group, control):
        with Watchdog(BITES * silence.stall if silence.survives else None) as watchdog:
            for _ in range(STEPS):
                watchdog.beat()
                control.beat()
                time.sleep(STEP)
                group.communicator.allreduce(1)
                (directory / f"running-{place}").touch()
        return Done((assignment.params["gan.latent_size"] / 100,))

    return objective


def main(directory, trials, stall, *flags):
    """Run the study; leave with 3 when groups were lost."""
    directory, silence = Path(directory), Silence(float(stall), survives_losses(os.environ))
    study = {"trials": int(trials), "sampler": "random", "ranks_per_trial": 2, "space": SPACE}
    config = parse({"data": {"files": ["none.h5"]}, "study": study})
    with guarded_world() as world, ExitStack() as stack:
        opened = []

        def open_study():
            def listen(event):
                append_json_line(directory / "events.jsonl", event)

            context = open_coordinator(config, directory, "--resume" in flags, listen, ahead=True)
            opened.append(stack.enter_context(context))

        world.agree(open_study)
        topology = plan_groups(world.hosts, config.study.ranks_per_trial)
        number = topology.roles[world.rank].group
        with world.split(number) as group:
            if group is None:
                lead(world, opened[0], topology.groups, silence)
            else:
                stop = serve(world, group, trial_of(directory, silence, topology.groups[number][0]), silence=silence)
                if stop.lost and silence.survives:
                    leave_at_once(EXIT_LOSSES)
        if opened and opened[0].given_up:
            stack.close()
            world.abort(EXIT_LOSSES)


if __name__ == "__main__":
    main(*sys.argv[1:])
