"""The rooms stay apart: layers and forbidden imports, lazy start, mirrored backends, small files."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import hvdgan

PACKAGE = Path(hvdgan.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
HEAVY = ("torch", "tensorflow", "keras", "horovod", "mpi4py", "optuna", "h5py", "matplotlib", "sklearn")


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


def imported_roots(path: Path) -> set[str]:
    """Return the top-level packages a module imports anywhere, also inside functions."""
    roots = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            roots.add(node.module.split(".")[0])
    return roots


@pytest.mark.parametrize(
    ("library", "homes"),
    [
        ("mpi4py", ("hvdgan.parallel.windows", "hvdgan.parallel.world")),
        ("horovod", ("hvdgan.parallel.horovod_",)),
        ("h5py", ("hvdgan.data.hdf5",)),
        ("optuna", ("hvdgan.study",)),
        ("torch", ("hvdgan.backends.torch", "hvdgan.parallel.horovod_torch")),
        ("tensorflow", ("hvdgan.backends.keras", "hvdgan.parallel.horovod_keras")),
        ("keras", ("hvdgan.backends.keras", "hvdgan.parallel.horovod_keras")),
        ("matplotlib", ("hvdgan.report",)),
        ("sklearn", ("hvdgan.calo.classifier",)),
        ("typer", ("hvdgan.cli",)),
        ("pickle", ()),
    ],
)
def test_each_library_has_one_home(library, homes):
    users = {module_name(path) for path in SOURCES if library in imported_roots(path)}
    assert not {user for user in users if not user.startswith(homes)}


def test_layers_hold():
    result = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"],
        cwd=PACKAGE.parent, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("module", ["hvdgan", "hvdgan.cli", "hvdgan.config", "hvdgan.backends", "hvdgan.study"])
def test_import_is_lazy(module):
    script = f"import sys, {module}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout.split() == []


def test_files_and_functions_stay_small():
    long = [f"{module_name(path)}: {len(path.read_text().splitlines())} lines" for path in SOURCES
            if len(path.read_text().splitlines()) > 300]  # fmt: skip
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                documented = len((ast.get_docstring(node) or "").splitlines())
                length = (node.end_lineno or node.lineno) - node.lineno + 1 - documented
                if length > 50:
                    long.append(f"{module_name(path)}.{node.name}: {length} lines")
    assert long == []


def test_nothing_unfinished_is_left():
    words = ("TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error")
    found = [f"{module_name(path)}: {word}" for path in SOURCES for word in words if word in path.read_text()]
    assert found == []


def public_names(path: Path) -> dict[str, str]:
    """Return the public classes and functions of a module, in order, with their signatures."""
    names = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            names[node.name] = ast.unparse(node.args)
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            methods = [item for item in node.body if isinstance(item, ast.FunctionDef) and item.name[0] != "_"]
            names[node.name] = "; ".join(f"{method.name}({ast.unparse(method.args)})" for method in methods)
    return names


WORDS = {
    "tensor: Tensor": "tensor: Variable",
    "torch.nn.": "nn.",
    "nn.Sequential": "keras.Sequential",
    "nn.Module": "keras.Model",
    "torch.optim.": "keras.",
    "torch.": "keras.",
}
"""What torch calls by another name than Keras, in the order of replacement."""

HOOKS = ("forward", "step", "call", "build", "update_step", "get_config", "compute_output_shape")
"""Methods that a framework asks for, by the name and signature it wants."""

PROVIDED = {
    "networks": ("Leaky", "PairMean", "initialise"),
    "optimizers": ("SGD",),
    "trainer": ("make_graph",),
}
"""What one framework has and the other lacks, in the same definition or precision, or without a leak."""


def mirror(path: Path) -> list[tuple[str, str]]:
    """Return the public names of a backend's or ring's module, in order, in words of Keras."""
    names = []
    for name, signature in public_names(path).items():
        methods = [part for part in signature.split("; ") if part.split("(")[0] not in HOOKS]
        signature = "; ".join(methods)
        for word, other in WORDS.items():
            signature = signature.replace(word, other)
        names.append((name.replace("Torch", "Keras"), signature))
    return [(name, signature) for name, signature in names if name not in PROVIDED.get(path.stem, ())]


def test_backends_are_mirror_images():
    folders = [PACKAGE / "backends" / name for name in ("torch", "keras")]
    files = [sorted(path.name for path in folder.glob("*.py")) for folder in folders]
    assert files[0] == files[1]
    for name in files[0]:
        torch, keras = (mirror(folder / name) for folder in folders)
        assert torch == keras, name


def test_rings_are_mirror_images():
    torch, keras = (mirror(PACKAGE / "parallel" / f"horovod_{name}.py") for name in ("torch", "keras"))
    assert torch == keras


def test_gan_offers_exactly_its_contract():
    contract = public_names(PACKAGE / "backends" / "interface.py")["Gan"]
    for name in ("torch", "keras"):
        assert public_names(PACKAGE / "backends" / name / "gan.py")["Gan"] == contract


def test_rings_offer_exactly_their_contract():
    rings = public_names(PACKAGE / "parallel" / "ring.py")
    assert rings["SoloRing"] == rings["Ring"]
    assert public_names(PACKAGE / "parallel" / "horovod_ring.py")["HorovodRing"] == rings["Ring"]
