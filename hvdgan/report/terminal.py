"""Does a person watch this output, or a pipe? Launchers make that harder to tell than it sounds.

mpirun gives each rank a pseudo-terminal of its own, even when mpirun itself writes into a pipe: there, the standard
output of the launcher counts. `horovodrun` and `mpirun --tag-output` put a tag before every line: there, nothing can
be redrawn, whoever watches.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

MPI = ("OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK")
"""Present in the environment of processes that an MPI launcher started."""

TAGGED = ("HOROVOD_GLOO_RENDEZVOUS_ADDR", "OMPI_MCA_orte_tag_output")
"""Present where the launcher puts a tag before every line."""

TERMINALS = ("/dev/pts/", "/dev/tty", "/dev/console")


def is_terminal(environ: Mapping[str, str], stdouts: Sequence[str]) -> bool:
    """Tell whether lines of this process reach a terminal on which they can be redrawn.

    Args:
        environ: The environment of this process.
        stdouts: What the standard output of this process is, then of its parent, its parent's parent and so on, as
            /proc/<pid>/fd/1 names it: "/dev/pts/3", "pipe:[1234]", a file.

    >>> is_terminal({}, ["/dev/pts/3", "/dev/pts/3"])
    True
    >>> is_terminal({"OMPI_COMM_WORLD_RANK": "0"}, ["/dev/pts/3", "pipe:[77]"])
    False
    """
    if environ.get("TERM") == "dumb" or any(name in environ for name in TAGGED):
        return False
    if not stdouts or not _names_terminal(stdouts[0]):
        return False
    return _names_terminal(find_screen(environ, stdouts))


def find_screen(environ: Mapping[str, str], stdouts: Sequence[str]) -> str:
    """Return what the output of this process is shown on in the end: its launcher's standard output, or its own.

    Args:
        environ: The environment of this process.
        stdouts: As for `is_terminal`.

    >>> find_screen({"OMPI_COMM_WORLD_RANK": "0"}, ["/dev/pts/9", "/dev/pts/3", "/dev/pts/3"])
    '/dev/pts/3'
    """
    if not any(name in environ for name in MPI):
        return stdouts[0]
    return next((name for name in stdouts[1:] if name != stdouts[0]), "")


def measure_screen() -> tuple[int, int] | None:
    """Return columns and lines of the terminal that people see; None when it cannot be asked.

    The pseudo-terminal that mpirun gives a rank has no size of its own.
    """
    try:
        terminal = os.open(find_screen(os.environ, trace_stdouts()), os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        size = os.get_terminal_size(terminal)
    except OSError:
        return None
    finally:
        os.close(terminal)
    return (size.columns, size.lines) if size.columns and size.lines else None


def trace_stdouts(processes: Path = Path("/proc")) -> list[str]:
    """Return what standard output is for this process, its parent, and so on as far as may be looked at.

    Args:
        processes: Where the system shows its processes; where there is none, only this process is looked at.
    """
    pid, found = os.getpid(), []
    while pid > 0:
        try:
            found.append(os.readlink(processes / str(pid) / "fd" / "1"))
            pid = _parent((processes / str(pid) / "stat").read_text(encoding="utf-8", errors="replace"))
        except OSError:
            break
    return found or ["/dev/tty" if os.isatty(1) else "other"]


def reaches_person() -> bool:
    """Tell whether the standard output of this process reaches a terminal on which lines can be redrawn."""
    return is_terminal(os.environ, trace_stdouts())


def _names_terminal(name: str) -> bool:
    """Tell whether a name is that of a terminal."""
    return name.startswith(TERMINALS)


def _parent(stat: str) -> int:
    """Return the parent's id from the content of /proc/<pid>/stat; the program's name may hold anything.

    >>> _parent("7 (a ) b) S 5 7 7 0")
    5
    """
    return int(stat.rpartition(")")[2].split()[1])
