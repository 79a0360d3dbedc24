"""The log of a run: what happened and when, with the traceback of what went wrong, in `run.log`.

People at a terminal read progress and errors; the log is for the day after.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

logger = logging.getLogger("hvdgan")
logger.addHandler(logging.NullHandler())

FORMAT = "%(asctime)s %(levelname)s %(message)s"


@contextmanager
def log_to(path: Path) -> Iterator[None]:
    """Append what is logged in the block, warnings of Python included, to a file; an exception is logged and passes.

    Raises:
        OSError: The file cannot be written.
    """
    handler = logging.FileHandler(path, encoding="utf-8")
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
