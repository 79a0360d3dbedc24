"""Find the function that builds a model: a built-in one, or `module:function` of the user's own.

The only place that executes what a configuration names. The folder of a user's module comes last where Python looks,
so that no file in it can take the place of a library; and the module must come from there, so that no other one of the
same name takes its place.
"""

import importlib
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from hvdgan.errors import ConfigError, HvdganError

Build = Callable[..., Any]
"""Builds the networks of a model, see `backends.model`."""

PACKAGE = str(Path(__file__).parents[1])


def is_own(model: str) -> bool:
    """Tell whether the name of a model is that of a user's own.

    >>> is_own("3dgan"), is_own("my_package.my_module:build")
    (False, True)
    """
    return ":" in model


def find_folder(model: str, folders: Iterable[Path]) -> Path | None:
    """Return the folder that holds a model's module; None where none does. Executes nothing.

    Args:
        model: `module:function`.
        folders: Where to look.

    Raises:
        ConfigError: More than one of them does.
    """
    name = model.partition(":")[0]
    found = [folder for folder in dict.fromkeys(folder.resolve() for folder in folders) if _holds(folder, name)]
    if len(found) > 1:
        raise ConfigError(
            f"gan.model: there is a module {name} in {' and in '.join(map(str, found))}; "
            "say which one with gan.model_path"
        )
    return found[0] if found else None


def resolve(model: str, models: Mapping[str, Build], folder: str | None = None) -> Build:
    """Return the function that builds a model; imports the module of a user's own.

    Args:
        model: Name of a built-in model, or `module:function`.
        models: The built-in models.
        folder: Where a user's module lies; None where it is installed.

    Raises:
        ConfigError: There is no such model, module or function; or the module fails, with the file and line.
    """
    if model in models:
        return models[model]
    if not is_own(model):
        raise ConfigError(
            f"gan.model: there is no {model!r}; legal are {', '.join(models)}, or module:function of your own"
        )
    name, _, function = model.partition(":")
    module = _import(name, folder)
    build = getattr(module, function, None)
    if not callable(build):
        problem = "has no" if build is None else f"has {build!r}, which cannot be called, as"
        raise ConfigError(
            f"gan.model: {module.__file__ or name} {problem} {function!r}; name the function that builds it"
        )
    return build


@contextmanager
def blamed(model: str, *passed: type[Exception]) -> Iterator[None]:
    """Turn what a user's code raises in the block into an error that says where.

    Args:
        model: The model, for the message.
        passed: Exceptions that are left as they are, beside hvdgan's own.

    Raises:
        ConfigError: The block raised.
    """
    try:
        yield
    except (HvdganError, MemoryError, *passed):
        raise
    except Exception as error:
        raise ConfigError(f"gan.model: {model} failed at {_place(error)}") from error


def _holds(folder: Path, name: str) -> bool:
    """Tell whether a folder holds a module."""
    path = folder.joinpath(*name.split("."))
    return path.with_name(f"{path.name}.py").is_file() or (path / "__init__.py").is_file()


def _import(name: str, folder: str | None) -> ModuleType:
    """Import a user's module."""
    if folder is not None and folder not in sys.path:
        sys.path.append(folder)
    importlib.invalidate_caches()
    try:
        with blamed(name):
            module = importlib.import_module(name)
    except ConfigError as error:
        missing = error.__cause__
        if isinstance(missing, ModuleNotFoundError) and f"{name}.".startswith(f"{missing.name}."):
            raise ConfigError(_not_found(name, folder)) from None
        raise
    file = Path(module.__file__ or "nowhere").resolve()
    if folder is not None and not file.is_relative_to(Path(folder).resolve()):
        raise ConfigError(
            f"gan.model: Python finds {name} in {file}, before the one in {folder}; give your module another name"
        )
    return module


def _not_found(name: str, folder: str | None) -> str:
    """Say where a module was looked for."""
    places = f"in {folder} (gan.model_path) and " if folder else ""
    return (
        f"gan.model: there is no module {name}: looked for it {places}among the installed ones; put it beside the "
        "configuration or into the current folder, or set gan.model_path to the folder that holds it"
    )


def _place(error: Exception) -> str:
    """Say where an exception arose: the innermost line of the user's own code, else of any."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}: {type(error).__name__}: {error.msg}"
    libraries = (PACKAGE, *(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")))
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<")]
    own = [frame for frame in frames if not frame.filename.startswith(libraries)]
    frame = (own or frames)[-1]
    return f"{frame.filename}:{frame.lineno}: {frame.line}\n  {type(error).__name__}: {error}"
