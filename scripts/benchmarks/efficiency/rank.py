"""One rank of a measured study: the real coordinator, or a group of one whose trials sleep.

    mpirun -np 1+GROUPS python -m efficiency.rank DIRECTORY CASE [STORAGE]

CASE is a `cases.Case` as JSON, STORAGE an Optuna storage URL. Each rank leaves rank-N.json in the directory. All times
are of the machine's monotonic clock, which its processes share.
"""

import json
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from efficiency.cases import Case
from efficiency.emulation import configure, duration, value_of
from hvdgan.config import Config
from hvdgan.files import append_json_line, write_json
from hvdgan.parallel.guard import guarded_world
from hvdgan.parallel.topology import plan_groups
from hvdgan.parallel.world import World
from hvdgan.study.coordinator import Coordinator
from hvdgan.study.leading import lead
from hvdgan.study.messages import Assignment, Control, Done, Outcome, Pruned
from hvdgan.study.opening import open_coordinator
from hvdgan.study.shadow import Proposal, Shadow
from hvdgan.study.worker import serve

EVERY = 100
"""Trials between two looks at what a process holds."""


class Resources:
    """What this process holds, looked at now and then: memory (MB, resident), open files, threads."""

    def __init__(self) -> None:
        """Start before the first trial."""
        self.looks: list[dict[str, float]] = []

    def look(self, trials: int) -> None:
        """Look when the study has come to a further hundred trials."""
        if trials < len(self.looks) * EVERY:
            return
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        memory, threads = (int(status[key].split()[0]) for key in ("VmRSS", "Threads"))
        files = len(list(Path("/proc/self/fd").iterdir()))
        self.looks.append({"trials": trials, "memory": memory / 1024, "files": files, "threads": threads})


class Watched:
    """A group's world as `serve` sees it, which notes when trials came and when their outcomes went."""

    def __init__(self, world: World) -> None:
        """Note nothing yet."""
        self._world = world
        self.trials: list[dict[str, float]] = []

    def __getattr__(self, name: str) -> Any:
        """Be the world in everything else."""
        return getattr(self._world, name)

    def receive(self, timeout: float | None = None) -> tuple[int, Any] | None:
        """Receive, and note when an assignment has come."""
        received = self._world.receive(timeout)
        if received and isinstance(received[1], Assignment):
            self.trials.append({"number": received[1].number, "received": time.monotonic()})
        return received

    def send(self, message: Any, to: int) -> None:
        """Send, and note when an outcome goes."""
        if isinstance(message, Outcome):
            self.trials[-1]["sent"] = time.monotonic()
        self._world.send(message, to)


def sleep(case: Case, params: dict[str, Any], number: int, control: Control) -> Outcome:
    """Take the trial's time, with reports on the way."""
    value, parts = value_of(params), case.reports + 1
    for step in range(1, parts):
        time.sleep(duration(case, number) / parts)
        if control.report(step, {"merit": value + 1 / step}, judged=True) == "prune":
            return Pruned(step)
    time.sleep(duration(case, number) / parts)
    return Done((value,))


def work(case: Case, world: World, group: World) -> dict[str, Any]:
    """Run trials until the study is through; return what was noted."""
    watched, resources = Watched(world), Resources()

    def objective(assignment: Assignment, group: World, control: Control) -> Outcome:
        resources.look(assignment.number)
        begin = time.monotonic()
        outcome = sleep(case, assignment.params, assignment.number, control)
        watched.trials[-1].update(begin=begin, end=time.monotonic())
        return outcome

    serve(watched, group, objective)
    return {"trials": watched.trials, "resources": resources.looks}


def keep_asks(asks: list[dict[str, Any]]) -> Callable[..., Proposal]:
    """Return `Shadow.propose` as it is, which also notes how long it took."""
    propose = Shadow.propose

    def timed(shadow: Shadow, ticket: int) -> Proposal:
        wall, cpu = time.perf_counter(), time.thread_time()
        proposal = propose(shadow, ticket)
        about = {"wall": time.perf_counter() - wall, "cpu": time.thread_time() - cpu}
        asks.append({"source": proposal.source, **about})
        return proposal

    return timed


def coordinate(directory: Path, config: Config, stack: ExitStack) -> tuple[Coordinator, dict[str, Any]]:
    """Open the study; return its coordinator, and what is noted until the study is through."""
    resources = Resources()
    notes: dict[str, Any] = {"asks": [], "sources": {}, "cpu": [], "resources": resources.looks}
    Shadow.propose = keep_asks(notes["asks"])

    def listen(event: dict[str, Any]) -> None:
        append_json_line(directory / "events.jsonl", event)
        if event["event"] == "started":
            notes["sources"][event["trial"]] = event["source"]
        if event["event"] in ("started", "finished"):
            notes["cpu"].append((time.monotonic(), time.process_time(), time.thread_time()))
        if event["event"] == "finished":
            resources.look(event["counted"])

    opened = open_coordinator(config, directory, False, listen, ahead=True)
    return stack.enter_context(opened), notes


def main(directory: Path, case: Case, storage: str | None = None) -> None:
    """Be this rank of the study, and leave what was noted."""
    with guarded_world() as world, ExitStack() as stack:
        opened: list[tuple[Coordinator, dict[str, Any]]] = []
        world.agree(lambda: opened.append(coordinate(directory, configure(case, storage), stack)))
        topology = plan_groups(world.hosts, 1)
        with world.split(topology.roles[world.rank].group) as group:
            if group is None:
                coordinator, notes = opened[0]
                lead(world, coordinator, topology.groups)
            else:
                notes = work(case, world, group)
        write_json(directory / f"rank-{world.rank}.json", notes)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Case(**json.loads(sys.argv[2])), *sys.argv[3:])
