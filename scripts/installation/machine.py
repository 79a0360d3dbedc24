"""What the machine must offer before anything is built, and how to get it."""

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from installation.options import Options
from installation.problems import SetupError

COMPILER = 10
"""Oldest g++ that compiles torch's C++20 headers."""
ROOM = {False: 5e9, True: 14e9}
"""Bytes that a new environment may take, without and with CUDA."""

Missing = tuple[str, str, str]
"""What is missing, and its package for apt and for dnf."""


def first_line(command: list[str]) -> str:
    """Return the first line a program prints; empty when it does not run."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = (result.stdout or result.stderr).splitlines()
    return lines[0].strip() if lines and result.returncode == 0 else ""


def compiler() -> str:
    """Return the compiler and its version, or "none"."""
    version = first_line([os.environ.get("CXX", "g++"), "-dumpfullversion", "-dumpversion"])
    return f"{os.environ.get('CXX', 'g++')} {version}" if version else "none"


def python_tag() -> str:
    """Return implementation and version of this Python, as wheels name them."""
    return f"{sys.implementation.name}-{sys.version_info.major}.{sys.version_info.minor}"


def platform_tag() -> str:
    """Return system, processor and C library."""
    return "-".join([sysconfig.get_platform(), *platform.libc_ver()])


def system_mpi() -> str:
    """Return which MPI the PATH offers, or "none"."""
    wrapper = shutil.which("mpicxx")
    version = first_line(["mpirun", "--version"])
    return f"{version} ({os.path.realpath(wrapper)})" if wrapper and version and shutil.which("mpicc") else "none"


def cuda() -> str:
    """Return the release of the CUDA compiler, or "none"."""
    home = os.environ.get("HOROVOD_CUDA_HOME") or os.environ.get("CUDA_HOME") or "/usr/local/cuda"
    program = shutil.which("nvcc") or str(Path(home, "bin", "nvcc"))
    try:
        text = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return "none"
    found = re.search(r"release (\S+),", text)
    return found.group(1) if found else "none"


def missing_for_venv() -> list[Missing]:
    """Return what this Python lacks to make an environment."""
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    complete = all(importlib.util.find_spec(name) for name in ("venv", "ensurepip"))
    return [] if complete else [("the modules venv and ensurepip", f"{python}-venv", python)]


def missing_for_build(options: Options) -> list[Missing]:
    """Return what is missing to compile Horovod."""
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    found = compiler()
    version = re.search(r" (\d+)", found)
    header = Path(sysconfig.get_path("include"), "Python.h")
    missing = []
    if not version or int(version.group(1)) < COMPILER:
        missing.append((f"g++ {COMPILER} or newer (found: {found})", "g++", "gcc-c++"))
    if not shutil.which("make"):
        missing.append(("make", "make", "make"))
    if not header.exists():
        missing.append((f"the headers of Python ({header})", f"{python}-dev", f"{python}-devel"))
    if options.system_mpi and system_mpi() == "none":
        missing.append(("an MPI with mpicc, mpicxx and mpirun on the PATH", "libopenmpi-dev", "openmpi-devel"))
    if options.gpu and cuda() == "none":
        missing.append(("the CUDA compiler nvcc (on the PATH or in CUDA_HOME)", "nvidia-cuda-toolkit", "cuda-toolkit"))
    return missing


def require(missing: list[Missing]) -> None:
    """Stop with the lines that install what is missing, all of it at once.

    Raises:
        SetupError: Something is missing.
    """
    if not missing:
        return
    things, apt, dnf = zip(*missing, strict=True)
    raise SetupError(
        "\n".join(
            [
                "this machine lacks:",
                *(f"  - {thing}" for thing in things),
                f"  Debian, Ubuntu:  sudo apt install {' '.join(apt)}",
                f"  Fedora, RHEL:    sudo dnf install {' '.join(dnf)}",
                "Then run scripts/setup again.",
            ]
        )
    )


def require_room(folder: Path, gpu: bool) -> None:
    """Stop when a new environment would not fit.

    Args:
        folder: Where it will be.
        gpu: Whether it holds CUDA.

    Raises:
        SetupError: The disk is nearly full.
    """
    free = shutil.disk_usage(folder).free
    if free < ROOM[gpu]:
        raise SetupError(f"{folder} has {free / 1e9:.1f} GB of free disk, {ROOM[gpu] / 1e9:.0f} GB are needed")
