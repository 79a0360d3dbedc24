"""Points that are tried first: from what the configuration names to whole, legal points of the space."""

import difflib
from collections.abc import Mapping
from typing import Any

from hvdgan.config import Config
from hvdgan.errors import ConfigError
from hvdgan.study.search import conditions, values

PAPER: Mapping[str, Any] = {
    "gan.latent_size": 200,
    "gan.weights.generation": 2.0,
    "gan.weights.auxiliary": 0.1,
    "gan.weights.ecal": 0.1,
    "gan.model_args.dropout": 0.2,
    "training.optimizer": "rmsprop",
    "training.learning_rate": 1e-3,
    "training.discriminator_rate": 1.0,
    "training.label_flip": 0.05,
}
"""3DGAN as it was published for 25 x 25 x 25 cells, by its public code: architecture and recipe of svalleco/3Dgan
(keras/EcalEnergyGan.py), with the loss weights that vlimant/NNLO (GanModel) has by default. The batch size is left
out: the codes differ (128 and 100), and neither says what it is per rank."""

_MISSING = object()


def resolve_points(config: Config) -> list[dict[str, Any]]:
    """Return the points of `study.enqueue` as whole points of the space.

    A key that a point leaves out is as in the rest of the configuration. Keys whose condition does not hold are left
    out of the result.

    Args:
        config: A configuration whose space is legal (`space.check`).

    Raises:
        ConfigError: A point names a key that is not searched in it, or a value does not lie in the space; one line per
            problem.
    """
    points, problems = [], []
    for number, entry in enumerate(config.study.enqueue, start=1):
        point, found = _complete(config, PAPER if entry == "paper" else entry, strict=entry != "paper")
        points.append(point)
        name = f"study.enqueue: point {number}" + (" (paper)" if entry == "paper" else "")
        problems += [f"{name}: {problem}" for problem in found]
    if problems:
        raise ConfigError("\n".join(problems))
    return points


def _complete(config: Config, given: Mapping[str, Any], strict: bool) -> tuple[dict[str, Any], list[str]]:
    """Return a whole point, and what is wrong with it.

    Args:
        config: The configuration.
        given: What was given for some keys.
        strict: Whether every given key must be part of the point.
    """
    space = config.study.space
    point: dict[str, Any] = {}
    problems = [_explain_unknown(name, space) for name in given if strict and name not in space]
    for name in conditions.order(space):
        if conditions.holds(space[name].when, point):
            value = given[name] if name in given else _look_up(config, name)
            point[name] = values.settle(space[name], value)
            if point[name] is None:
                problems.append(_explain_illegal(name, value, name in given, values.describe(space[name])))
        elif strict and name in given:
            needed = "; ".join(f"{key}: {legal}" for key, legal in space[name].when.items())
            problems.append(f"{name}: {given[name]!r} is given, but this key is searched only when {needed}")
    return point, problems


def _look_up(config: Config, name: str) -> Any:
    """Return the configuration's own value of a dotted name, or `_MISSING`."""
    content: Any = config.model_dump()
    for key in name.split("."):
        if not isinstance(content, dict) or key not in content:
            return _MISSING
        content = content[key]
    return content


def _explain_unknown(name: str, space: conditions.Space) -> str:
    """Say that a key is not in the space, and which one may be meant."""
    near = difflib.get_close_matches(name, space, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"its keys are {', '.join(space)}"
    return f"{name} is no key of study.space; {hint}"


def _explain_illegal(name: str, value: Any, given: bool, legal: str) -> str:
    """Say that a value does not lie in its dimension, and where it came from."""
    if value is _MISSING:
        return f"{name}: the point leaves it out, and the configuration has no value for it; give {legal}"
    origin = "given" if given else "left out, and the configuration has"
    return f"{name}: {origin} {value!r}; legal is {legal}"
