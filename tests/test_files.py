"""Files are whole or as before, also on a disk without room."""

import json
import os

import pytest
from disks import fill, limited_files

from hvdgan.errors import DiskFullError
from hvdgan.files import append_json_line, append_whole, read_json_lines, room_for, write_atomically


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "a.txt"
    write_atomically(path, "before")
    write_atomically(path, b"after")
    assert path.read_text() == "after"
    assert list(tmp_path.iterdir()) == [path]


def test_a_limit_leaves_the_previous_file_and_is_named(tmp_path):
    path = tmp_path / "a.txt"
    write_atomically(path, "before")
    with limited_files(1000), pytest.raises(DiskFullError, match=rf"{path}: no file may exceed 1,000 bytes .*--resume"):
        write_atomically(path, "x" * 2000)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("room", range(0, 30, 3))
def test_a_row_is_appended_whole_or_not_at_all(tmp_path, room):
    path = tmp_path / "rows.jsonl"
    append_json_line(path, {"number": 1})
    before = path.read_bytes()
    row = {"number": 2, "text": "x" * 10}
    assert len(json.dumps(row)) > 30
    with limited_files(len(before) + room), pytest.raises(DiskFullError, match=r"rows\.jsonl"):
        append_json_line(path, row)
    assert path.read_bytes() == before
    append_json_line(path, row)
    assert read_json_lines(path) == [{"number": 1}, row]


def test_a_torn_row_gives_way_to_the_next(tmp_path):
    path = tmp_path / "rows.jsonl"
    for torn, kept in (('{"number": 1}\n{"numb', [{"number": 1}]), ('{"num', [])):
        path.write_text(torn)
        assert read_json_lines(path) == kept
        append_json_line(path, {"number": 2})
        assert read_json_lines(path) == [*kept, {"number": 2}]


def test_other_errors_of_the_system_pass(tmp_path):
    with pytest.raises(FileNotFoundError):
        append_json_line(tmp_path / "missing" / "rows.jsonl", {})
    with pytest.raises(IsADirectoryError), room_for():
        tmp_path.write_text("")


def test_an_error_that_names_its_file_is_enough(tmp_path):
    path = str(tmp_path / "x")
    with (
        pytest.raises(DiskFullError, match=rf"no room to write {path}: the disk is full \(.* MB are free\)"),
        room_for(),
    ):
        raise OSError(28, "No space left on device", path)
    with pytest.raises(DiskFullError, match="no room to write a file: your quota is used up"), room_for():
        raise OSError(122, "Disk quota exceeded")


def test_on_a_full_disk_everything_stays_and_goes_on_once_there_is_room(tiny_disk):
    rows, text = tiny_disk / "rows.jsonl", tiny_disk / "a.txt"
    append_json_line(rows, {"number": 0})
    write_atomically(text, "before")
    filler = fill(tiny_disk)
    with pytest.raises(DiskFullError, match=r"a\.txt: the disk is full \(0\.0 MB are free\)"):
        write_atomically(text, "y" * 9000)
    with pytest.raises(DiskFullError, match=r"rows\.jsonl"):
        append_json_line(rows, {"text": "x" * 9000})
    assert (text.read_text(), read_json_lines(rows)) == ("before", [{"number": 0}])
    filler.unlink()
    append_json_line(rows, {"number": 1})
    assert len(read_json_lines(rows)) == 2


def test_a_failed_append_takes_back_what_went_through(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    file = os.open(path, os.O_WRONLY | os.O_APPEND)
    with limited_files(8), pytest.raises(OSError, match="too large"):
        append_whole(file, b"67890")
    os.close(file)
    assert path.read_bytes() == b"12345"
