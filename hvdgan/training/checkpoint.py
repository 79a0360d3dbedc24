"""Checkpoints: a state as safetensors, a JSON manifest beside it, and pointers to the latest and the best.

    checkpoints/step-00001200/state.safetensors
    checkpoints/step-00001200/manifest.json     position in the run, hash of the state, versions
    checkpoints/latest  checkpoints/best        names of a folder; written last
    checkpoints/replica-1/...                   the same of each replica, where there are several

A crash at any moment leaves the previous pointers on complete checkpoints. Nothing read from a checkpoint is executed.
"""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

import hvdgan
from hvdgan.backends.interface import State
from hvdgan.errors import DataError
from hvdgan.files import room_for, write_atomically, write_json

LATEST, BEST = "latest", "best"


@dataclass(frozen=True)
class Saved:
    """A checkpoint in memory.

    Args:
        state: The Gan's state.
        manifest: Everything else, as plain JSON values.
        path: Its folder.
    """

    state: State
    manifest: dict[str, Any]
    path: Path


def save_checkpoint(directory: Path, step: int, state: State, manifest: dict[str, Any], best: bool, keep: int) -> Path:
    """Store a state and make it the latest.

    Args:
        directory: The folder of all checkpoints of the run.
        step: Training steps behind the state; names the checkpoint.
        state: Arrays by canonical name.
        manifest: Plain JSON values to keep with it.
        best: Also make it the best.
        keep: How many of the newest stay on disk, beside the best.

    Raises:
        DiskFullError: There is no room; the previous checkpoints and pointers are intact.
        OSError: There is no right to write there.
    """
    folder = _folder(directory, step)
    with room_for(folder):
        folder.mkdir(parents=True, exist_ok=True)
    content = save({name: np.asarray(array, order="C") for name, array in state.items()})
    digest = hashlib.sha256(content).hexdigest()
    write_atomically(folder / "state.safetensors", content)
    write_json(folder / "manifest.json", {**manifest, "step": step, "sha256": digest, "hvdgan": hvdgan.__version__})
    if best:
        write_atomically(directory / BEST, folder.name)
    write_atomically(directory / LATEST, folder.name)
    _drop_old(directory, keep)
    return folder


def load_checkpoint(directory: Path, which: str = LATEST) -> Saved:
    """Read a checkpoint.

    Args:
        directory: The folder of all checkpoints of the run.
        which: "latest" or "best".

    Raises:
        DataError: There is none, or the file is not what its manifest says.
    """
    folder = _pointed(directory, which)
    if folder is None:
        raise DataError(f"{directory}: no {which} checkpoint; has the run stored one yet?")
    return _read(folder)


def load_step(directory: Path, step: int) -> Saved | None:
    """Read the checkpoint of a step; None when there is none.

    Raises:
        DataError: The file is not what its manifest says.
    """
    folder = _folder(directory, step)
    return _read(folder) if folder.is_dir() else None


def _read(folder: Path) -> Saved:
    """Read the checkpoint in a folder."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        content = (folder / "state.safetensors").read_bytes()
    except (OSError, ValueError) as error:
        raise DataError(f"{folder}: the checkpoint cannot be read: {error}") from None
    if hashlib.sha256(content).hexdigest() != manifest.get("sha256"):
        raise DataError(f"{folder}/state.safetensors is damaged: its hash is not the one in manifest.json")
    try:
        return Saved(load(content), manifest, folder)
    except SafetensorError as error:
        raise DataError(f"{folder}/state.safetensors: {error}") from None


def has_checkpoint(directory: Path) -> bool:
    """Tell whether there is a latest checkpoint."""
    return _pointed(directory, LATEST) is not None


def _folder(directory: Path, step: int) -> Path:
    """Return where the checkpoint of a step lies."""
    return directory / f"step-{step:08d}"


def _pointed(directory: Path, pointer: str) -> Path | None:
    """Return the folder a pointer names, if it exists."""
    path = directory / pointer
    folder = directory / Path(path.read_text(encoding="utf-8").strip()).name if path.exists() else None
    return folder if folder and folder.is_dir() else None


def _drop_old(directory: Path, keep: int) -> None:
    """Delete all but the newest checkpoints, the best and the latest."""
    kept = {_pointed(directory, LATEST), _pointed(directory, BEST)}
    for folder in sorted(directory.glob("step-*"))[:-keep]:
        if folder not in kept:
            shutil.rmtree(folder, ignore_errors=True)
