"""What Horovod was built for, whether its libraries load, and whether its rings close."""

import importlib.metadata
import json
import sys
import tempfile
from pathlib import Path

from hvdgan.doctor.ask import ask, last_line
from hvdgan.doctor.check import SET_UP, Check
from hvdgan.doctor.libraries import TENSORFLOW, installed
from hvdgan.doctor.mpi import launcher

FRAMEWORKS = (("torch", "torch", "pytorch", ("torch",)), ("keras", "tensorflow", "tensorflow", TENSORFLOW))
"""Framework, Horovod's module for it, its name in the record of the build, and the names it is installed under."""

BUILT = """
import json, horovod.{module} as hvd
print(json.dumps([name for name in ("mpi", "gloo", "nccl") if getattr(hvd, name + "_built")()]))
"""
RING = """
import torch, horovod.torch as hvd
hvd.init()
total = hvd.allreduce(torch.full((1000,), 1.0 + hvd.rank()), op=hvd.Sum)
if hvd.rank() == 0:
    print(f"ring of {hvd.size()}", flush=True)
right = hvd.size() == 2 and bool((total == 3.0).all())
hvd.shutdown()
raise SystemExit(not right)
"""
"""One rank speaks: launchers may mix the letters of two that speak at once."""


def check_horovod() -> list[Check]:
    """Look what Horovod was built for and whether its libraries load: one check, and one per installed framework."""
    version = installed("horovod")
    if not version:
        return [Check("horovod", False, "not installed", f"{SET_UP}, which builds it; pip alone cannot")]
    built_for = metadata()
    checks = [Check("horovod", bool(built_for), version, "" if built_for else f"built for no framework; {SET_UP}")]
    for framework, module, record, names in FRAMEWORKS:
        present = next(filter(None, map(installed, names)), "")
        if record in built_for:
            checks.append(check_build(f"hvd {framework}", module, built_for[record], present))
        elif present and built_for:
            note = f"optional, for several ranks with gan.backend {framework}: scripts/setup --frameworks torch,keras"
            checks.append(Check(f"hvd {framework}", True, "not built", note))
    return checks


def check_build(name: str, module: str, built_for: str, present: str) -> Check:
    """Look at Horovod's library for one framework.

    Args:
        name: Name of the check.
        module: Horovod's module of the framework.
        built_for: Version of the framework it was built for.
        present: Version of the framework that is installed.
    """
    if built_for.split("+")[0] != present.split("+")[0]:
        return Check(name, False, f"built for {built_for}, installed is {present or 'none'}", SET_UP)
    code, output = ask([sys.executable, "-c", BUILT.format(module=module)])
    if code:
        return Check(name, False, f"does not load: {last_line(output)}", SET_UP)
    controllers = json.loads(last_line(output))
    complete = {"mpi", "gloo"} <= set(controllers)
    return Check(name, complete, f"with {', '.join(controllers)}", "" if complete else f"lacks mpi or gloo; {SET_UP}")


def check_ring(kind: str) -> Check:
    """All-reduce over a real ring of two processes.

    Args:
        kind: "mpi" or "gloo".
    """
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "ring.py")
        program.write_text(RING, encoding="utf-8")
        tool = launcher() if kind == "mpi" else str(Path(sys.executable).with_name("horovodrun"))
        flags = [] if kind == "mpi" else ["--gloo"]
        code, output = ask([tool, *flags, "-np", "2", sys.executable, str(program)])
    if not code and "ring of 2" in output:
        return Check(f"ring {kind}", True, "two processes sum their tensors")
    return Check(f"ring {kind}", False, f"no sum of two processes: {last_line(output)}", SET_UP)


def metadata() -> dict[str, str]:
    """Return the frameworks that Horovod was built for, with their versions then."""
    try:
        text = importlib.metadata.distribution("horovod").read_text("../horovod/metadata.json")
        return json.loads(text or "{}")
    except ValueError:
        return {}
