"""Disks without room: a limit on the size of files for a block, and a tiny file system that is really full."""

import contextlib
import resource
import subprocess


@contextlib.contextmanager
def limited_files(size):
    """Let no file of this process grow beyond some bytes while the block runs (Python ignores SIGXFSZ)."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@contextlib.contextmanager
def mounted(folder, size):
    """Mount a file system of some size ("512k") on a folder; give None where that is not permitted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder]
    try:
        done = subprocess.run(command, capture_output=True, timeout=20, check=False).returncode == 0
    except FileNotFoundError:
        done = False
    try:
        yield folder if done else None
    finally:
        if done:
            subprocess.run(["umount", "--lazy", folder], timeout=20, check=True)


def fill(folder):
    """Leave no byte free on the file system of a folder; return the file to delete for room."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for block in (65536, 4096, 1):
            with contextlib.suppress(OSError):
                while file.write(b"x" * block) == block:
                    continue
    return filler
