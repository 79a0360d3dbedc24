"""A study on a disk without room, at the coordinator or at a worker.

    mpirun -np 3 python full_disk.py DIRECTORY STORAGE FAULT TRIALS [--resume]

Rank 0 coordinates one group of two, whose trials store a checkpoint. FAULT: `coordinator`, its files may not grow any
more after the second trial; `worker`, the checkpoint of the second trial finds no room; `none`.
"""

import json
import resource
import sys
from contextlib import ExitStack, nullcontext
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from disks import limited_files

from hvdgan.config import parse
from hvdgan.files import append_json_line
from hvdgan.parallel.guard import guarded_world
from hvdgan.study.leading import lead
from hvdgan.study.messages import Done
from hvdgan.study.opening import open_coordinator
from hvdgan.study.worker import serve
from hvdgan.training.checkpoint import load_checkpoint, save_checkpoint

SPACE = {"gan.latent_size": {"type": "int", "low": 50, "high": 400}}
STATE = {"weights": np.arange(4000.0)}


def store(folder, room):
    """Store two checkpoints, for the second of which there may be no room."""
    save_checkpoint(folder, 1, STATE, {}, best=True, keep=2)
    with nullcontext() if room else limited_files(20_000):
        save_checkpoint(folder, 2, STATE, {}, best=False, keep=2)


def make_objective(fault):
    """Return an objective that stores checkpoints on the group's rank 0."""

    def objective(assignment, group, control):
        folder = Path(assignment.directory)
        room = fault != "worker" or assignment.number != 1
        group.agree(lambda: store(folder, room))
        return Done((float(load_checkpoint(folder).manifest["step"]),))

    return objective


def make_listener(fault, directory, file):
    """Return a listener that writes events, and lets no file grow beyond the storage's once two trials have ended."""

    def listen(event):
        append_json_line(directory / "events.jsonl", event)
        if fault == "coordinator" and event["event"] == "finished" and event["counted"] == 2:
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (max(file.stat().st_size, 8192), hard))

    return listen


def main(directory, url, fault, trials, *flags):
    """Run the study."""
    directory = Path(directory)
    file = directory / ("study.db" if url == "default" else "study.journal")
    study = {"trials": int(trials), "sampler": "random", "ranks_per_trial": 2, "space": SPACE}
    config = parse(
        {"data": {"files": ["none.h5"]}, "study": {**study, "storage": None if url == "default" else url}},
    )
    with guarded_world() as world, ExitStack() as stack:
        opened = []

        def begin():
            listen = make_listener(fault, directory, file)
            context = open_coordinator(config, directory, "--resume" in flags, listen, ahead=True)
            opened.append(stack.enter_context(context))

        world.agree(begin)
        with world.split(0 if world.rank else None) as group:
            if group is None:
                lead(world, opened[0], [(1, 2)])
            else:
                serve(world, group, make_objective(fault))
        print(json.dumps({"rank": world.rank, "went": "home"}))


if __name__ == "__main__":
    main(*sys.argv[1:])
