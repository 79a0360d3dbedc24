"""A process that reads one epoch and tells its memory: python -m reading.memory BATCH FILE..."""

import json
import resource
import sys
from pathlib import Path

from hvdgan.data.files import open_files
from reading.rates import read_stream


def main(batch: int, paths: list[Path]) -> None:
    """Read, then print events and the most resident memory in MB."""
    with open_files([str(path) for path in paths]) as files:
        events = read_stream(files, batch, 0)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps({"events": events, "resident": most}))


if __name__ == "__main__":
    main(int(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
