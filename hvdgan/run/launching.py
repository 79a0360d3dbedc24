"""`hvdgan launch`: mpirun with the right flags, and the verdict of the run it started."""

from collections.abc import Callable, Sequence
from pathlib import Path

from hvdgan.errors import UsageError
from hvdgan.launch import Options, launch
from hvdgan.verdict import read_verdict

VERBS = ("study", "train", "check", "generate", "simulate", "bench")
RUNS = ("study", "train")
"""Those that make a run directory."""


def launch_verb(processes: int, words: Sequence[str], recover: bool = False) -> int:
    """Start a verb on several processes and return its exit code.

    Args:
        processes: How many.
        words: The verb and its words, as on the command line.
        recover: Whether the job goes on when a process is lost.

    Raises:
        UsageError: The verb does not run on several processes.
    """
    if not words or words[0] not in VERBS:
        given = f"given: {words[0]}" if words else "none is given"
        raise UsageError(f"name the verb to launch, one of {', '.join(VERBS)}; {given}")
    directory, extra = run_directory(words), ("--enable-recovery",) if recover else ()
    verdict = watch_verdict(directory) if directory else lambda: None
    return launch(processes, words, Options(extra=extra, verdict=verdict))


def watch_verdict(directory: Path) -> Callable[[], int | None]:
    """Return a function that gives the exit code stored in a run directory from now on; an older one does not count.

    Args:
        directory: The run directory; it need not exist yet.
    """
    earlier = _written(directory)

    def stored() -> int | None:
        verdict = read_verdict(directory) if _written(directory) != earlier else None
        return verdict.code if verdict else None

    return stored


def _written(directory: Path) -> int | None:
    """Return when the verdict of a run was written, in nanoseconds; None when there is none."""
    try:
        return (directory / "verdict.json").stat().st_mtime_ns
    except FileNotFoundError:
        return None


def run_directory(words: Sequence[str]) -> Path | None:
    """Return the run directory that a verb's words name, or None when it makes none.

    >>> run_directory(["train", "a/first.yaml"]), run_directory(["study", "--resume=runs/b"])
    (PosixPath('runs/first'), PosixPath('runs/b'))
    """
    if words[0] not in RUNS:
        return None
    words = [part for word in words for part in (word.split("=", 1) if word.startswith("--") else [word])]
    for flag in ("--out", "-o", "--resume"):
        if flag in words[:-1]:
            return Path(words[words.index(flag) + 1])
    files = [word for word in words[1:] if word.endswith((".yaml", ".yml"))]
    return Path("runs") / Path(files[0]).stem if files else None
