"""SQLite files: fast and safe on a file system of this machine, as safe as can be elsewhere.

On a local file system the write-ahead log is used: one flush to the disk per change instead of four, and who looks on
never makes the coordinator wait. It needs shared memory between all who open the file, so nowhere else.
"""

import contextlib
import errno
from pathlib import Path
from typing import Any

from hvdgan.study.store import filesystem

_REFUSED = ("SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC", "SQLITE_IOERR_TRUNCATE", "SQLITE_IOERR_SHMSIZE")
"""What SQLite makes of a system that refuses to write for any reason but a full disk: a limit, a quota."""


def tune(storage: Any, path: Path) -> None:
    """Choose the kind of log that fits the file system; every change still reaches the disk before it counts."""
    _set_log(storage, "WAL" if filesystem.kind_of(path) in filesystem.LOCAL else "DELETE")


def settle(storage: Any) -> None:
    """Leave one self-contained file behind, which opens on read-only and network file systems, too.

    Where that is not possible just now (no room, somebody is looking), the file and its log stay as they are: together
    they are complete.
    """
    from sqlalchemy.exc import SQLAlchemyError

    storage.engine.dispose()
    with contextlib.suppress(SQLAlchemyError):
        _set_log(storage, "DELETE")
    storage.engine.dispose()


def shortage(error: BaseException) -> int:
    """Return the system's error number for an error of SQLite that means that the file cannot grow, or 0."""
    name = getattr(error, "sqlite_errorname", "")
    if name == "SQLITE_FULL":
        return errno.ENOSPC
    return errno.EFBIG if name in _REFUSED else 0


def warning(path: Path) -> str:
    """Say why a SQLite file on a network file system is in danger, and what to use there; nothing elsewhere."""
    kind = filesystem.kind_of(path)
    if kind not in filesystem.NETWORK:
        return ""
    return (
        f"{path} lies on a network file system ({kind}), whose locks SQLite cannot rely on: the study may be damaged; "
        "better set study.storage to journal://study.journal (a file in the run directory), or use a local disk"
    )


def _set_log(storage: Any, kind: str) -> None:
    """Set the kind of log, if nobody else has the file open just now; both kinds are correct."""
    from sqlalchemy.exc import OperationalError

    try:
        with storage.engine.connect() as connection:
            connection.exec_driver_sql(f"PRAGMA journal_mode={kind}")
    except OperationalError as error:
        if getattr(error.orig, "sqlite_errorname", "") != "SQLITE_BUSY":
            raise
