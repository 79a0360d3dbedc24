"""From the exceptions of several ranks to the one failure of their trial.

When one rank of a ring fails, its peers fail too, because their ring breaks, and so do the folds that train beside it.
The trial's failure is the first one that is no mere consequence.
"""

import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

from hvdgan.errors import ConfigError, NotFiniteError, RingBrokenError, RingShutError
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


def locate(error: Exception, fold: int | None) -> Exception:
    """Return an exception with a note for `describe`: in which fold it arose, if there are folds, and that it was now.

    For objectives whose ranks come together before the exception leaves them.
    """
    error.fold, error.arose = fold, time.time()  # type: ignore[attr-defined]
    return error


def describe(error: Exception, place: str) -> Ending:
    """Return the ending that an exception is, with its traceback as text; keeps no reference to the exception.

    Args:
        error: The exception; see `locate`.
        place: Which rank, on which host.
    """
    text = "".join(traceback.format_exception(error))
    fold = getattr(error, "fold", None)
    where = place if fold is None else f"{place}, fold {fold}"
    failure = Failed(classify(error), f"{type(error).__name__}: {error} ({where})\n\n{text}")
    return Ending(failure, where, getattr(error, "arose", time.time()), isinstance(error, RingBrokenError))


def classify(error: Exception) -> str:
    """Return the kind of failure an exception means.

    A ring that was shut down is a stall unless it is the consequence of another failure, see `merge`.

    >>> classify(NotFiniteError("loss")), classify(RuntimeError("CUDA out of memory.")), classify(KeyError("x"))
    ('nan', 'oom', 'exception')
    """
    if isinstance(error, NotFiniteError):
        return "nan"
    if isinstance(error, ConfigError):
        return "config"
    if isinstance(error, RingShutError):
        return "stall"
    starved = isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in _OUT_OF_MEMORY)
    return "oom" if starved else "exception"


def merge(endings: Sequence[Ending]) -> Outcome:
    """Return the outcome of a trial from the endings of all ranks of its group, rank 0 first.

    The earliest failure that is no consequence wins, whatever the other ranks say; without any failure rank 0 speaks.
    When all ranks failed, and only because their ring did, nobody left it: one stalled, and Horovod freed the others.
    """
    failed = [ending for ending in endings if isinstance(ending.outcome, Failed)]
    if not failed:
        return endings[0].outcome
    first, *others = sorted(failed, key=lambda ending: (ending.consequence, ending.time))
    if first.consequence and first.outcome.kind == "stall":
        return _stall(failed) if len(failed) == len(endings) else Failed("exception", first.outcome.message)
    lines = [f"also failed: {_first_line(ending)}" for ending in others if not ending.consequence]
    return Failed(first.outcome.kind, "\n".join([first.outcome.message.rstrip(), *lines]), first.outcome.details)


def _stall(failed: Sequence[Ending]) -> Failed:
    """Return the failure of a trial in which nobody failed, but a ring was shut down."""
    shut = sorted((ending for ending in failed if ending.outcome.kind == "stall"), key=lambda ending: ending.time)
    told = f"a rank stalled; the last one to come back was {shut[-1].place}, the first one to be freed said:"
    return Failed("stall", f"{told}\n{shut[0].outcome.message}")


def _first_line(ending: Ending) -> str:
    """Return a failure in one line."""
    return ending.outcome.message.partition("\n")[0]
