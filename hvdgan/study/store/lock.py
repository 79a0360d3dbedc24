"""One coordinator at a time: a file that says which process holds a run directory.

The kernel's lock on the file guards only the moment of looking and writing; what is written (host, process, start)
says who holds it, also to people, and also when the file system is shared between hosts.
"""

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from hvdgan.errors import UsageError
from hvdgan.files import room_for


@contextlib.contextmanager
def hold(path: Path) -> Iterator[None]:
    """Hold a lock file for the length of a block; the lock of a process that has died here is taken over.

    Raises:
        UsageError: A living process holds it, or one on another host; says which, and since when.
    """
    with _guard(path) as file:
        _refuse_held(path, _read(file))
        _write(file, json.dumps(_this_process()))
    try:
        yield
    finally:
        with _guard(path) as file:
            _write(file, "")


@contextlib.contextmanager
def _guard(path: Path) -> Iterator[IO[str]]:
    """Open the file and keep everybody else from looking at it meanwhile."""
    with room_for(path), _open(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            raise UsageError(
                f"{path} cannot be locked ({error.strerror}): put the run directory on a file system with file locks"
            ) from None
        yield file


def _open(path: Path) -> IO[str]:
    """Open the file, made if need be, for reading and writing.

    Raises:
        UsageError: It may not be written.
    """
    try:
        return open(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+", encoding="utf-8")
    except PermissionError:
        raise UsageError(f"{path} may not be written: a run is continued by who may write in its directory") from None


def _read(file: IO[str]) -> dict[str, Any]:
    """Return who holds the file; nobody when it is empty or torn."""
    try:
        holder = json.loads(file.read())
    except ValueError:
        return {}
    return holder if isinstance(holder, dict) else {}


def _write(file: IO[str], text: str) -> None:
    """Replace the content of the open file."""
    file.seek(0)
    file.truncate()
    file.write(text)
    file.flush()
    os.fsync(file.fileno())


def _refuse_held(path: Path, holder: dict[str, Any]) -> None:
    """Raise if the holder may be alive."""
    if not holder:
        return
    here = holder.get("host") == socket.gethostname()
    if here and _birth(int(holder["pid"])) != holder["birth"]:
        return
    advice = "wait for it or stop it" if here else f"if that process is gone, delete {path}"
    who = f"process {holder.get('pid')} on {holder.get('host')} since {holder.get('since')}"
    raise UsageError(f"another coordinator is at work on this study: {who}; {advice}")


def _this_process() -> dict[str, Any]:
    """Describe the running process."""
    pid = os.getpid()
    since = datetime.now().astimezone().isoformat(timespec="seconds")
    return {"host": socket.gethostname(), "pid": pid, "birth": _birth(pid), "since": since}


def _birth(pid: int) -> str:
    """Return when a process of this host started, in clock ticks since boot (proc(5), stat, field 22), or nothing.

    A process id alone is reused, in containers within minutes; together with the start it is not. A process that has
    ended but was not yet waited for counts as gone.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[0] in "ZX" else fields[19]
