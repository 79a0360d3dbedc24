"""Apply a unified diff, exactly: a machine without the program `patch` builds Horovod, too."""

import re
from pathlib import Path

from installation.problems import SetupError

HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@")
COUNTS = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
"""How many old and new lines a hunk says it has."""


def read_diff(text: str) -> dict[str, list[tuple[int, list[str]]]]:
    """Return the hunks of every file of a diff.

    Args:
        text: A unified diff with a/ and b/ prefixes; prose before the first file is skipped.

    Returns:
        File name -> list of (number of the first old line, lines with their mark).
    """
    files: dict[str, list[tuple[int, list[str]]]] = {}
    hunks: list[tuple[int, list[str]]] = []
    for line in text.splitlines():
        start = HUNK.match(line)
        if line.startswith("+++ b/"):
            hunks = files.setdefault(line.removeprefix("+++ b/").split("\t")[0], [])
        elif line.startswith("--- a/"):
            hunks = []
        elif start:
            hunks.append((int(start.group(1)), []))
        elif hunks and line[:1] in ("+", "-", " "):
            hunks[-1][1].append(line)
    return files


def apply_hunks(lines: list[str], hunks: list[tuple[int, list[str]]], name: str) -> list[str]:
    """Return the lines of a file with its hunks applied.

    Raises:
        SetupError: The file is not the one the diff was made for.
    """
    result: list[str] = []
    position = 0
    for start, marked in hunks:
        old = [line[1:] for line in marked if line[0] != "+"]
        if lines[start - 1 : start - 1 + len(old)] != old:
            raise SetupError(f"the patch does not fit {name} at line {start}: is the source another version?")
        result += lines[position : start - 1] + [line[1:] for line in marked if line[0] != "-"]
        position = start - 1 + len(old)
    return result + lines[position:]


def apply(diff: Path, folder: Path) -> None:
    """Apply a diff to the files of a folder.

    Raises:
        SetupError: A file is missing or is not what the diff expects.
    """
    for name, hunks in read_diff(diff.read_text(encoding="utf-8")).items():
        path = folder / name
        if not path.exists():
            raise SetupError(
                f"the patch {diff.name} changes {name}, which does not exist: is the source another version?"
            )
        patched = apply_hunks(path.read_text(encoding="utf-8").splitlines(), hunks, name)
        path.write_text("\n".join(patched) + "\n", encoding="utf-8")
