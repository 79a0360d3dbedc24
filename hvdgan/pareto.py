"""Pareto fronts of points whose values are all better when lower; pure, because the search and its tables need them."""

from collections.abc import Mapping, Sequence


def front(points: Mapping[int, Sequence[float]]) -> list[int]:
    """Return the names of the points that no other point dominates, the lowest first value first.

    Args:
        points: Name -> values, the same number for every point; equal points stand or fall together.

    >>> front({0: (1.0, 5.0), 1: (2.0, 2.0), 2: (3.0, 3.0), 3: (4.0, 1.0), 4: (2.0, 2.0)})
    [0, 1, 4, 3]
    >>> front({7: (0.5,), 8: (0.4,)}), front({})
    ([8], [])
    """
    ordered = sorted(points, key=lambda name: (tuple(points[name]), name))
    found: list[int] = []
    for name in ordered:
        if not any(dominates(points[other], points[name]) for other in found):
            found.append(name)
    return found


def dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    """Tell whether a point is nowhere worse and somewhere better than another one.

    >>> dominates((1, 2), (1, 3)), dominates((1, 2), (1, 2)), dominates((1, 3), (2, 2))
    (True, False, False)
    """
    pairs = list(zip(one, other, strict=True))
    return all(left <= right for left, right in pairs) and any(left < right for left, right in pairs)
