"""The verdict of a run: how it ended, in a file, because launchers lose exit codes.

`horovodrun --gloo` turns every code into 1 and `mpirun --enable-recovery` into 0; `verdict.json` keeps the truth.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from hvdgan.errors import EXIT_DONE, EXIT_FAILED, EXIT_LOSSES, EXIT_PREEMPTED, EXIT_USAGE
from hvdgan.files import write_json

MEANINGS = {
    EXIT_DONE: "done",
    EXIT_FAILED: "failed",
    EXIT_USAGE: "usage or configuration error",
    EXIT_LOSSES: "done with losses",
    EXIT_PREEMPTED: "preempted; resume it with --resume",
}


@dataclass(frozen=True)
class Verdict:
    """How a run ended.

    Args:
        code: The exit code.
        message: One sentence for people.
    """

    code: int
    message: str


def write_verdict(directory: Path, code: int, message: str = "") -> None:
    """Store how the run in a directory ended."""
    write_json(directory / "verdict.json", asdict(Verdict(code, message or MEANINGS[code])))


def read_verdict(directory: Path) -> Verdict | None:
    """Return how the run in a directory ended, or None while it has not."""
    try:
        return Verdict(**json.loads((directory / "verdict.json").read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def clear_verdict(directory: Path) -> None:
    """Forget an earlier verdict: the run goes on."""
    (directory / "verdict.json").unlink(missing_ok=True)
