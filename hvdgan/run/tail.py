"""Read a file of JSON lines while somebody else writes it."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

Row = dict[str, Any]


class Tail:
    """Gives the rows that were added since the last look."""

    def __init__(self, path: Path) -> None:
        """Start at the beginning of a file; it need not exist yet."""
        self._path, self._place = path, 0

    def read(self) -> list[Row]:
        """Return the new rows; an unfinished last line is left for the next time, a torn one within is left out.

        A file that became shorter was written anew and is read from the beginning.
        """
        try:
            with self._path.open("rb") as file:
                if file.seek(0, 2) < self._place:
                    self._place = 0
                file.seek(self._place)
                whole, newline, _ = file.read().rpartition(b"\n")
        except FileNotFoundError:
            return []
        self._place += len(whole) + len(newline)
        rows: list[Row] = []
        for line in whole.splitlines():
            with suppress(ValueError):
                rows.append(json.loads(line))
        return rows
