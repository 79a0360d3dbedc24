"""Frameworks behind one contract (`interface`): arrays in, arrays out.

`load` brings in a framework when it is asked for by name; importing this package brings in none.
"""

import importlib
import os
from collections.abc import Mapping
from types import ModuleType

from hvdgan.backends.quiet import quiet
from hvdgan.errors import ConfigError, MissingDependencyError

BACKENDS = {"torch": ("torch",), "keras": ("tensorflow", "keras")}
"""Legal names, and the libraries each needs."""

INSTALL = {
    "torch": "pip install torch (a core dependency of hvdgan: its installation is incomplete)",
    "keras": "run scripts/setup --frameworks torch,keras, or install the extra: pip install 'hvdgan[keras]'",
}
"""What to do when a library is missing."""


def load(name: str) -> ModuleType:
    """Import a backend.

    Args:
        name: "torch" or "keras".

    Returns:
        A module with the public names `Gan`, `MODELS`, `use_device`, `count_devices`, `list_whole_layers`,
            `peak_memory`, `seed`, and for measurements `Gradients` and `multiply`.

    Raises:
        ConfigError: There is no backend of that name.
        MissingDependencyError: Its library is not installed.
    """
    if name not in BACKENDS:
        raise ConfigError(f"gan.backend: there is no backend {name!r}; legal are {', '.join(BACKENDS)}")
    if name == "keras":
        os.environ.update(settings(os.environ) | {"KERAS_BACKEND": "tensorflow"})
    try:
        with quiet():
            return importlib.import_module(f"hvdgan.backends.{name}")
    except ModuleNotFoundError as error:
        library = (error.name or "").split(".")[0]
        if library not in BACKENDS[name]:
            raise
        raise MissingDependencyError(
            f"the backend {name} needs {library}, which is not installed: {INSTALL[name]}"
        ) from error


def settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return how TensorFlow starts unless the user says otherwise: told to warn of errors only, with OpenMP's threads.

    >>> settings({"OMP_NUM_THREADS": "2", "TF_CPP_MIN_LOG_LEVEL": "0"})["TF_NUM_INTRAOP_THREADS"]
    '2'
    """
    threads = environ.get("OMP_NUM_THREADS", "")
    bounds = {"TF_NUM_INTRAOP_THREADS": threads, "TF_NUM_INTEROP_THREADS": threads} if threads.isdigit() else {}
    ours = {"TF_CPP_MIN_LOG_LEVEL": "2", **bounds}
    return {name: environ.get(name, value) for name, value in ours.items()}
