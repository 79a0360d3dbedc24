"""Run one step after the other: its output into the log, one line of progress onto the screen."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from installation.problems import SetupError, advise, quote

EVERY = 30.0
"""Seconds between lines of progress where a line cannot be redrawn."""
TAIL = 2000
"""Lines of a step's output that are kept to explain a failure."""


def as_duration(seconds: float) -> str:
    """Return "12 s" or "2 min 05 s"."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


class Screen:
    """Where progress is shown, and the log behind it."""

    def __init__(self, log: Path, lock: int, stream: TextIO = sys.stdout) -> None:
        """Start a new log.

        Args:
            log: The log file; what an earlier set-up wrote is replaced.
            lock: File descriptor that children inherit, so that the lock outlives us as long as they work.
            stream: Where progress is shown.
        """
        self.log = log
        self._lock = lock
        self._stream = stream
        self._redraws = stream.isatty()
        log.write_text("", encoding="utf-8")

    def say(self, text: str) -> None:
        """Print a line of its own."""
        print(text, file=self._stream, flush=True)

    def run(
        self,
        title: str,
        command: list[str],
        environ: dict[str, str],
        folder: Path,
        describe: Callable[[str], str | None],
    ) -> str:
        """Run a command and show its progress.

        Args:
            title: What the step does, as the user would say it.
            command: Program and arguments.
            environ: The whole environment of the command.
            folder: Where it runs.
            describe: Line of output -> short text to show, or None.

        Returns:
            The last lines of its output.

        Raises:
            SetupError: The command failed; says how it ended and what to do.
        """
        start = time.monotonic()
        process = subprocess.Popen(
            command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True, pass_fds=(self._lock,),
        )  # fmt: skip
        reader = Reader(process, self.log, f"$ {' '.join(command)}", describe)
        try:
            self._follow(title, process, reader, start)
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
            raise
        finally:
            reader.join()
        output = "".join(reader.tail)
        if process.returncode:
            raise SetupError(f"{title} failed:\n{self._quote(reader)}\n  {advise(output)}\n  the whole log: {self.log}")
        self._end(f"  {title}: done in {as_duration(time.monotonic() - start)}")
        return output

    def _follow(self, title: str, process: subprocess.Popen, reader: "Reader", start: float) -> None:
        """Show a step's progress until its process ends."""
        pause = 0.5 if self._redraws else EVERY
        while True:
            try:
                process.wait(pause)
            except subprocess.TimeoutExpired:
                elapsed = as_duration(time.monotonic() - start)
                self._show(f"  {title}: {elapsed}" + (f", {reader.step}" if reader.step else ""))
            else:
                return

    def _show(self, text: str) -> None:
        """Redraw the line of progress, or print another one."""
        if self._redraws:
            text = "\r\033[K" + text[: shutil.get_terminal_size().columns - 1]
        print(text, end="" if self._redraws else "\n", file=self._stream, flush=True)

    def _end(self, text: str) -> None:
        """Replace the line of progress by a last one."""
        self._show(text)
        if self._redraws:
            print(file=self._stream, flush=True)

    def _quote(self, reader: "Reader") -> str:
        """Return the last lines of a failed step, indented."""
        if self._redraws:
            print(file=self._stream)
        return "\n".join(f"  | {line[:200]}" for line in quote(list(reader.tail)))


class Reader(threading.Thread):
    """Copies a process's output into the log and remembers its end and its present step."""

    def __init__(
        self, process: subprocess.Popen, log: Path, heading: str, describe: Callable[[str], str | None]
    ) -> None:
        """Start to read at once."""
        super().__init__(daemon=True)
        self.tail: deque[str] = deque(maxlen=TAIL)
        self.step = ""
        self._process, self._log, self._heading, self._describe = process, log, heading, describe
        self.start()

    def run(self) -> None:
        """Read until the process closes its output."""
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"{self._heading}\n")
            for line in self._process.stdout or ():
                log.write(line)
                self.tail.append(line)
                self.step = self._describe(line) or self.step
