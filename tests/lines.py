"""Lines of measurements as `hvdgan bench` and runs leave them, exact by the model: for pictures and books."""

import json

from hvdgan.parallel.cost import Link, Step, share_cores, time_all_reduce, time_step

LINK = Link(25e-6, 2.5e9, 1e-3, drag=0.01)
MESSAGES = (293_800.0, 293_800.0, 3_491_792.0, 3_491_792.0)
ABOUT = {"environment": {"host": "here", "cores": 2, "threads": 1}, "repeats": 3, "link": None, "transport": "mpi"}


def ring_lines():
    """Return all-reduces of 2, 4 and 8 ranks."""
    return [
        {"kind": "ring", "ranks": p, "bytes": n, "seconds": (t := time_all_reduce(LINK, p, n, share_cores(p, 2))),
         "spread": [0.9 * t, 1.2 * t], "drag": LINK.drag, **ABOUT}
        for p in (2, 4, 8) for n in (8, 2**12, 2**18, 2**22, 2**24)
    ]  # fmt: skip


def scaling_lines():
    """Return emulated scaling to 16 ranks, and weak and strong scaling to 2, with a control."""
    emulated = [_scaling("emulated", None, p, 0, Step(0.2, MESSAGES, asleep=True), 0.2) for p in (2, 4, 8, 16)]
    trained = [
        _scaling(mode, control, p, batch, Step(0.2 * batch, MESSAGES, jitter=0.02))
        for mode, last in (("weak", 8), ("strong", 4)) for control in (None, "ddp") for p, batch in ((1, 8), (2, last))
    ]  # fmt: skip
    return [*emulated, *trained]


def replica_lines():
    """Return a ring and replicas, with and without a slow rank."""
    return [
        {"kind": "replicas", "layout": layout, "ranks": 4, "training.replicas": replicas, "slow": slow,
         "events_per_second": speed * (0.4 if slow else 1.0), "last_merit": 0.3, "last_merit_spread": [0.2, 0.4],
         "reduced": reduced, "exchanged": exchanged, "shared": 0.0}
        for layout, replicas, speed, reduced, exchanged in (("ring", 1, 90.0, 4e8, 0), ("easgd", 4, 110.0, 0, 1e8))
        for slow in (False, True)
    ]  # fmt: skip


def step_lines():
    """Return a step in two precisions."""
    return [
        {"kind": "step", "backend": "torch", "model": "3dgan", "precision": precision, "grid": [25, 25, 25], "batch": 8,
         "seconds": seconds, "phases": {"discriminator": 0.6 * seconds, "generator": 0.3 * seconds, "input": 0.002},
         "events_per_second": 8 / seconds, **ABOUT}
        for precision, seconds in (("float32", 3.2), ("bfloat16", 1.8))
    ]  # fmt: skip


def write_folder(folder):
    """Write what scripts/speedup leaves for the notebook."""
    write_lines(folder / "bench.jsonl", [*ring_lines(), *scaling_lines(), *step_lines(), *replica_lines()])
    for name in ("study", "training"):
        (folder / name).mkdir()
    steps = [{"kind": "step", "epoch": 0, "steps": n, "waited_fraction": 0.002 * n} for n in range(1, 9)]
    write_lines(folder / "training" / "metrics.jsonl", steps)
    write_lines(folder / "study" / "events.jsonl", study_events())


def study_events():
    """Return four trials on two groups."""
    begun = [{"event": "begun", "time": 0.0, "groups": 2}]
    trials = [(0, 1, 0.0, 4.0), (1, 2, 0.1, 5.0), (2, 1, 4.1, 9.0), (3, 2, 5.2, 8.0)]
    told = [
        event for number, group, start, end in trials for event in (
            {"event": "started", "trial": number, "group": group, "time": start},
            {"event": "finished", "trial": number, "group": group, "time": end, "state": "done"},
        )
    ]  # fmt: skip
    return [*begun, *sorted(told, key=lambda event: event["time"]), {"event": "ended", "time": 9.0}]


def write_lines(path, rows):
    """Write rows as lines of JSON."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _scaling(mode, control, ranks, batch, step, compute=None):
    """Return a line of scaling, as the model has it."""
    seconds = time_step(LINK, step, ranks, share_cores(ranks, 2)) * (1.1 if control else 1.0)
    return {
        "kind": "scaling", "mode": mode, "control": control, "ranks": ranks, "batch": batch, "model": "3dgan",
        "backend": "torch", "grid": [25, 25, 25], "compute": compute, "seconds": seconds,
        "spread": [0.95 * seconds, 1.1 * seconds], "waited_fraction": 0.001 if batch else None,
        "jitter": step.jitter if batch else None, **ABOUT,
    }  # fmt: skip
