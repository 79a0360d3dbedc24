"""From the URL of a storage to Optuna's storage behind it, and from its errors to ours.

    sqlite:////folder/study.db            a SQLite file; three slashes: relative to the working directory
    journal:///folder/study.journal       a journal; journal://study.journal: relative to the run directory
    postgresql://ann@host/studies         any database that SQLAlchemy knows and whose driver is installed

No error shows the password of a URL.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hvdgan.errors import DiskFullError, HvdganError, UsageError
from hvdgan.files import NO_ROOM, no_room
from hvdgan.secrets import hide_secrets
from hvdgan.study.store import sqlite
from hvdgan.study.store.journal import open_journal

JOURNAL = "journal://"
_EXAMPLES = "sqlite:////folder/study.db, journal:///folder/study.journal or postgresql://user@host/database"


def file_of(url: str) -> Path | None:
    """Return the file a storage is; None for a server, and for a database in memory.

    >>> str(file_of("journal:///runs/study.journal")), file_of("postgresql://ann@host/studies")
    ('/runs/study.journal', None)
    """
    if url.startswith(JOURNAL):
        return Path(url.removeprefix(JOURNAL))
    if url.partition(":")[0].partition("+")[0] != "sqlite":
        return None
    place = url.partition("://")[2].partition("?")[0].removeprefix("/")
    return None if place in ("", ":memory:") else Path(place)


def connect(url: str, writing: bool) -> Any:
    """Return the Optuna storage of a URL.

    Args:
        url: A storage URL; the path of a journal is absolute.
        writing: False for who only looks: holds no connection between two looks, changes nothing.
    """
    file = file_of(url)
    if url.startswith(JOURNAL):
        return open_journal(file, writing)
    storage = _connect_database(url, writing)
    if writing and file is not None:
        sqlite.tune(storage, file)
    return storage


def _connect_database(url: str, writing: bool) -> Any:
    """Return the Optuna storage of a database; a full disk under it is told at once, without Optuna's retries."""
    from optuna.storages import RDBStorage
    from sqlalchemy import event
    from sqlalchemy.pool import NullPool

    settings = {"pool_pre_ping": file_of(url) is None} if writing else {"poolclass": NullPool}
    storage = RDBStorage(url, engine_kwargs=settings)

    @event.listens_for(storage.engine, "handle_error")
    def tell_no_room(context: Any) -> None:
        if found := shortage(context.original_exception):
            raise _full(url, found) from context.original_exception

    return storage


def release(storage: Any) -> None:
    """Close the connections of a storage that was opened for writing."""
    engine = getattr(storage, "engine", None)
    if engine is not None and engine.dialect.name == "sqlite":
        sqlite.settle(storage)
    elif engine is not None:
        engine.dispose()


@contextmanager
def opening(url: str) -> Iterator[None]:
    """Turn whatever a storage raises when it is opened into one error that names it and says what to do.

    Raises:
        UsageError: The storage cannot be opened.
        DiskFullError: There is no room.
    """
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    trouble = (SQLAlchemyError, ImportError, OSError, ValueError, KeyError, RuntimeError, AssertionError)
    try:
        yield
    except (*trouble, optuna.exceptions.StorageInternalError) as error:
        if found := shortage(error):
            raise _full(url, found) from error
        reason, advice = _explain(error)
        raise UsageError(hide_secrets(f"study.storage: cannot open {url}: {reason}; {advice}")) from error


@contextmanager
def keeping(url: str) -> Iterator[None]:
    """Turn what a storage raises while a study is going on, such as a server that went away, into an error of ours.

    Raises:
        HvdganError: The storage does not take or give anything any more.
        DiskFullError: There is no room.
    """
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        if found := shortage(error):
            raise _full(url, found) from error
        why = _first_line(_root(error))
        text = f"study.storage: {url} failed: {why}; what was stored before is intact, go on with --resume"
        raise HvdganError(hide_secrets(text)) from error


def shortage(error: BaseException) -> int:
    """Return the system's error number when an error, or what caused it, means that there is no room; else 0."""
    root = _root(error)
    if isinstance(root, OSError):
        return root.errno if root.errno in NO_ROOM else 0
    # 53100 is PostgreSQL's disk_full; 1021 and 1114 are MySQL's ER_DISK_FULL and ER_RECORD_FILE_FULL.
    server = getattr(root, "sqlstate", None) == "53100" or root.args[:1] in ((1021,), (1114,))
    return errno.ENOSPC if server else sqlite.shortage(root)


def _full(url: str, reason: int) -> DiskFullError:
    """Return the error of a storage that cannot grow."""
    file = file_of(url)
    if file is not None:
        return no_room(file, reason)
    text = f"study.storage: no room on the server of {url}; what was stored before is intact: free space there, "
    return DiskFullError(hide_secrets(f"{text}then go on with --resume"))


def _explain(error: BaseException) -> tuple[str, str]:
    """Return why a storage cannot be opened, in one line, and what to do."""
    from sqlalchemy.exc import OperationalError

    root = _root(error)
    if isinstance(root, ModuleNotFoundError):
        advice = f"pip install {root.name}, or name a driver you have: dialect+driver://..."
        return f"its driver {root.name} is not installed", advice
    reason = _first_line(root)
    if isinstance(error, OperationalError) and not isinstance(root, OSError) and "sqlite" not in type(root).__module__:
        return reason, "check host, port, database, user and password"
    return reason, f"give an Optuna storage URL such as {_EXAMPLES}"


def _first_line(error: BaseException) -> str:
    """Return what an error says in one line; its name when it says nothing."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def _root(error: BaseException) -> BaseException:
    """Return what an error of Optuna or SQLAlchemy comes from: the driver's own error."""
    while (cause := getattr(error, "orig", None) or error.__cause__) is not None:
        error = cause
    return error
