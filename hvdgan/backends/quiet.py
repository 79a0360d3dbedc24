"""Start libraries quietly: what they write to stderr is passed on, but for notes."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

NOTE = re.compile(rb"I\d{4} |\d{4}-\d\d-\d\d [\d:.]+: I |WARNING: All log messages before absl::InitializeLog\(\)")
"""How a line begins with which TensorFlow notes that all is well; it has no switch for those of its start."""


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back what the block writes to this process' stderr, and at its end pass on all but notes."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            said.seek(0)
            os.write(2, b"".join(line for line in said if not NOTE.match(line)))
