"""Check a configuration, and then the same with a further setting; arguments: the file, the setting."""

import sys
from pathlib import Path

from hvdgan.config import load
from hvdgan.parallel.guard import guarded_world
from hvdgan.report.tables import to_text
from hvdgan.run.check import check

if __name__ == "__main__":
    path, setting = sys.argv[1:]
    with guarded_world() as world:
        for settings in ([], [setting]):
            seen = check(load(Path(path), settings), world)
            if seen is not None:
                print(to_text(seen), flush=True)
