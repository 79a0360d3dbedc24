"""Checks that every framework makes alike: of a spec before networks are built, of a state before it is taken over."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hvdgan.backends.arguments import TOLD, check_arguments, wants_angles
from hvdgan.backends.interface import GanSpec
from hvdgan.backends.resolve import Build, resolve
from hvdgan.errors import ConfigError, DataError


def choose(name: str, given: str, legal: Mapping[str, Any]) -> Any:
    """Return what a configuration's word stands for.

    Args:
        name: Key of the configuration.
        given: Its value.
        legal: What each legal value stands for.

    Raises:
        ConfigError: The value is not legal.

    >>> choose("gan.precision", "float64", {"float32": 4, "float64": 8})
    8
    """
    if given not in legal:
        raise ConfigError(f"{name}: there is no {given!r}; legal are {', '.join(legal)}")
    return legal[given]


def choose_model(spec: GanSpec, models: Mapping[str, Build]) -> Build:
    """Return the builder of a spec's model; it knows whether events have an angle, where it wants to.

    Raises:
        ConfigError: The model or one of its arguments is unknown.
    """
    build = resolve(spec.model, models, spec.model_path)
    check_arguments(spec.model, build, spec.model_args)
    return partial(build, **{TOLD: bool(spec.angles)}) if wants_angles(build) else build


def check_response(response: NDArray | None, classes: int) -> tuple[tuple[float, ...], ...]:
    """Return the coefficients of the expected cell sum that a state holds, see `GanSpec.response`.

    Raises:
        DataError: There are none, or not a row for each particle class.
    """
    array = np.asarray([] if response is None else response)
    if array.ndim != 2 or len(array) != classes or not array.size:
        raise DataError(
            f"response has shape {array.shape}; one coefficient or more for each class, ({classes}, k), are needed"
        )
    return tuple(tuple(map(float, row)) for row in array)


def check_template(template: NDArray | None, own: NDArray | None) -> NDArray[np.float32] | None:
    """Return the template that a state holds, see `GanSpec.template`.

    Raises:
        DataError: There is one where none is wanted, or the other way round, or it has another shape.
    """
    shapes = [None if one is None else np.shape(one) for one in (template, own)]
    if shapes[0] != shapes[1]:
        raise DataError(f"template has shape {shapes[0]}; these networks need {shapes[1]}: is gan.template as it was?")
    return template


def check_fit(state: Mapping[str, NDArray], wanted: Mapping[str, tuple[tuple[int, ...], np.dtype]]) -> None:
    """Check that a state has exactly some names, shapes and kinds of numbers.

    Args:
        state: Arrays by canonical name.
        wanted: Shape, with canonical axes, and type by canonical name.

    Raises:
        DataError: It has not; says which and what is needed.
    """
    missing, unknown = wanted.keys() - state.keys(), state.keys() - wanted.keys()
    if missing or unknown:
        raise DataError(f"the state does not fit these networks: missing {_some(missing)}; unknown {_some(unknown)}")
    for name, (shape, kind) in wanted.items():
        array = np.asarray(state[name])
        if array.shape != shape:
            raise DataError(f"{name} has shape {array.shape}; these networks need {shape}")
        if not np.can_cast(array.dtype, kind, "safe"):
            raise DataError(f"{name} holds {array.dtype}; these networks need {kind}: use the precision it came from")


def _some(names: set[str], limit: int = 5) -> str:
    """List the first few of some names."""
    listed = ", ".join(sorted(names)[:limit]) or "nothing"
    return f"{listed} and {len(names) - limit} more" if len(names) > limit else listed
