"""The doctor tells what is wrong, and what to do."""

import json
import sys

import pytest

from hvdgan import doctor
from hvdgan.doctor import ask as asking
from hvdgan.doctor import horovod, libraries, mpi
from hvdgan.doctor.check import Check

GOOD = Check("torch", True, "2.13.0")
BAD = Check("mpi", False, "no mpirun found", "run scripts/setup")


def write_program(path, text):
    """Write a shell script that stands for another program on the PATH."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Make this environment's programs invisible; return a folder that is the whole PATH."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_each_check_is_one_line_with_what_to_do():
    lines = doctor.format_lines([GOOD, BAD])
    assert lines == ["ok    torch       2.13.0", "FAIL  mpi         no mpirun found -> run scripts/setup"]


def test_json_says_whether_all_is_well():
    assert json.loads(doctor.to_json([GOOD]))["ok"] is True
    content = json.loads(doctor.to_json([GOOD, BAD]))
    assert content["ok"] is False
    assert content["checks"][1] == {
        "name": "mpi", "ok": False, "found": "no mpirun found", "advice": "run scripts/setup"
    }  # fmt: skip


def test_missing_library_names_the_remedy():
    check = libraries.check_library("no-such-library")
    assert (check.ok, check.found, check.advice) == (False, "not installed", "run scripts/setup")


def test_library_that_is_too_old_is_named_with_what_is_needed(monkeypatch):
    monkeypatch.setattr(libraries, "installed", lambda name: "1.0.0")
    check = libraries.check_library("torch")
    assert not check.ok
    assert "hvdgan needs >=2.13" in check.advice


def test_missing_tensorflow_is_fine(monkeypatch):
    monkeypatch.setattr(libraries, "installed", lambda name: "")
    check = libraries.check_tensorflow()
    assert check.ok
    assert "optional" in check.advice


def test_horovod_built_for_another_torch_is_refused_without_loading_it():
    check = horovod.check_build("hvd torch", "torch", "2.1.0+cpu", "2.13.0+cpu")
    assert not check.ok
    assert check.found == "built for 2.1.0+cpu, installed is 2.13.0+cpu"


def test_a_framework_that_horovod_is_not_built_for_is_told_with_what_builds_it(monkeypatch):
    monkeypatch.setattr(horovod, "metadata", lambda: {"pytorch": "2.13.0"})
    monkeypatch.setattr(horovod, "installed", lambda name: "2.21.0")
    monkeypatch.setattr(horovod, "check_build", lambda name, *about: Check(name, True, "with mpi, gloo"))
    checks = horovod.check_horovod()
    assert [(check.name, check.found) for check in checks[1:]] == [
        ("hvd torch", "with mpi, gloo"), ("hvd keras", "not built")
    ]  # fmt: skip
    assert checks[-1].ok
    assert "scripts/setup --frameworks torch,keras" in checks[-1].advice


def test_no_launcher(elsewhere):
    assert mpi.check_launcher().found == "no mpirun found"
    assert not mpi.check_threads().ok


def test_launcher_of_another_mpi(elsewhere, monkeypatch):
    write_program(elsewhere / "mpirun", "echo 'mpirun (Open MPI) 5.0.3'")
    write_program(elsewhere / "python", "echo 'Open MPI v4.1.8, package: Open MPI'")
    monkeypatch.setattr(sys, "executable", str(elsewhere / "python"))
    check = mpi.check_launcher()
    assert not check.ok
    assert "library Open MPI 4.1.8" in check.found
    assert "Open MPI 5.0.3" in check.found


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Intel(R) MPI Library 2021.11 for Linux* OS", "Intel 2021.11"),
        ("mpirun (Open MPI) 4.1.8\n\nReport bugs to ...", "Open MPI 4.1.8"),
        ("something else", "unknown MPI"),
    ],
)
def test_mpi_names(text, name):
    assert mpi.mpi_name(text) == name


def test_program_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr(asking, "LIMIT", 0.2)
    code, output = asking.ask(["sleep", "30"])
    assert code == 124
    assert "no answer" in output


def test_program_that_is_missing_is_an_answer(tmp_path):
    code, output = asking.ask([str(tmp_path / "nothing")])
    assert code == 127
    assert "No such file" in output


def test_questions_leave_the_job_they_are_asked_in(monkeypatch):
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "4")
    monkeypatch.setenv("PMIX_RANK", "1")
    monkeypatch.setenv("HOME", "/home/someone")
    names = asking.variables()
    assert not {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK"} & names.keys()
    assert names["HOME"] == "/home/someone"


def test_settings_of_the_user_are_heeded_outside_a_job(monkeypatch):
    for name in ("OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "HOROVOD_RANK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMPI_MCA_btl", "self,vader")
    assert asking.variables()["OMPI_MCA_btl"] == "self,vader"


@pytest.mark.slow
@pytest.mark.processes
def test_this_environment_is_well():
    checks = doctor.examine(deep=True)
    assert [check for check in checks if not check.ok] == []
    assert {"python", "torch", "horovod", "mpi", "threads", "gpus", "ring mpi", "ring gloo"} <= {c.name for c in checks}
