"""Which file system a path lies on, from tables of the kernel and from this machine's own."""

from pathlib import Path, PurePath

import pytest

from hvdgan.study.store import filesystem, sqlite

CLUSTER = r"""
22 1 259:2 / / rw,relatime shared:1 - xfs /dev/nvme0n1p2 rw,attr2
23 22 0:21 / /proc rw,nosuid shared:12 - proc proc rw
41 22 0:37 / /home rw,relatime shared:20 - autofs systemd-1 rw,fd=29
42 41 0:55 /export/home /home rw,relatime shared:21 - nfs4 server:/export/home rw,vers=4.2
50 22 0:60 / /scratch rw,relatime - lustre 10.0.0.1@o2ib:/work rw,flock
51 50 0:61 / /scratch/local rw,relatime - ext4 /dev/sdb1 rw
52 22 0:62 / /my\040data rw,relatime shared:30 master:2 - fuse.sshfs ann@host:/data rw
53 22 0:63 / /project rw,relatime - gpfs project rw
""".strip()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/run/study.db", "xfs"),
        ("/home/ann/run/study.db", "nfs4"),
        ("/homes/study.db", "xfs"),
        ("/scratch/run", "lustre"),
        ("/scratch/local/run", "ext4"),
        ("/scratch/locally", "lustre"),
        ("/my data/run", "fuse.sshfs"),
        ("/project", "gpfs"),
        ("/", "xfs"),
    ],
)
def test_the_deepest_and_last_mount_counts(path, kind):
    assert filesystem.find_kind(CLUSTER, PurePath(path)) == kind


def test_no_table_no_kind():
    assert filesystem.find_kind("", PurePath("/data")) == ""
    assert filesystem.find_kind("nonsense\n", PurePath("/data")) == ""


def test_no_kind_is_both_near_and_far():
    assert not filesystem.LOCAL & filesystem.NETWORK


def test_this_machine_tells_the_kinds_of_its_own(tmp_path):
    assert filesystem.kind_of(Path("/proc/self")) == "proc"
    assert filesystem.kind_of(tmp_path) != ""
    assert filesystem.kind_of(tmp_path / "not" / "there") == filesystem.kind_of(tmp_path)


def test_a_link_leads_to_where_it_points(tmp_path):
    link = tmp_path / "link"
    link.symlink_to("/proc")
    assert filesystem.kind_of(link / "self") == "proc"


def test_a_mounted_file_system_is_seen(tiny_disk):
    assert filesystem.kind_of(tiny_disk / "study.db") == "tmpfs"


def test_the_warning_says_why_and_what_to_use_instead(tmp_path, monkeypatch):
    assert sqlite.warning(tmp_path / "study.db") == ""
    table = tmp_path / "mountinfo"
    table.write_text(CLUSTER)
    monkeypatch.setattr(filesystem, "_MOUNTS", table)
    text = sqlite.warning(Path("/scratch/run/study.db"))
    assert "lies on a network file system (lustre)" in text
    assert "journal://study.journal" in text
    assert "\n" not in text


@pytest.mark.parametrize(("kind", "log"), [("lustre", "delete"), ("ext4", "wal"), ("unheard-of", "delete")])
def test_shared_memory_is_used_on_known_local_disks_only(make_config, open_ledger, tmp_path, monkeypatch, kind, log):
    import sqlite3

    table = tmp_path / "mountinfo"
    table.write_text(f"1 0 8:1 / / rw - {kind} x rw")
    monkeypatch.setattr(filesystem, "_MOUNTS", table)
    open_ledger(make_config())
    with sqlite3.connect(tmp_path / "study.db") as file:
        assert file.execute("PRAGMA journal_mode").fetchone() == (log,)
    file.close()


def test_people_are_warned_once_and_never_for_a_journal(make_config, open_ledger, tmp_path, monkeypatch, capsys):
    table = tmp_path / "mountinfo"
    table.write_text("1 0 8:1 / / rw - nfs4 x rw")
    monkeypatch.setattr(filesystem, "_MOUNTS", table)
    open_ledger(make_config())
    assert capsys.readouterr().err.count("network file system (nfs4)") == 1
    open_ledger(make_config(storage="journal://study.journal"))
    assert capsys.readouterr().err == ""
