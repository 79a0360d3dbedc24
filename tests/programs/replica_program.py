"""Trials that train replicas on a group of four; real training, faults, and a preemption that goes on.

    mpirun -np 4 python replica_program.py DIRECTORY CONFIG

Each trial's outcome goes to DIRECTORY/NAME.json, as in `fold_program.py`, whose group and faults these are.
"""

import sys
from contextlib import nullcontext
from pathlib import Path

from fold_program import LONG, QUIET, Fault, Group, NaN, fail, sleep

from hvdgan.config import load
from hvdgan.parallel.guard import guarded_world

FAULTY = 3
"""The rank that the faults happen on, the second one of replica 1."""

FOUR = {"training.replicas": 4, "training.exchange.kind": "gem"}
STILL = {"training.learning_rate": 1e-30, "training.patience": 2, "gan.model_args.batch_norm": False}
FOLDS = {"study.folds": 2, "study.fold_mode": "parallel"}


def main(folder, path):
    """Run all trials."""
    with guarded_world() as world:
        group, faulty = Group(Path(folder), load(Path(path)), world, world), world.rank == FAULTY
        group.run("two", {"training.exchange.kind": "downpour"})
        group.run("four", {**FOUR, **LONG, **STILL})
        group.run("failed", LONG, Fault(fail, 5) if faulty else QUIET)
        with NaN() if faulty else nullcontext():
            group.run("nan", {**LONG, **FOUR})
        group.run("stalled", {**LONG, "training.stall_timeout": 2.0}, Fault(sleep, 5) if faulty else QUIET)
        group.run("left", FOLDS, Fault(lambda: faulty, 3))
        group.run("resumed", FOLDS, resume_from="left")
    print("ok")


if __name__ == "__main__":
    main(*sys.argv[1:])
