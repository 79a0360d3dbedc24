"""Interrupts: a signal becomes a flag that the training loop reads between steps."""

import signal
import threading
from types import FrameType

SIGNALS = (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT)


class Interrupt:
    """While the block runs, the first INT, TERM or USR1 sets `wanted`; a second one acts as if nobody listened."""

    def __init__(self) -> None:
        """Start without a wish to leave."""
        self.wanted = False
        self._previous: dict[int, object] = {}

    def __enter__(self) -> "Interrupt":
        """Listen, in the main thread; elsewhere signals do not arrive."""
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening."""
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        """Remember the wish; from now on signals act as before."""
        self.wanted = True
        self._restore()

    def _restore(self) -> None:
        """Give the signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._previous = {}
