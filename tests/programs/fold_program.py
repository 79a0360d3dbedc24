"""Trials with two folds on a group of four, with a group of one beside it; real training, and faults.

    mpirun -np 5 python fold_program.py DIRECTORY CONFIG

The first trial waits for a SIGUSR1. Each trial's outcome, reports and beats go to DIRECTORY/NAME.json.
"""

import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from hvdgan.backends.torch import Gan
from hvdgan.config import load
from hvdgan.files import write_json
from hvdgan.parallel.guard import guarded_world
from hvdgan.run.objective import Objective
from hvdgan.study import failures
from hvdgan.study.failures import Ending
from hvdgan.study.messages import Assignment
from hvdgan.training.interrupt import Interrupt

LONG = {"training.epochs": 200}
STALL = {**LONG, "training.stall_timeout": 1.0}
SLOW, NAP = 1.0, 8.0
FAULTY = 3
"""The rank that the faults happen on, the second one of fold 1."""


class Line:
    """A line to a coordinator that keeps everything and lets every trial go on."""

    def __init__(self):
        self.reports, self.beats = [], 0

    def report(self, step, values, judged=False):
        """Keep it."""
        self.reports.append({"step": step, "judged": judged, **values})
        return "go"

    def advice(self):
        """Let the trial go on."""
        return "go"

    def beat(self):
        """Count it."""
        self.beats += 1


class Fault:
    """Something that happens on a rank when it asks for wishes, between two steps, for the n-th time."""

    def __init__(self, happen, after=0):
        self._happen, self._after = happen, after

    @property
    def wanted(self):
        """Tell whether this process should leave; may do worse."""
        self._after -= 1
        return bool(self._happen()) if self._after < 0 else False


class NaN:
    """While the block runs, weights of this process turn NaN after a few steps."""

    def __enter__(self):
        """Let every step spoil a weight."""
        self._step = Gan.train_step

        def spoiled(gan, *args):
            state = gan.state()
            name = next(name for name in state if name.startswith("generator/"))
            gan.restore({**state, name: np.full_like(state[name], np.nan)})
            self._step(gan, *args)

        Gan.train_step = spoiled

    def __exit__(self, *_):
        """Train well again."""
        Gan.train_step = self._step


def fail():
    """Fail as user code does."""
    raise ValueError("a bad point")


def sleep():
    """Hang for several times the stall time-out."""
    time.sleep(NAP)


QUIET = Fault(lambda: False)


class Group:
    """Runs trials on a group and keeps what came out."""

    def __init__(self, folder, config, world, group):
        self.folder, self.config, self.world, self.group = folder, config, world, group

    def run(self, name, params=None, interrupt=QUIET, resume_from=None, group=None):
        """Run one trial as a worker does; return its outcome, the same on every rank."""
        group, line = group or self.group, Line()
        place = f"rank {self.world.rank} on {self.world.hosts[self.world.rank]}"
        directory = self.folder / name
        source = resume_from and str(self.folder / resume_from)
        assignment = Assignment(0, params or {}, str(directory), resume_from=source)
        try:
            ending = Ending(Objective(self.config, interrupt)(assignment, group, line), place, time.time())
        except Exception as error:
            ending = failures.describe(error, place)
        outcome = failures.merge(group.gather(ending))
        if group.rank == 0:
            kind = type(outcome).__name__
            told = {"ending": kind, **asdict(outcome), "reports": line.reports, "beats": line.beats}
            write_json(self.folder / f"{name}.json", told)
        return outcome


def preempt(group, faulty):
    """Preempt a trial by a signal once fold 0 is done, then by a wish of one rank, then let it end."""
    slow = group.group is not None and group.world.rank in (2, FAULTY)
    with Interrupt() as interrupt:

        def listen():
            time.sleep(SLOW * slow)
            return interrupt.wanted

        if group.group is not None:
            group.run("left", interrupt=Fault(listen))
        group.world.gather(None)
    if group.group is not None:
        group.run("left_again", interrupt=Fault(lambda: faulty), resume_from="left")
        group.run("resumed", resume_from="left_again")


def side_by_side(group, faulty):
    """Train two folds on two rings of two: well, and with faults on one rank."""
    group.run("good")
    group.run("failed", LONG, Fault(fail, 5) if faulty else QUIET)
    if faulty:
        with NaN():
            group.run("nan", LONG)
    else:
        group.run("nan", LONG)
    group.run("stalled", STALL, Fault(sleep, 5) if faulty else QUIET)
    group.run("good_at_last")


def main(folder, path):
    """Run all trials."""
    with guarded_world() as world, world.split(0 if world.rank < 4 else None) as four:
        group, faulty = Group(Path(folder), load(Path(path)), world, four), world.rank == FAULTY
        preempt(group, faulty)
        with world.split(world.rank // 2) as pair:
            name = f"pair_{world.rank // 2}"
            if four is None:
                for number in range(2):
                    group.run(f"alone_{number}", {"study.fold_mode": "sequential"}, group=pair)
            else:
                group.run(name, {"study.fold_mode": "sequential"}, group=pair)
                side_by_side(group, faulty)
            world.gather(None)
    print("ok")


if __name__ == "__main__":
    main(*sys.argv[1:])
