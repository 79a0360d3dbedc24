"""What doctor reports, and how it is put into lines and JSON."""

import json
from dataclasses import asdict, dataclass

SET_UP = "run scripts/setup"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    found: str
    advice: str = ""
    """What to do, or a note on something optional."""


def format_lines(checks: list[Check]) -> list[str]:
    """Return one line of text per check.

    >>> format_lines([Check("mpi", False, "none", "run scripts/setup")])
    ['FAIL  mpi         none -> run scripts/setup']
    """
    return [
        f"{'ok' if check.ok else 'FAIL':4}  {check.name:<10}  {check.found}"
        + (f" -> {check.advice}" if check.advice else "")
        for check in checks
    ]


def to_json(checks: list[Check]) -> str:
    """Return the checks as JSON: `{"ok": ..., "checks": [...]}`."""
    content = {"ok": all(check.ok for check in checks), "checks": [asdict(check) for check in checks]}
    return json.dumps(content, indent=2)
