"""Frameworks behind one contract (`interface`): arrays in, arrays out.

`load` brings in a framework when it is asked for by name; importing this package brings in none.
"""

import importlib
from types import ModuleType

from hvdgan.errors import ConfigError, MissingDependencyError

BACKENDS = {"torch": "torch"}
"""Legal names, and the library each needs."""

INSTALL = {"torch": "pip install torch (a core dependency of hvdgan: its installation is incomplete)"}
"""What to do when the library is missing."""


def load(name: str) -> ModuleType:
    """Import a backend.

    Args:
        name: "torch".

    Returns:
        A module with the public names `Gan`, `MODELS`, `use_device`, `count_devices` and `seed`.

    Raises:
        ConfigError: There is no backend of that name.
        MissingDependencyError: Its library is not installed.
    """
    if name not in BACKENDS:
        raise ConfigError(f"gan.backend: there is no backend {name!r}; legal are {', '.join(BACKENDS)}")
    try:
        return importlib.import_module(f"hvdgan.backends.{name}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != BACKENDS[name]:
            raise
        raise MissingDependencyError(
            f"the backend {name} needs {BACKENDS[name]}, which is not installed: {INSTALL[name]}"
        ) from error
