"""Which libraries and devices are here."""

import importlib.metadata
import platform
import re
import socket
import sys

from packaging.requirements import Requirement

from hvdgan.doctor.ask import ask
from hvdgan.doctor.check import SET_UP, Check

LIBRARIES = ("torch", "numpy", "h5py", "optuna", "mpi4py")
TENSORFLOW = ("tensorflow-cpu", "tensorflow")
"""The names under which TensorFlow is installed."""


def check_python() -> Check:
    """Look at the Python this runs in."""
    legal = sys.version_info >= (3, 11)
    return Check("python", legal, platform.python_version(), "" if legal else f"Python >= 3.11 is needed; {SET_UP}")


def check_library(name: str) -> Check:
    """Look whether a library is there, and new enough."""
    version = installed(name)
    needed = [need for need in map(Requirement, importlib.metadata.requires("hvdgan") or []) if need.name == name]
    if not version:
        return Check(name, False, "not installed", SET_UP)
    wrong = [str(need.specifier) for need in needed if not need.specifier.contains(version, prereleases=True)]
    return Check(name, not wrong, version, f"hvdgan needs {wrong[0]}; {SET_UP}" if wrong else "")


def check_tensorflow() -> Check:
    """Look whether TensorFlow is there; it is optional."""
    for name in TENSORFLOW:
        if installed(name):
            found = check_library(name)
            return Check(
                "tensorflow", found.ok, f"{found.found} (Keras {installed('keras') or 'missing'})", found.advice
            )
    return Check("tensorflow", True, "not installed", "optional: scripts/setup --frameworks torch,keras")


def check_gpus() -> Check:
    """Look at this host's GPUs; training without one is fine."""
    host = socket.gethostname()
    code, output = ask(["nvidia-smi", "-L"])
    names = re.findall(r"^GPU \d+: (.+?) \(UUID", output, re.MULTILINE) if not code else []
    if not names:
        return Check("gpus", True, f"none on {host}", "training runs on the processor")
    idle = "+cpu" in installed("torch")
    note = "this torch cannot use them: scripts/setup --gpu" if idle else "one training process per GPU"
    return Check("gpus", True, f"{len(names)} on {host} ({names[0]})", note)


def installed(name: str) -> str:
    """Return the version of a library; empty when it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
