"""Models by name: built-in ones, modules of the user's own, and what is wrong with these before anything is built."""

import os
import sys
from pathlib import Path
from typing import Literal

import pytest

from hvdgan.backends.arguments import check_arguments, read_keywords
from hvdgan.backends.resolve import find_folder, resolve
from hvdgan.errors import ConfigError, UsageError


def build(
    image_shape,
    classes,
    latent_size,
    *,
    width: float = 1.0,
    depth: int | None = None,
    norm: Literal["batch", "none"] = "batch",
    biased: bool = True,
):
    """Stand for a model."""


MODELS = {"built": build}


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Return a function that writes a module of some text into a folder, and resolves a function in it."""
    monkeypatch.setattr(sys, "path", list(sys.path))

    def write(name, text, function="build"):
        (tmp_path / f"{name}.py").write_text(text)
        return resolve(f"{name}:{function}", MODELS, str(tmp_path))

    return write


def test_a_module_is_found_in_its_folder_which_comes_last(module, tmp_path):
    assert resolve("built", MODELS) is build
    assert module("resolved_once", "def build(): return 3")() == 3
    assert sys.path[-1] == str(tmp_path)
    assert sys.path[0] != str(tmp_path)


def test_a_package_is_found_where_it_lies_and_nothing_is_executed(tmp_path):
    near, far = tmp_path / "near", tmp_path / "far"
    for folder in (near, far):
        (folder / "package").mkdir(parents=True)
    (near / "package" / "__init__.py").write_text("raise SystemExit('executed')")
    (near / "package" / "networks.py").touch()
    assert find_folder("package.networks:build", [far, near, near]) == near
    assert find_folder("package:build", [far, near]) == near
    assert find_folder("package.others:build", [far, near]) is None
    (far / "package" / "networks.py").touch()
    with pytest.raises(ConfigError, match=r"a module package.networks in .*far and in .*near; say which one"):
        find_folder("package.networks:build", [far, near])


@pytest.mark.parametrize(
    ("name", "text", "function", "message"),
    [
        ("lacking", "", "build", r"lacking.py has no 'build'; name the function"),
        ("uncalled", "build = 3", "build", r"has 3, which cannot be called"),
        ("torn", "def build(:", "build", r"torn.py:1: SyntaxError"),
        ("needy", "\nimport no_such_library", "build", r"needy.py:2: import no_such_library\n.*No module named"),
        ("failing", "def f():\n    return 1 / 0\nf()", "build", r"failing.py:2: return 1 / 0\n  ZeroDivisionError"),
        (
            "refusing",
            "from hvdgan.errors import UsageError\nraise UsageError('only on Mondays')",
            "build",
            "^only on M",
        ),
        ("json", "", "build", r"Python finds json in .*, before the one in .*; give your module another name"),
    ],
)
def test_a_module_that_does_not_serve_is_refused_with_file_and_line(module, name, text, function, message):
    with pytest.raises(UsageError, match=message):
        module(name, text, function)


def test_what_is_not_there_is_refused_with_where_it_was_looked_for(tmp_path):
    with pytest.raises(ConfigError, match="there is no 'nothing'; legal are built, or module:function of your own"):
        resolve("nothing", MODELS)
    with pytest.raises(ConfigError, match=r"no module nowhere.at_all: looked for it in .*gan.model_path. and among"):
        resolve("nowhere.at_all:build", MODELS, str(tmp_path))
    with pytest.raises(ConfigError, match="no module nowhere: looked for it among the installed ones"):
        resolve("nowhere:build", MODELS)
    assert resolve("posixpath:join", MODELS) is os.path.join
    assert Path(resolve("posixpath:join", MODELS)("a", "b")) == Path("a/b")


@pytest.mark.parametrize(
    ("signature", "message"),
    [
        ("shape, classes", "takes 2 arguments by their place: shape, classes; write def build"),
        ("shape, classes, size, width: int = 1", "takes 4 arguments by their place"),
        ("shape, classes, size, *sizes", "has sizes, which takes any number"),
        ("shape, classes, size, **rest", "has rest, which takes any number"),
        ("shape, classes, size, *, width=1", "has width, which has no annotation"),
        ("shape, classes, size, *, width: int", "has width, which has no default"),
        ("shape, classes, size, *, width: list = ()", "has width, whose annotation list is not legal"),
        (
            "shape, classes, size, *, width: int = 1.5",
            "whose default 1.5 does not fit .*: Input should be a valid in",
        ),
        ("shape, classes, size, *, width: 'Nowhere' = 1", "cannot be read: name 'Nowhere' is not defined"),
    ],
)
def test_a_signature_that_is_not_the_contracts_is_refused(signature, message):
    names: dict = {}
    exec(f"def build({signature}): ...", names)  # noqa: S102
    with pytest.raises(ConfigError, match=message):
        read_keywords("mine", names["build"])


def test_annotations_may_be_texts():
    names: dict = {}
    exec("from __future__ import annotations\ndef build(a, b, c, *, width: int | None = None): ...", names)  # noqa: S102
    assert list(read_keywords("mine", names["build"])) == ["width"]


def test_arguments_that_fit_pass():
    check_arguments("built", build, {})
    check_arguments("built", build, {"width": 2, "depth": None, "norm": "none", "biased": False})
    check_arguments("built", build, {"width": 0.5, "depth": 3})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("width", "wide", "width: Input should be a valid number; given: 'wide'; built takes width .float., depth"),
        ("width", float("nan"), "width: Input should be a finite number"),
        ("depth", 1.5, "depth: Input should be a valid integer"),
        ("norm", "layer", "norm: Input should be 'batch' or 'none'"),
        ("biased", 1, "biased: Input should be a valid boolean"),
        ("widht", 1.0, r"widht: unknown; did you mean width\?"),
        ("copy", 1.0, "copy: unknown; given: 1.0"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_with_what_does(name, value, message):
    with pytest.raises(ConfigError, match=rf"gan.model_args.{message}"):
        check_arguments("built", build, {name: value})
