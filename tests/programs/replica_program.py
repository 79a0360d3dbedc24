"""Trials that train replicas on a group of four; real training, faults, and a preemption that goes on.

    mpirun -np 4 python replica_program.py DIRECTORY CONFIG

Each trial's outcome goes to DIRECTORY/NAME.json, as in `fold_program.py`, whose group and faults these are.
"""

import sys
from pathlib import Path

from fold_program import LONG, QUIET, Fault, Group, NaN, fail, sleep

from hvdgan.config import load
from hvdgan.parallel.guard import guarded_world

FAULTY = 3
"""The rank that the faults happen on, the second one of replica 1."""

FOUR = {"training.replicas": 4}
STALL = {**LONG, "training.stall_timeout": 2.0}


def main(folder, path):
    """Run all trials."""
    with guarded_world() as world:
        group, faulty = Group(Path(folder), load(Path(path)), world, world), world.rank == FAULTY
        group.run("two")
        group.run("four", {**FOUR, "training.exchange.kind": "downpour"})
        group.run("gem", {**FOUR, "training.exchange.kind": "gem"})
        group.run("patient", {**LONG, "training.learning_rate": 1e-30, "training.patience": 2})
        group.run("failed", LONG, Fault(fail, 5) if faulty else QUIET)
        if faulty:
            with NaN():
                group.run("nan", {**LONG, **FOUR})
        else:
            group.run("nan", {**LONG, **FOUR})
        group.run("stalled", STALL, Fault(sleep, 5) if faulty else QUIET)
        group.run("left", {"study.folds": 2, "study.fold_mode": "parallel"}, Fault(lambda: faulty, 5))
        group.run("resumed", {"study.folds": 2, "study.fold_mode": "parallel"}, resume_from="left")
        group.run("keras", {"gan.backend": "keras"})
    print("ok")


if __name__ == "__main__":
    main(*sys.argv[1:])
