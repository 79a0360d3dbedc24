"""Write files so that a reader, or a crash, never sees half of one; read what people wrote without trusting it."""

import json
import os
from pathlib import Path
from typing import Any

import yaml

from hvdgan.errors import ConfigError


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace a file by new content: temporary name, flush, rename.

    Args:
        path: The file to write; its folder must exist.
        content: The whole new content.

    Raises:
        OSError: The disk is full or not writable; the previous file is intact.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
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
    """Append one row to a JSON-lines file, in one write."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


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
