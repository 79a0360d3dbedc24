"""The folder .venv: making it, filling it, and the record that says how far that went.

The record makes a set-up repeatable: what is done is not done again, what has changed is, and an environment that was
left half-made is started over.
"""

import fcntl
import hashlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from installation.machine import first_line, platform_tag, python_tag
from installation.options import Options
from installation.screen import Screen

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
"""Where torch is offered without CUDA; PyPI's own torch is the CUDA build."""
INPUTS = ("setup.cfg", "setup.py", "hvdgan/__init__.py", "scripts/constraints.txt", "scripts/installation")
"""Files whose change makes pip run again."""
BUILD_TOOLS = ("cffi", "cloudpickle", "cmake", "packaging", "psutil", "pyyaml", "setuptools", "wheel")
"""What setup.py files ask for while they build; without pip's build isolation it must be there."""
FOREIGN = ("HOROVOD_", "PIP_TARGET", "PIP_PREFIX", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")
"""Variables of the user's that would change what is built or where it is installed."""


class Environment:
    """The virtual environment of one clone."""

    def __init__(self, root: Path) -> None:
        """Take the environment of the repository at `root`, which may not exist yet."""
        self.root = root
        self.folder = root / ".venv"
        self.python = self.folder / "bin" / "python"
        self.log = self.folder / "setup.log"
        self._lock = self.folder / "setup.lock"
        self._record = self.folder / "setup.json"

    def lock(self, screen_say: Any = print) -> int:
        """Wait until no other set-up works here; return the open lock, which ends with this process."""
        self.folder.mkdir(exist_ok=True)
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            screen_say("another set-up is at work in this folder; waiting for it")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        return descriptor

    def record(self) -> dict[str, Any]:
        """Return how far set-ups have come here; empty when none has run."""
        try:
            content = json.loads(self._record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def write_record(self, **values: Any) -> None:
        """Replace some values of the record, atomically."""
        temporary = self._record.with_suffix(".tmp")
        temporary.write_text(json.dumps({**self.record(), **values}, indent=2, sort_keys=True), encoding="utf-8")
        temporary.replace(self._record)

    def works(self) -> bool:
        """Tell whether the environment has a Python of our version, with pip."""
        script = f"import pip, sys; print(sys.version_info[:2] == {tuple(sys.version_info[:2])})"
        return first_line([str(self.python), "-c", script]) == "True"

    def clear(self) -> None:
        """Remove everything but the lock."""
        for path in self.folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path != self._lock:
                path.unlink()

    def variables(self) -> dict[str, str]:
        """Return the environment variables of every step: the user's, without what would lead astray."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        return {
            **kept,
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{kept.get('PATH', os.defpath)}",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_INPUT": "1",
            "PIP_PROGRESS_BAR": "off",
            "PIP_USER": "0",
        }


def identity(root: Path, options: Options) -> dict[str, Any]:
    """Return what an environment is made for; where one of these differs, it is started over."""
    base = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    return {
        "folder": str(root),
        "options": options.content(),
        "platform": platform_tag(),
        "python": f"{python_tag()} ({base})",
    }


def inputs(root: Path) -> str:
    """Return a hash of the files that decide what pip installs."""
    digest = hashlib.sha256()
    for name in INPUTS:
        paths = sorted((root / name).glob("*.py")) if (root / name).is_dir() else [root / name]
        for path in paths:
            digest.update(f"{path.name}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def extras(options: Options) -> str:
    """Return the extras of hvdgan that serve some options.

    >>> extras(Options(("torch",), system_mpi=True))
    'horovod,notebooks,test'
    """
    names = ["horovod", "notebooks", "test"]
    if not options.system_mpi:
        names.append("mpi")
    if options.keras:
        names.append("keras-gpu" if options.gpu else "keras")
    return ",".join(sorted(names))


def describe_pip(line: str) -> str | None:
    """Return what pip is at, from one line of its output."""
    if line.startswith("Installing collected packages"):
        return (
            f"unpacking {line.partition(':')[2].strip()}"
            if "," not in line
            else f"unpacking {line.count(',') + 1} packages"
        )
    words = line.split()
    interesting = ("Collecting", "Processing", "Downloading", "Building")
    return f"{words[0].lower()} {words[1].rpartition('/')[2]}"[:70] if words and words[0] in interesting else None


def make(environment: Environment, screen: Screen) -> None:
    """Make an empty environment."""
    command = [sys.executable, "-m", "venv", str(environment.folder)]
    screen.run("making .venv", command, environment.variables(), environment.root, lambda line: None)


def fill(environment: Environment, options: Options, screen: Screen) -> None:
    """Install the pinned stack and hvdgan itself, everything but Horovod.

    The index of PyTorch is asked for torch alone: where it cannot be reached, but a wheel is at hand, pip goes on.
    """
    constraints = ["-c", "scripts/constraints.txt"]
    pip(environment, screen, "installing build tools", *constraints, *BUILD_TOOLS)
    if not options.cuda_torch:
        version = pinned(environment.root, "torch")
        index = ["--no-deps", "--retries", "1", "--extra-index-url", CPU_INDEX]
        pip(environment, screen, "installing torch", *index, f"torch=={version}+cpu")
    stack = ["--no-build-isolation", "--use-pep517", "-e", f".[{extras(options)}]"]
    pip(environment, screen, "installing the stack", *constraints, *stack)
    if options.system_mpi:
        source = ["--no-binary", "mpi4py", "--no-cache-dir", "--force-reinstall", "--no-deps"]
        pip(environment, screen, "building mpi4py", *constraints, *source, "mpi4py")


def pip(environment: Environment, screen: Screen, title: str, *words: str) -> None:
    """Run one `pip install` as a step."""
    command = [str(environment.python), "-m", "pip", "install", *words]
    screen.run(title, command, environment.variables(), environment.root, describe_pip)


def pinned(root: Path, package: str) -> str:
    """Return the version of a package that scripts/constraints.txt pins.

    Raises:
        KeyError: It pins none.
    """
    lines = (root / "scripts" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    versions = dict(line.lower().replace("_", "-").split("==") for line in lines if "==" in line)
    return versions[package.lower().replace("_", "-")]
