"""Whether the MPI library and the launcher belong together, and what they can do."""

import re
import shutil
import sys
from pathlib import Path

from hvdgan.doctor.ask import ask, last_line
from hvdgan.doctor.check import SET_UP, Check

LIBRARY = """
import mpi4py
mpi4py.rc.initialize = False
from mpi4py import MPI
print(MPI.Get_library_version())
"""
THREADS = """
from mpi4py import MPI
names = {MPI.THREAD_SINGLE: "single", MPI.THREAD_FUNNELED: "funneled",
         MPI.THREAD_SERIALIZED: "serialized", MPI.THREAD_MULTIPLE: "multiple"}
print("threads:", names[MPI.Query_thread()])
"""


def check_launcher() -> Check:
    """Look whether the MPI library of mpi4py and mpirun belong together."""
    program = launcher()
    if not program:
        return Check("mpi", False, "no mpirun found", f"{SET_UP}, or put your MPI on the PATH")
    code, library = ask([sys.executable, "-c", LIBRARY])
    if code:
        return Check("mpi", False, f"mpi4py finds no MPI library: {last_line(library)}", SET_UP)
    own, started = mpi_name(library), mpi_name(ask([program, "--version"])[1])
    if own == started:
        return Check("mpi", True, f"{own}, library and {program}")
    return Check(
        "mpi", False, f"library {own}, but {program} is {started}", "put the mpirun of that library first on the PATH"
    )


def check_threads() -> Check:
    """Look whether a process that mpirun starts may call MPI from several threads, as Horovod does."""
    program = launcher()
    if not program:
        return Check("threads", False, "no mpirun found", SET_UP)
    code, output = ask([program, "-np", "1", sys.executable, "-c", THREADS])
    found = re.search(r"threads: (\w+)", output)
    if code or not found:
        return Check("threads", False, f"mpirun -np 1 failed: {last_line(output)}", "see what mpirun says")
    level = found.group(1)
    advice = "" if level == "multiple" else "Horovod needs an MPI built with MPI_THREAD_MULTIPLE"
    return Check("threads", level == "multiple", f"MPI thread level {level}", advice)


def launcher() -> str:
    """Return the mpirun of this environment, else the one on the PATH; empty when there is none."""
    own = Path(sys.executable).with_name("mpirun")
    return str(own) if own.exists() else shutil.which("mpirun") or ""


def mpi_name(text: str) -> str:
    """Return which MPI a text of its own names.

    >>> mpi_name("Open MPI v4.1.8, package: ..."), mpi_name("mpirun (Open MPI) 4.1.8")
    ('Open MPI 4.1.8', 'Open MPI 4.1.8')
    >>> mpi_name("MPICH Version:      4.2.0"), mpi_name("HYDRA build details:     Version:  4.2.0")
    ('MPICH 4.2.0', 'MPICH 4.2.0')
    """
    family = next((name for name in ("Open MPI", "MPICH", "Intel") if name in text), "")
    family = "MPICH" if "HYDRA" in text else family
    version = re.search(r"\d+\.\d+(\.\d+)?", text)
    return f"{family or 'unknown MPI'} {version.group(0) if version else ''}".strip()
