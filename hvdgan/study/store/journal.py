"""The journal: a study as one file of JSON lines, for file systems on which SQLite is not safe.

It is Optuna's journal format, read by Optuna's own reader and open to its tools. Only appending is done here: under the
kernel's lock, which ends with its process, instead of a lock file that a killed process leaves behind for half a
minute; and whole or not at all, so that a full disk leaves no torn line.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from hvdgan.errors import UsageError
from hvdgan.files import append_whole, room_for
from hvdgan.log import logger


class Journal:
    """What Optuna's JournalStorage reads from and appends to."""

    def __init__(self, path: Path) -> None:
        """Open a journal; without a file, begin one."""
        from optuna.storages.journal import JournalFileBackend

        self._path = path
        with room_for(path):
            self._reader = JournalFileBackend(str(path))

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """Return the records from a number on; a torn last line is left out."""
        return self._reader.read_logs(log_number_from)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append records, whole or not at all, and return when they are on the disk.

        Raises:
            DiskFullError: There is no room; the journal is as before.
        """
        lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        with room_for(self._path), _alone(self._path) as file:
            append_whole(file, lines.encode(), flush=True)


def open_journal(path: Path, writing: bool) -> Any:
    """Return the Optuna storage of a journal.

    Args:
        path: The file.
        writing: Repair the file first; who only looks must not touch it.

    Raises:
        UsageError: The folder does not exist.
    """
    from optuna.storages import JournalStorage

    if not path.parent.is_dir():
        raise UsageError(f"study.storage: the folder of {path} does not exist; make it, or give another place")
    if writing and path.exists():
        repair(path)
    return JournalStorage(Journal(path))


def repair(path: Path) -> None:
    """Cut what a crash left unfinished off the end of a journal; the file as it was is kept beside it.

    Optuna would append to the torn line, and then could never read the journal again.
    """
    with room_for(path), _alone(path) as file:
        content = path.read_bytes()
        end = _whole(content)
        if end == len(content):
            return
        copy = path.with_name(f"{path.name}.torn-{datetime.now():%Y%m%d-%H%M%S}")
        shutil.copyfile(path, copy)
        os.ftruncate(file, end)
        os.fsync(file)
    logger.warning("%s: cut %d bytes of an unfinished record; as it was: %s", path, len(content) - end, copy)


def _whole(content: bytes) -> int:
    r"""Return the length of a journal up to its last whole record.

    >>> _whole(b'{"a":1}\n{"b":'), _whole(b'{"a":1}\n\0\0\n'), _whole(b"")
    (8, 8, 0)
    """
    end = content.rfind(b"\n") + 1
    while end:
        start = content.rfind(b"\n", 0, end - 1) + 1
        if _is_record(content[start:end]):
            break
        end = start
    return end


def _is_record(line: bytes) -> bool:
    """Tell whether a line is a JSON object."""
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


@contextmanager
def _alone(path: Path) -> Iterator[int]:
    """Open the journal for appending and keep every other coordinator from doing so meanwhile."""
    file = os.open(path, os.O_RDWR | os.O_APPEND)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)
