"""The storage of a study: where it lies, and how a study in it is opened, recognised, or refused."""

import contextlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hvdgan.config import Config
from hvdgan.errors import UsageError
from hvdgan.log import logger
from hvdgan.secrets import hide_secrets
from hvdgan.study.store import connection, sqlite
from hvdgan.study.store.fingerprint import DIRECTION, recognise

_OWN_NAME = "hvdgan"
"""What the study of a storage that lies in the run directory is called."""


def locate(config: Config, directory: Path) -> tuple[str, str]:
    """Return the storage URL and the study's name.

    Args:
        config: `study.storage` may name any Optuna storage; then the study is called like the run directory. A journal
            with a relative path lies in the run directory.
        directory: The run directory; holds a SQLite file by default.
    """
    url, directory = config.study.storage, directory.resolve()
    if url is None:
        return f"sqlite:///{directory / 'study.db'}", _OWN_NAME
    if not url.startswith(connection.JOURNAL):
        return url, directory.name
    path = Path(url.removeprefix(connection.JOURNAL))
    return f"{connection.JOURNAL}{directory / path}", directory.name if path.is_absolute() else _OWN_NAME


@contextlib.contextmanager
def hold_study(config: Config, directory: Path, resume: bool, force: bool = False) -> Iterator[Any]:
    """Open the study of a run directory for a block that changes it; see `open_study`.

    Raises:
        UsageError: See `open_study`.
        HvdganError: The storage failed in the block; says whether there is no room.
    """
    url, _ = locate(config, directory)
    with connection.keeping(url), contextlib.ExitStack() as stack:
        yield _open(config, directory, resume, force, stack)


def open_study(config: Config, directory: Path, resume: bool, force: bool = False) -> Any:
    """Create the study of a run directory, or open it again. The sampler is set by the ledger.

    Args:
        config: The configuration.
        directory: The run directory.
        resume: Whether a study with trials is to be continued.
        force: Go on with a study whose space, data or settings differ.

    Raises:
        UsageError: The storage cannot be opened; it holds trials and `resume` is False; there is nothing to resume;
            or it belongs to another search (says what differs).
        DiskFullError: There is no room.
    """
    with contextlib.ExitStack() as stack:
        study = _open(config, directory, resume, force, stack)
        stack.pop_all()
    return study


def load_study(config: Config, directory: Path) -> Any:
    """Open an existing study to look at it.

    Raises:
        UsageError: There is none, or the storage cannot be opened.
    """
    import optuna

    silence()
    url, name = locate(config, directory)
    with connection.opening(url):
        storage = connection.connect(url, writing=False) if _exists(url) else None
        if storage is None or name not in optuna.get_all_study_names(storage):
            raise UsageError(
                f"{hide_secrets(url)} holds no study {name!r}; was `hvdgan study` started with this run directory?"
            )
        return optuna.load_study(storage=storage, study_name=name)


def silence() -> None:
    """Let Optuna log warnings and errors only; a level that the user set for its logger stays."""
    import optuna

    if logging.getLogger("optuna").level == logging.INFO:
        optuna.logging.set_verbosity(optuna.logging.WARNING)


def _open(config: Config, directory: Path, resume: bool, force: bool, stack: contextlib.ExitStack) -> Any:
    """Create or open a study; the stack closes its storage."""
    import optuna

    silence()
    url, name = locate(config, directory)
    directions = [DIRECTION] * len(config.study.objective)
    with connection.opening(url):
        if resume and not _exists(url):
            raise UsageError(_nothing_to_resume(url, name))
        _warn(url)
        storage = connection.connect(url, writing=True)
        stack.callback(connection.release, storage)
        if name in optuna.get_all_study_names(storage):
            study = optuna.load_study(storage=storage, study_name=name)
        elif resume:
            raise UsageError(_nothing_to_resume(url, name))
        else:
            study = optuna.create_study(storage=storage, study_name=name, directions=directions)
        _refuse_trials(study, url, resume)
        recognise(study, config, _foreign(url, directory), force)
    return study


def _refuse_trials(study: Any, url: str, resume: bool) -> None:
    """Raise when a study that is to begin has begun already."""
    held = len(study.get_trials(deepcopy=False))
    if held and not resume:
        raise UsageError(
            f"{hide_secrets(url)} already holds study {study.study_name!r} with {held} trials; "
            "continue it with --resume, or choose another run directory"
        )


def _nothing_to_resume(url: str, name: str) -> str:
    """Say that there is no such study."""
    return f"{hide_secrets(url)} holds no study {name!r} to resume; start it without --resume"


def _exists(url: str) -> bool:
    """Tell whether a storage may hold something: a file must exist, a server is asked later."""
    file = connection.file_of(url)
    return file is None or file.exists()


def _foreign(url: str, directory: Path) -> Path | None:
    """Return the run directory if the storage lies elsewhere."""
    file = connection.file_of(url)
    inside = file is not None and file.resolve().is_relative_to(directory.resolve())
    return None if inside else directory


def _warn(url: str) -> None:
    """Tell people and the log, before anything starts, that a SQLite file lies where it is not safe."""
    file = connection.file_of(url)
    text = sqlite.warning(file) if file and not url.startswith(connection.JOURNAL) else ""
    if text:
        logger.warning(text)
        sys.stderr.write(f"hvdgan: {text}\n")
