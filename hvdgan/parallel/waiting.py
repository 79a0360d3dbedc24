"""Waiting without spinning: look, pause, look again, with a pause that grows."""

import math
import time
from collections.abc import Callable

SHORTEST_PAUSE, LONGEST_PAUSE = 1e-4, 5e-3
"""Seconds between two looks while waiting: the pause doubles from the first to the second."""


def wait_until(ready: Callable[[], bool], timeout: float | None = None) -> bool:
    """Look until something is ready, with a growing pause between two looks.

    Args:
        ready: Looks, without waiting.
        timeout: Seconds after which to give up; None never does.

    Returns:
        Whether it became ready.
    """
    pause, end = SHORTEST_PAUSE, math.inf if timeout is None else time.monotonic() + timeout
    while not ready():
        left = end - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(pause, left))
        pause = min(2 * pause, LONGEST_PAUSE)
    return True
