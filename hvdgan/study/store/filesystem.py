"""The file system under a storage: SQLite relies on locks and shared memory that network file systems do not give."""

import re
from pathlib import Path, PurePath

_FUSE = (
    *("fuse.ceph", "fuse.davfs2", "fuse.gcsfuse", "fuse.glusterfs", "fuse.goofys", "fuse.juicefs", "fuse.mfs"),
    *("fuse.quobyte", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"),
)
NETWORK = frozenset((
    *("9p", "acfs", "afs", "beegfs", "ceph", "cifs", "coda", "cvmfs", "davfs", "fhgfs", "gfs", "gfs2", "glusterfs"),
    *("gpfs", "juicefs", "lustre", "mfs", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "panfs", "pvfs2", "quobyte"),
    *("smb", "smb2", "smb3", "smbfs", "vboxsf", "virtiofs", "wekafs", *_FUSE),
))  # fmt: skip
"""Kinds of file systems that several hosts share, or whose locks are another machine's."""

LOCAL = frozenset((
    *("bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "jfs", "overlay", "ramfs", "reiserfs", "tmpfs", "xfs"),
    "zfs",
))  # fmt: skip
"""Kinds known to lie on this machine alone; what is in neither list is unknown."""

_MOUNTS = Path("/proc/self/mountinfo")


def kind_of(path: Path) -> str:
    """Return the kind of file system that holds a path, existing or not, as the kernel calls it ("ext4", "nfs4").

    Returns:
        The empty string where the kernel does not tell.
    """
    path = path.resolve()
    _wake(path)
    try:
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
    return find_kind(mounts, path)


def find_kind(mounts: str, path: PurePath) -> str:
    r"""Return the kind of file system of an absolute path in a table of mounts.

    The deepest mount point above the path counts; of several mounts on one point the last, which covers the others.

    Args:
        mounts: Content of /proc/self/mountinfo (proc(5)): field 5 is the mount point, the kind follows a lone dash.
        path: An absolute path without symbolic links.

    >>> find_kind("23 1 8:1 / / rw - ext4 /dev/a rw\n30 23 0:5 / /home rw - nfs4 server:/home rw", Path("/home/ann"))
    'nfs4'
    """
    deepest, kind = -1, ""
    for line in mounts.splitlines():
        before, dash, after = line.partition(" - ")
        if not dash:
            continue
        point = PurePath(_unescape(before.split()[4]))
        if path.is_relative_to(point) and len(point.parts) >= deepest:
            deepest, kind = len(point.parts), after.split()[0]
    return kind


def _unescape(text: str) -> str:
    r"""Return a mount point with its blanks: the kernel writes them as octal numbers.

    >>> _unescape(r"/my\040data")
    '/my data'
    """
    return re.sub(r"\\([0-7]{3})", lambda code: chr(int(code.group(1), 8)), text)


def _wake(path: Path) -> None:
    """Look at a path, so that an automounter mounts what lies there."""
    for one in (path, path.parent):
        one.exists()
