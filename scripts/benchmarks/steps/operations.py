"""What the operations of a step cost, by each framework's own profiler."""

import re
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

Costs = dict[str, tuple[float, int]]
"""Seconds and calls of each operation, by name."""

NODE = re.compile(r"[^:]+:(?!\w*Call)([A-Z]\w*|_Mkl\w+)")
"""How TensorFlow names what a node of a graph did: name:operation; calls of graphs are left out, they hold nodes."""


def profile_torch(step: Callable[[], None]) -> Costs:
    """Return the cost of each operation of torch, without those that it calls."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        step()
    events = profiler.key_averages()
    return {event.key.removeprefix("aten::"): (event.self_cpu_time_total / 1e6, event.count) for event in events}


def profile_keras(step: Callable[[], None]) -> Costs:
    """Return the cost of each operation of TensorFlow."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf.xplane_pb2 import XSpace

    space, seconds, calls = XSpace(), Counter[str](), Counter[str]()
    with tempfile.TemporaryDirectory(prefix="hvdgan-step-") as folder:
        with tf.profiler.experimental.Profile(folder):
            step()
        space.ParseFromString(next(Path(folder).rglob("*.xplane.pb")).read_bytes())
    for plane in space.planes:
        for event in (event for line in plane.lines for event in line.events):
            if found := NODE.fullmatch(plane.event_metadata[event.metadata_id].name):
                name = found[1].removeprefix("_MklNative").removeprefix("_Mkl")
                seconds[name] += event.duration_ps / 1e12
                calls[name] += 1
    return {name: (cost, calls[name]) for name, cost in seconds.items()}


PROFILERS = {"torch": profile_torch, "keras": profile_keras}
