"""Write files so that a reader, or a crash, never sees half of one; read what people wrote without trusting it.

A disk without room is foreseen: whatever could not be written whole is taken back, and the error says where.
"""

import errno
import json
import os
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from hvdgan.errors import ConfigError, DiskFullError

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""The ways a system says that a file cannot grow: disk full, quota used up, limit on the size of a file."""


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace a file by new content: temporary name, flush, rename.

    Args:
        path: The file to write; its folder must exist.
        content: The whole new content.

    Raises:
        DiskFullError: There is no room; the previous file is intact.
        OSError: The file is not writable; the previous file is intact.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with room_for(path):
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


def write_json(path: Path, value: Any) -> None:
    """Replace a file by a value as indented JSON."""
    write_atomically(path, json.dumps(value, indent=2, sort_keys=True) + "\n")


def append_json_line(path: Path, row: dict[str, Any]) -> None:
    """Append one row to a JSON-lines file, whole or not at all; the torn line that a crash left gives way to it.

    Raises:
        DiskFullError: There is no room; the previous rows are intact.
    """
    with room_for(path), path.open("a+b", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        if end and os.pread(file.fileno(), 1, end - 1) != b"\n":
            file.truncate(path.read_bytes().rfind(b"\n") + 1)
        append_whole(file.fileno(), json.dumps(row).encode() + b"\n")


def append_whole(file: int, data: bytes, flush: bool = False) -> None:
    """Append to an open file, whole or not at all.

    Args:
        file: Descriptor of a file opened for appending, that nobody else writes meanwhile.
        data: What to append.
        flush: Return only when it is on the disk.

    Raises:
        OSError: It could not be written; the file is as long as before.
    """
    end = os.fstat(file).st_size
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(file, rest) :]
        if flush:
            os.fsync(file)
    except OSError:
        with suppress(OSError):
            os.ftruncate(file, end)
        raise


@contextmanager
def room_for(path: Path | None = None) -> Iterator[None]:
    """Turn the system's ways of saying that there is no room into one error that says where, and what to do.

    Args:
        path: What the block writes; None: the file that the system's error names, if it does.

    Raises:
        DiskFullError: The block raised one of them.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        named = path or (Path(os.fsdecode(error.filename)) if error.filename else None)
        raise no_room(named, error.errno) from error


def no_room(path: Path | None, reason: int) -> DiskFullError:
    """Return the error of a file that cannot grow: which, how much room there is, what to do.

    Args:
        path: The file; None if unknown.
        reason: The system's error number.
    """
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if reason == errno.ENOSPC:
        why, remedy = f"the disk is full{_free(path)}", "free space"
    elif reason == errno.EFBIG and limit != resource.RLIM_INFINITY:
        why, remedy = f"no file may exceed {limit:,} bytes here (ulimit -f)", "lift the limit"
    else:
        why, remedy = f"your quota is used up, or the disk fails{_free(path)}", "make room"
    return DiskFullError(
        f"no room to write {path or 'a file'}: {why}; "
        f"what was stored before is intact: {remedy}, then go on with --resume"
    )


def _free(path: Path | None) -> str:
    """Tell how much room the file system of a file has, in brackets; nothing if that cannot be known."""
    try:
        return f" ({shutil.disk_usage(path.absolute().parent).free / 1e6:,.1f} MB are free)" if path else ""
    except OSError:
        return ""


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """Read the complete rows of a JSON-lines file; a torn last line is left out."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1] if line]


def read_yaml(path: Path, what: str) -> dict[str, Any]:
    """Read a mapping that a person wrote; nothing in it is executed.

    Args:
        path: The file.
        what: What it should describe, for the error ("configuration").

    Raises:
        ConfigError: The file cannot be read, is not YAML, or is not a mapping.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the {what} {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {error}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path} is not a {what}: a mapping of names to values is needed")
    return content
