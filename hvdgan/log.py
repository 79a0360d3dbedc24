"""The log of a run: what happened and when, with the traceback of what went wrong, in `run.log`.

People at a terminal read progress and errors; the log is for the day after.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hvdgan.secrets import hide_secrets

logger = logging.getLogger("hvdgan")
logger.addHandler(logging.NullHandler())

FORMAT = "%(asctime)s %(levelname)s %(message)s"


class _Handler(logging.FileHandler):
    """Writes to a file: no passwords, and no complaints of a full disk, which whoever stores results tells."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as text that can be shown."""
        return hide_secrets(super().format(record))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Leave a record out that the system does not take."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)

    def close(self) -> None:
        """Close the file; what there was no room for is dropped."""
        with suppress(OSError):
            super().close()


@contextmanager
def log_to(path: Path) -> Iterator[None]:
    """Append what is logged in the block, warnings of Python included, to a file; an exception is logged and passes.

    Raises:
        OSError: The file cannot be written.
    """
    handler = _Handler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter(FORMAT))
    sources = (logger, logging.getLogger("py.warnings"))
    level = logger.level
    logger.setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    for source in sources:
        source.addHandler(handler)
    try:
        yield
    except BaseException:
        logger.exception("the run ends here")
        raise
    finally:
        logging.captureWarnings(capture=False)
        logger.setLevel(level)
        for source in sources:
            source.removeHandler(handler)
        handler.close()
