"""From the exceptions of several ranks to the one failure of their trial.

When one rank of a ring fails, its peers fail too, because their ring breaks. The trial's failure is the first one that
is no mere consequence.
"""

import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

from hvdgan.errors import ConfigError, NotFiniteError, RingBrokenError
from hvdgan.study.messages import Failed, Outcome

_OUT_OF_MEMORY = ("out of memory", "oom when allocating", "can't allocate memory", "cannot allocate memory")


@dataclass(frozen=True)
class Ending:
    """How one rank's part of a trial ended.

    Args:
        outcome: What the objective returned there, or the failure its exception became.
        place: Which rank, on which host.
        time: Seconds since 1970.
        consequence: Whether the rank failed only because another one did.
    """

    outcome: Outcome
    place: str
    time: float
    consequence: bool = False


def describe(error: Exception, place: str) -> Ending:
    """Return the ending that an exception is, with its traceback as text; keeps no reference to the exception."""
    text = "".join(traceback.format_exception(error))
    failure = Failed(classify(error), f"{type(error).__name__}: {error} ({place})\n\n{text}")
    return Ending(failure, place, time.time(), isinstance(error, RingBrokenError))


def classify(error: Exception) -> str:
    """Return the kind of failure an exception means.

    >>> classify(NotFiniteError("loss")), classify(RuntimeError("CUDA out of memory.")), classify(KeyError("x"))
    ('nan', 'oom', 'exception')
    """
    if isinstance(error, NotFiniteError):
        return "nan"
    if isinstance(error, ConfigError):
        return "config"
    starved = isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in _OUT_OF_MEMORY)
    return "oom" if starved else "exception"


def merge(endings: Sequence[Ending]) -> Outcome:
    """Return the outcome of a trial from the endings of all ranks of its group, rank 0 first.

    The earliest failure that is no consequence wins, whatever the other ranks say; without any failure rank 0 speaks.
    """
    failed = [ending for ending in endings if isinstance(ending.outcome, Failed)]
    if not failed:
        return endings[0].outcome
    first, *others = sorted(failed, key=lambda ending: (ending.consequence, ending.time))
    lines = [f"also failed: {_first_line(ending)}" for ending in others if not ending.consequence]
    message = "\n".join([first.outcome.message.rstrip(), *lines])
    return Failed(first.outcome.kind, message, first.outcome.details)


def _first_line(ending: Ending) -> str:
    """Return a failure in one line."""
    return ending.outcome.message.partition("\n")[0]
