"""What the guard says of a full disk, and what it never says."""

import pytest

from hvdgan.errors import HvdganError
from hvdgan.parallel.guard import guard
from hvdgan.parallel.world import SoloWorld


def test_a_full_disk_is_a_message_without_a_traceback(capsys, tmp_path):
    with pytest.raises(SystemExit) as left, guard(SoloWorld(), {}):
        raise OSError(28, "No space left on device", str(tmp_path / "trials"))
    assert left.value.code == 1
    told = capsys.readouterr().err
    assert told.startswith(f"hvdgan: no room to write {tmp_path / 'trials'}: the disk is full")
    assert told.count("\n") == 1


def test_no_password_is_told(capsys):
    with pytest.raises(SystemExit), guard(SoloWorld(), {}):
        raise HvdganError("cannot open postgresql://ann:secret@host/db")
    assert capsys.readouterr().err == "hvdgan: cannot open postgresql://ann:***@host/db\n"
