"""Conditions between dimensions: in which order to choose, what is searched at all, and which conditions make no sense.

`when: {training.optimizer: adam}` lets a dimension exist only in points whose optimizer is Adam. A condition on a
dimension that is absent itself does not hold.
"""

import difflib
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from hvdgan.config import Dimension, Plain
from hvdgan.study.search import values

Space = Mapping[str, Dimension]
"""Dotted config names and what they may become."""

Condition = Mapping[str, Plain | list[Plain]]
"""Keys of the space and the values of which each must have one."""


def order(space: Space) -> list[str]:
    """Return the names of a legal space, each after those that its condition asks for, else as they come."""
    return list(_sorter(space).static_order())


def holds(when: Condition, chosen: Mapping[str, Any]) -> bool:
    """Tell whether a condition holds, by what was chosen for the keys it names."""
    return all(key in chosen and _contains(listed(legal), chosen[key]) for key, legal in when.items())


def listed(legal: Plain | list[Plain]) -> list[Plain]:
    """Return the values of a condition, of which one may stand alone."""
    return legal if isinstance(legal, list) else [legal]


def requirements(space: Space, name: str) -> dict[str, list[Plain]]:
    """Return what a dimension needs the others to be, conditions of conditions included.

    Returns:
        For every key it depends on, the values under which it is searched; none where conditions exclude each other.
    """
    needed: dict[str, list[Plain]] = {}
    names, seen = [name], {name}
    while names:
        for key, legal in space[names.pop()].when.items():
            wanted = listed(legal)
            needed[key] = [one for one in needed[key] if _contains(wanted, one)] if key in needed else wanted
            names += [] if key in seen else [key]
            seen.add(key)
    return needed


def find_problems(space: Space) -> Iterator[tuple[str, str]]:
    """Yield name and problem of every condition that can never hold, or has no meaning."""
    problems = [
        (name, f"when {key}: {problem}")
        for name, dimension in space.items()
        for key, legal in dimension.when.items()
        if (problem := _problem(space, key, listed(legal)))
    ]
    yield from problems
    try:
        _sorter(space).prepare()
    except CycleError as error:
        circle = error.args[1]
        yield circle[0], f"its condition runs in a circle: {' -> '.join(reversed(circle))}"
        return
    if not problems:
        yield from _find_contradictions(space)


def _find_contradictions(space: Space) -> Iterator[tuple[str, str]]:
    """Yield the dimensions whose conditions exclude each other."""
    for name in space:
        for key, left in requirements(space, name).items():
            if not left:
                yield name, f"its conditions exclude each other: no value of {key} fulfils them all"
                break


def _sorter(space: Space) -> TopologicalSorter:
    """Return the graph of conditions between the keys of a space."""
    return TopologicalSorter({name: [key for key in one.when if key in space] for name, one in space.items()})


def _problem(space: Space, key: str, wanted: list[Plain]) -> str:
    """Say what is wrong with a condition on one key, or nothing."""
    if key not in space:
        near = difflib.get_close_matches(key, space, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else f": {', '.join(space)}"
        return f"a condition can only name keys of the space{hint}"
    if not wanted:
        return "an empty list never holds; name a value"
    dimension = space[key]
    if values.count(dimension) is None:
        return f"a continuous range practically never takes exactly {wanted[0]!r}; give {key} a step or choices"
    wrong = [one for one in wanted if values.find(dimension, one) is None]
    return f"{wrong[0]!r} is never taken; {key} is {values.describe(dimension)}" if wrong else ""


def _contains(wanted: list[Plain], value: Any) -> bool:
    """Tell whether a value is among some."""
    return any(values.same(one, value) for one in wanted)
