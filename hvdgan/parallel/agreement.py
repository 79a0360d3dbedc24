"""Agreement over a ring: a value or an error that every rank sees alike.

Without it one rank could raise, for a file that only its host lacks, while its peers wait for it in a collective.
"""

import json
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hvdgan import errors
from hvdgan.parallel.ring import Ring
from hvdgan.parallel.shards import Model, speak_once
from hvdgan.parallel.world import World, mark_agreed

Result = TypeVar("Result")


def together(ring: Ring, compute: Callable[[], Result]) -> Result:
    """Run `compute` on every rank; if it raises on any, raise the first rank's error on all. Collective.

    Raises:
        HvdganError: Of the class and with the message of the first rank that failed.
    """
    result, failure = None, ""
    try:
        result = compute()
    except (errors.HvdganError, OSError) as error:
        failure = json.dumps([type(error).__name__, str(error)])
    told = gather_texts(ring, failure)
    for text in told:
        if text:
            raise mark_agreed(_rebuild(*json.loads(text)), ring.size)
    return result  # type: ignore[return-value]


def everywhere(world: World, compute: Callable[[], Result]) -> list[Result]:
    """Run `compute` on every rank and return all results, or raise the same rank's error on all. Collective.

    Raises:
        HvdganError: Of the first rank that did not only fail because another one did.
    """
    result, failure = None, None
    try:
        result = compute()
    except errors.HvdganError as error:
        failure = (type(error), str(error))
    told = world.gather((failure, result))
    failures = sorted((one for one, _ in told if one), key=lambda one: issubclass(one[0], errors.RingBrokenError))
    if failures:
        kind, message = failures[0]
        raise mark_agreed(kind.__new__(kind, message), world.size)
    return [one for _, one in told]


def lead(ring: Ring, compute: Callable[[], Any]) -> Any:
    """Run `compute` on rank 0 and return its JSON-like value, or raise its error, on every rank. Collective."""
    text = together(ring, lambda: json.dumps(compute()) if ring.rank == 0 else "")
    return json.loads(gather_texts(ring, text)[0])


def gather_texts(ring: Ring, text: str) -> list[str]:
    """Return every rank's text, in the order of ranks. Collective."""
    data = np.frombuffer(text.encode(), dtype=np.uint8)
    lengths = ring.gather(np.array([len(data)], dtype=np.int64))
    joined = ring.gather(data).tobytes()
    ends = np.cumsum(lengths)
    return [joined[end - length : end].decode() for end, length in zip(ends, lengths, strict=True)]


def share(ring: Ring | World | Model, count: int) -> slice:
    """Return this rank's part of `count` items; the parts of all ranks are disjoint, in order and complete."""
    return slice(count * ring.rank // ring.size, count * (ring.rank + 1) // ring.size)


def gather_rows(ring: Ring, arrays: tuple[NDArray, ...]) -> tuple[NDArray, ...]:
    """Return each array, a row for each of a model's events, joined over the models of the ring. Collective."""
    return tuple(ring.gather(speak_once(ring, array)) for array in arrays)


def _rebuild(name: str, message: str) -> errors.HvdganError:
    """Return an error of ours by class name; anything else becomes a plain HvdganError."""
    kind = getattr(errors, name, None)
    return kind(message) if isinstance(kind, type) else errors.HvdganError(f"{name}: {message}")
