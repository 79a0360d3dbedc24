"""A model's own hyper-parameters: read off the signature of the function that builds it, and held against it.

    def build(image_shape, classes, latent_size, *, width: float = 1.0, norm: Literal["batch", "none"] = "batch"): ...

makes `gan.model_args.width` and `gan.model_args.norm` legal in configurations and spaces.
"""

import difflib
import inspect
from collections.abc import Mapping
from inspect import Parameter
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import ConfigDict, TypeAdapter, ValidationError

from hvdgan.backends.resolve import Build
from hvdgan.errors import ConfigError

GIVEN = 3
"""Arguments that every builder gets by their place: image_shape, classes, latent_size."""

TOLD = "angles"
"""A builder with a keyword of this name is told whether events have an angle; it is no hyper-parameter."""

PLAIN = (bool, int, float, str, NoneType)
LEGAL = "bool, int, float, str, Literal[...] or one of these with | None"
STRICT = ConfigDict(strict=True, allow_inf_nan=False)


def read_keywords(model: str, build: Build) -> dict[str, Parameter]:
    """Return the hyper-parameters of a model by name.

    Args:
        model: Its name, for errors.
        build: The function that builds it.

    Raises:
        ConfigError: The signature is not that of a model; says which parameter is to be changed.
    """
    try:
        parameters = list(inspect.signature(build, eval_str=True).parameters.values())
    except (TypeError, ValueError, NameError) as error:
        raise ConfigError(f"gan.model: the signature of {model} cannot be read: {error}") from None
    placed = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    if len(placed) != GIVEN:
        raise ConfigError(_explain(model, f"takes {len(placed)} arguments by their place: {_list(placed)}"))
    keywords = [one for one in parameters[GIVEN:] if one.name != TOLD]
    for keyword in keywords:
        if problem := _find_problem(keyword):
            raise ConfigError(_explain(model, f"has {keyword.name}, {problem}"))
    return {keyword.name: keyword for keyword in keywords}


def wants_angles(build: Build) -> bool:
    """Tell whether a builder wants to know if events have an angle."""
    return TOLD in inspect.signature(build).parameters


def check_arguments(model: str, build: Build, arguments: Mapping[str, Any]) -> None:
    """Hold arguments against the annotated keywords of a model's builder.

    Args:
        model: The model's name, for errors.
        build: The function that builds it.
        arguments: Values by name.

    Raises:
        ConfigError: The signature is not that of a model; or an argument is unknown, or of another type.
    """
    keywords = read_keywords(model, build)
    for name, value in arguments.items():
        if name not in keywords:
            near = difflib.get_close_matches(name, keywords, n=1, cutoff=0.5)
            reason = f"unknown; did you mean {near[0]}?" if near else "unknown"
        else:
            reason = _misfit(keywords[name], value)
        if reason:
            legal = ", ".join(f"{keyword.name} ({_name(keyword)})" for keyword in keywords.values()) or "none"
            raise ConfigError(f"gan.model_args.{name}: {reason}; given: {value!r}; {model} takes {legal}")


def _find_problem(keyword: Parameter) -> str:
    """Say what keeps a parameter from being a hyper-parameter; empty when nothing does."""
    if keyword.kind is not keyword.KEYWORD_ONLY:
        return "which takes any number of arguments"
    if keyword.annotation is keyword.empty:
        return "which has no annotation"
    if not _is_plain(keyword.annotation):
        return f"whose annotation {_name(keyword)} is not legal"
    if keyword.default is keyword.empty:
        return "which has no default"
    misfit = _misfit(keyword, keyword.default)
    return f"whose default {keyword.default!r} does not fit its annotation: {misfit}" if misfit else ""


def _is_plain(annotation: Any) -> bool:
    """Tell whether values of a type can be written into a configuration."""
    if get_origin(annotation) in (Union, UnionType):
        return all(map(_is_plain, get_args(annotation)))
    return get_origin(annotation) is Literal or annotation in PLAIN


def _misfit(keyword: Parameter, value: Any) -> str:
    """Say why a value is not of a keyword's type; empty when it is."""
    try:
        TypeAdapter(keyword.annotation, config=STRICT).validate_python(value)
    except ValidationError as error:
        return error.errors()[0]["msg"]
    return ""


def _name(keyword: Parameter) -> str:
    """Return a keyword's type as a person writes it."""
    kind = keyword.annotation
    return kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "")


def _list(parameters: list[Parameter]) -> str:
    """List the names of parameters."""
    return ", ".join(one.name for one in parameters) or "none"


def _explain(model: str, problem: str) -> str:
    """Say what a signature must look like."""
    return (
        f"gan.model: {model} {problem}; write def build(image_shape, classes, latent_size, *, name: type = default, "
        f"...) with hyper-parameters behind the star, of type {LEGAL}"
    )
