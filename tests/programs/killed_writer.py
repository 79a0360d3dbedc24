"""A coordinator that is killed at random moments, again and again.

    python killed_writer.py DIRECTORY STORAGE ROUNDS

Each round a child process opens the study and runs trials until this process kills it with signal 9; every trial whose
result is stored is noted in DIRECTORY/acknowledged.txt. Afterwards the study is opened again and compared: a line of
JSON per round.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from hvdgan.config import parse
from hvdgan.parallel.world import SoloWorld
from hvdgan.study import history
from hvdgan.study.leading import work_alone
from hvdgan.study.messages import Done
from hvdgan.study.opening import open_coordinator
from hvdgan.study.store.storage import load_study

SPACE = {
    "gan.latent_size": {"type": "int", "low": 50, "high": 400},
    "training.optimizer": {"type": "categorical", "choices": ["rmsprop", "adam"]},
}
PATIENCE = 60.0
"""Seconds that a child has to store its first result; a lock that is waited for would use them up."""


def bowl(assignment, group, control):
    """Return a value that says which trial it belongs to."""
    return Done((float(assignment.params["gan.latent_size"]),), {"folds": [1.0, 2.0]})


def write(config, directory, resume):
    """Run trials, and acknowledge each one whose result is stored, until somebody kills this process."""
    file = os.open(directory / "acknowledged.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def listen(event):
        if event["event"] == "finished":
            os.write(file, f"{event['number']} {event['value']}\n".encode())

    with open_coordinator(config, directory, resume, listen, ahead=False) as coordinator:
        work_alone(coordinator, bowl, SoloWorld())


def kill_one(config, directory, resume, pause):
    """Start a child and kill it some seconds after it stored its first result."""
    notes = directory / "acknowledged.txt"
    before = notes.stat().st_size if notes.exists() else 0
    child = os.fork()
    if not child:
        write(config, directory, resume)
        os._exit(0)
    end = time.monotonic() + PATIENCE
    while not (notes.exists() and notes.stat().st_size > before):
        if time.monotonic() > end or os.waitpid(child, os.WNOHANG)[0]:
            sys.exit("the child stored no trial")
        time.sleep(0.002)
    time.sleep(pause)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def compare(config, directory):
    """Return what the storage holds beside what was acknowledged."""
    rows = {row["number"]: row for row in history.rows(load_study(config, directory))}
    noted = [line.split() for line in (directory / "acknowledged.txt").read_text().splitlines()]
    lost = [number for number, value in noted if rows.get(int(number), {"value": None})["value"] != float(value)]
    torn = [row["number"] for row in rows.values() if row["state"] == "done"
            and (row["value"] != row["params"]["gan.latent_size"] or row["fold_values"] != [1.0, 2.0])]  # fmt: skip
    running = sum(row["state"] == "running" for row in rows.values())
    return {"acknowledged": len(noted), "twice": len(noted) - len(dict(noted)), "lost": lost, "torn": torn,
            "running": running, "done": sum(row["state"] == "done" for row in rows.values())}  # fmt: skip


def main(directory, url, rounds):
    """Kill and compare, round after round."""
    directory, pauses = Path(directory), random.Random(4)
    study = {"trials": 100_000, "sampler": "random", "storage": None if url == "default" else url, "space": SPACE}
    config = parse({"data": {"files": ["none.h5"]}, "study": study})
    for number in range(int(rounds)):
        kill_one(config, directory, number > 0, pauses.uniform(0, 0.15))
        print(json.dumps(compare(config, directory)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
